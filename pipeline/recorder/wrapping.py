"""Wrap the functions that are tools: plain and async ones, generators, and methods."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import CoroutineType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pipeline.recorder.snapshots import text_in

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Coroutine, Generator

    from pipeline.recorder.calls import Call

F = TypeVar("F", bound=Callable[..., Any])
Begin = Callable[[Mapping[str, Any]], "Call"]
"""Makes a call of its arguments."""
MAX_YIELDED = 1_000_000
"""Most characters of what a generator gives that are kept."""
_OWN = ("self", "cls")


def wrapped(function: F, begin: Begin, exclude: Collection[str]) -> F:
    """Wrap a function so that each call is recorded; its result and exceptions pass unchanged.

    A coroutine or generator function stays one, as frameworks ask for the kind of a tool. Python
    runs nothing of it before its first step, so it refuses wrong arguments at that step.

    Parameters
    ----------
    function
        A function or a method. Arguments have the names of its parameters.
    exclude
        Arguments that are left out.

    Raises
    ------
    TypeError
        It is not a function.
    """
    if isinstance(function, staticmethod | classmethod):
        inner = wrapped(function.__func__, begin, exclude)
        return cast("F", type(function)(inner))
    if not callable(function) or inspect.isclass(function):
        raise TypeError(f"expected a function, got {function!r:.100}; the tool goes next to `def`")
    bind = binder(function, exclude)
    if inspect.isasyncgenfunction(function):
        made: Any = _async_generator(function, begin, bind)
    elif inspect.isgeneratorfunction(function):
        made = _generator(function, begin, bind)
    elif inspect.iscoroutinefunction(function):
        made = _coroutine(function, begin, bind)
    else:
        made = _plain(function, begin, bind)
    return cast("F", functools.update_wrapper(made, function))


def binder(
    function: Callable[..., Any], exclude: Collection[str]
) -> Callable[[tuple[Any, ...], dict[str, Any]], dict[str, Any]]:
    """Give a function that names arguments; it accepts what the tool itself would refuse.

    >>> def pay(self, to, *more, amount=1): ...
    >>> binder(pay, ("amount",))((None, "Ines", 3), {"amount": 2})
    {'to': 'Ines', 'more': [3]}
    """
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # some builtins have none
        parameters = []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = tuple(one.name for one in parameters if one.kind in positional)
    rest = next(
        (one.name for one in parameters if one.kind is inspect.Parameter.VAR_POSITIONAL), "args"
    )
    own = names[0] if names and names[0] in _OWN else None
    out = frozenset(exclude)

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        found = dict(zip(names, args, strict=False))
        if own is not None:
            found.pop(own, None)
        if len(args) > len(names):
            found[rest] = list(args[len(names) :])
        if kwargs:
            found |= kwargs
        return {key: one for key, one in found.items() if key not in out} if out else found

    return bind


Bind = Callable[[tuple[Any, ...], dict[str, Any]], dict[str, Any]]


def _plain(function: Callable[..., Any], begin: Begin, bind: Bind) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        call = begin(bind(args, kwargs))
        call.start()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            call.end(error)
            raise
        if type(result) is CoroutineType:  # its `__class__` may raise
            return _awaited(result, call)
        call.returned(result)
        call.end()
        return result

    return run


async def _awaited(result: Coroutine[Any, Any, Any], call: Call) -> Any:
    try:
        found = await result
    except BaseException as error:
        call.end(error)
        raise
    call.returned(found)
    call.end()
    return found


def _coroutine(function: Callable[..., Any], begin: Begin, bind: Bind) -> Callable[..., Any]:
    async def run(*args: Any, **kwargs: Any) -> Any:
        with begin(bind(args, kwargs)) as call:
            result = await function(*args, **kwargs)
            call.returned(result)
        return result

    return run


def _generator(function: Callable[..., Any], begin: Begin, bind: Bind) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with begin(bind(args, kwargs)) as call:
            given, inner = Given(call), function(*args, **kwargs)
            try:
                one = next(inner)
                while True:
                    given.add(one)
                    try:
                        sent = yield one
                    except GeneratorExit:
                        inner.close()
                        raise
                    except BaseException as error:  # noqa: BLE001  # it belongs to the tool
                        one = inner.throw(error)
                    else:
                        one = inner.send(sent)
            except StopIteration as end:
                return end.value
            finally:
                given.finish()

    return run


def _async_generator(function: Callable[..., Any], begin: Begin, bind: Bind) -> Callable[..., Any]:
    async def run(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with begin(bind(args, kwargs)) as call:
            given, inner = Given(call), function(*args, **kwargs)
            try:
                one = await anext(inner)
                while True:
                    given.add(one)
                    try:
                        sent = yield one
                    except GeneratorExit:
                        await inner.aclose()
                        raise
                    except BaseException as error:  # noqa: BLE001  # as above
                        one = await inner.athrow(error)
                    else:
                        one = await inner.asend(sent)
            except StopAsyncIteration:
                return
            finally:
                given.finish()

    return run


class Given:
    """What a generator has given: pieces of one text, or a list.

    The first `MAX_YIELDED` characters, or 10,000 values, are kept.
    """

    def __init__(self, call: Call) -> None:
        self._call, self._found = call, list[Any]()
        self._room = MAX_YIELDED

    def add(self, one: Any) -> None:
        """Keep one value."""
        if self._room > 0:
            text = text_in(one)
            kept = one if text is None else text[: self._room]
            self._found.append(kept)
            self._room -= 100 if text is None else len(kept)

    def finish(self) -> None:
        """Make what was given the result of the call."""
        found = self._found
        whole = "".join(found) if all(type(one) is str for one in found) else found
        self._call.returned(whole)
