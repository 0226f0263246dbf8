"""What a recorder offers to the code of an agent. Nothing here waits, and nothing raises later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, overload
from uuid import uuid4

from pipeline.recorder.calls import Call
from pipeline.recorder.sending.buffer import MAX_WAITING
from pipeline.recorder.sending.feed import Feed
from pipeline.recorder.sessions import Opened, Session, current, nested
from pipeline.recorder.wrapping import wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path
    from typing import Unpack

F = TypeVar("F", bound="Callable[..., Any]")
Mode = Literal["delegated", "autonomous", "unknown"]
Operation = Literal["read", "write", "delete", "execute", "send", "pay", "admin", "unknown"]
_MODES = ("delegated", "autonomous", "unknown")


class AboutAgent(TypedDict, total=False):
    """What else is known of the agent."""

    instance: str
    role: str
    model: str
    version: str
    owner: str


class Recording(Feed):
    """Records the calls of tools: the common part of `Recorder` and `AsyncRecorder`.

    Parameters
    ----------
    agent
        Id of the agent.
    to
        ``https://HOST``, ``file:PATH``, ``kafka://HOST:PORT/TOPIC`` or ``none``. By default the
        variable ``HABITUS_RECORD_TO``, else ``http://127.0.0.1:8765``.
    most
        Most calls that wait; what comes meanwhile is dropped and counted.
    spool
        Folder for events that cannot be delivered; by default they are kept in memory.

    Raises
    ------
    ConfigError
        The destination is not one of these.
    """

    def __init__(
        self,
        agent: str,
        *,
        to: str | None = None,
        most: int = MAX_WAITING,
        spool: Path | None = None,
        **about: Unpack[AboutAgent],
    ) -> None:
        super().__init__({"agent": {"id": agent, **about}}, to=to, most=most, spool=spool)

    @overload
    def tool(self, function: F, /) -> F: ...

    @overload
    def tool(
        self,
        /,
        *,
        name: str | None = None,
        operation: Operation | None = None,
        exclude: Collection[str] = (),
        denied: tuple[type[BaseException], ...] = (),
        text: Callable[[Any], str] | None = None,
    ) -> Callable[[F], F]: ...

    def tool(
        self,
        function: F | None = None,
        /,
        *,
        name: str | None = None,
        operation: Operation | None = None,
        exclude: Collection[str] = (),
        denied: tuple[type[BaseException], ...] = (),
        text: Callable[[Any], str] | None = None,
    ) -> F | Callable[[F], F]:
        """Record each call of a function; its results and exceptions pass unchanged.

        A coroutine or generator function stays one, and refuses wrong arguments at its first step.

        Parameters
        ----------
        name
            Name of the tool; by default that of the function.
        operation
            What it does; by default its name says it.
        exclude
            Arguments that are never recorded.
        denied
            Exceptions by which a call is refused; others are errors.
        text
            Gives the text that the agent gets of a result.
        """

        def wrap(function: F) -> F:
            named = name or getattr(function, "__name__", None) or type(function).__name__
            event = _event_of(named, operation)

            def begin(arguments: Mapping[str, Any]) -> Call:
                return Call(self, arguments, event, denied=denied, text=text)

            return wrapped(function, begin, exclude)

        return wrap if function is None else wrap(function)

    def call(
        self,
        tool: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        call_id: str | None = None,
        operation: Operation | None = None,
        resource: Mapping[str, str] | None = None,
    ) -> Call:
        """Record one call: ``with recorder.call(…) as call:``, then ``call.returned(result)``.

        Parameters
        ----------
        call_id
            Id that the model or the framework gives the call. Where telemetry has it too, both
            are one event.
        resource
            What is used: `id`, `type`, `domain` and `sensitivity`.
        """
        event = _event_of(tool, operation)
        if resource:
            event["resource"] = dict(resource)
        return Call(self, {} if arguments is None else arguments, event, call_id=call_id)

    def session(
        self,
        request: str | None = None,
        *,
        id: str | None = None,
        human: str | None = None,
        mode: Mode | None = None,
        agent: str | None = None,
        task: str | None = None,
        trace_id: str | None = None,
        system: str | None = None,
    ) -> Session:
        """Give a session; ``with`` enters it, and the calls in it belong together.

        A session inside another one with no `id` of its own, or the same one, continues it. If it
        names another agent, that one acts on behalf of the outer one.

        Parameters
        ----------
        request
            What the person or the scheduler asks for. It is the purpose of the calls.
        id
            Id that later sessions may have again, such as that of a chat.
        human
            On whose behalf; then `mode` is ``delegated`` by default.
        system
            The system prompt. Its words are an origin, and are not sent.

        Raises
        ------
        ValueError
            The mode is not one of `Mode`.
        """
        if mode is not None and mode not in _MODES:
            raise ValueError(f"unknown mode {mode!r:.60}, expected one of: {', '.join(_MODES)}")
        outer = current(self)
        inside = outer if id is None or (outer is not None and outer.id == id) else None
        name = inside.id if inside is not None else id or uuid4().hex
        facts = nested(inside, agent) if inside is not None else {**self.facts, "session": name}
        if inside is None and agent is not None:
            facts["agent"] = {"id": agent}
        more = {"human": human and {"id": human}, "mode": mode, "task": task, "trace_id": trace_id}
        facts |= {key: value for key, value in more.items() if value}
        if inside is None:
            opened = Opened(request, system, remembered=id is not None)
            return Session(self, name, facts, opened)
        made = Session(self, name, facts, inside.opened)
        if request is not None and facts["agent"] == inside.facts["agent"]:
            made.ask(request)
        elif request is not None:  # an agent asks, so its words are no origin
            facts["purpose"] = request
        return made


def _event_of(tool: str, operation: Operation | None) -> dict[str, Any]:
    return {"tool": tool} if operation is None else {"tool": tool, "operation": operation}
