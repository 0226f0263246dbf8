"""A recorded tool does what it did before, whatever kind of function it is."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Generator

    from tests.pipeline.recorder.conftest import Recorded


def shown(event: dict[str, Any]) -> tuple[str, Any, str]:
    return event["tool"], event["arguments"], event["outcome"]


def test_call_of_a_function_is_an_event(recorded: Recorded) -> None:
    @recorded.recorder.tool
    def find_order(number: str, *more: int, deep: bool = False) -> str:
        """Find."""
        return f"{number}{more}{deep}"

    assert find_order("7", 1, deep=True) == "7(1,)True"
    (event,) = recorded.events()
    assert shown(event) == ("find_order", {"number": "7", "more": [1], "deep": True}, "ok")
    assert event["agent"] == {"id": "billing-bot", "version": "1.4"}
    assert event["volume"] == {"bytes_in": 9}
    assert (find_order.__name__, find_order.__doc__) == ("find_order", "Find.")
    assert list(inspect.signature(find_order).parameters) == ["number", "more", "deep"]


def test_exception_is_an_error_and_passes_unchanged(recorded: Recorded) -> None:
    raised = ValueError("limit of Ines")

    @recorded.recorder.tool(name="pay", operation="pay")
    def send(to: str) -> None:
        if to:
            raise raised

    with pytest.raises(ValueError, match="limit") as caught:
        send("Ines")
    assert caught.value is raised
    (event,) = recorded.events()
    assert (*shown(event), event["operation"]) == ("pay", {"to": "Ines"}, "error", "pay")
    assert "limit" not in str(event)


def test_refusal_is_denied(recorded: Recorded) -> None:
    @recorded.recorder.tool(denied=(PermissionError,))
    def pay(to: str) -> None:
        raise PermissionError(to)

    with pytest.raises(PermissionError):
        pay("Ines")
    with recorded.recorder.call("pay", {"to": "Eve"}) as call:
        call.refused("policy 7")
    assert [event["outcome"] for event in recorded.events()] == ["denied", "denied"]


def test_method_leaves_out_the_object(recorded: Recorded) -> None:
    class Desk:
        @recorded.recorder.tool
        def pay(self, to: str) -> str:
            return to

        @recorded.recorder.tool
        @classmethod
        def name(cls, of: str) -> str:
            return cls.__name__ + of

        @staticmethod
        @recorded.recorder.tool
        def add(one: int, other: int) -> int:
            return one + other

        @recorded.recorder.tool
        @staticmethod
        def double(one: int) -> int:
            return 2 * one

    assert (Desk().pay("a"), Desk.name("b"), Desk.add(1, 2), Desk().double(4)) == (
        "a", "Deskb", 3, 8,
    )  # fmt: skip
    assert [event["arguments"] for event in recorded.events()] == [
        {"to": "a"}, {"of": "b"}, {"one": 1, "other": 2}, {"one": 4},
    ]  # fmt: skip


def test_class_is_refused_as_a_tool(recorded: Recorded) -> None:
    with pytest.raises(TypeError, match="expected a function"):
        recorded.recorder.tool(type("Tool", (), {}))


def test_coroutine_is_an_event_when_it_ends(recorded: Recorded) -> None:
    @recorded.recorder.tool
    async def slow(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "done"

    @recorded.recorder.tool
    def later(seconds: float) -> Any:
        return slow(seconds)

    async def main() -> list[str]:
        return await asyncio.gather(slow(0.2), later(0.01))

    assert inspect.iscoroutinefunction(slow)
    assert asyncio.run(main()) == ["done", "done"]
    events = recorded.events()
    assert sorted(event["tool"] for event in events) == ["later", "slow", "slow"]
    assert max(event["duration_ms"] for event in events) >= 200


def test_cancelled_call_is_an_error_and_stays_cancelled(recorded: Recorded) -> None:
    @recorded.recorder.tool
    async def wait() -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(main())
    assert [shown(event) for event in recorded.events()] == [("wait", {}, "error")]


def test_generator_keeps_its_protocol(recorded: Recorded) -> None:
    closed: list[str] = []

    @recorded.recorder.tool
    def talk(first: str) -> Generator[str, str, str]:
        try:
            answer = yield first
            try:
                yield answer
            except KeyError:
                yield "caught"
            return "end"
        finally:
            closed.append(first)

    talking = talk("DE00")
    assert (next(talking), talking.send("51")) == ("DE00", "51")
    assert talking.throw(KeyError()) == "caught"
    with pytest.raises(StopIteration) as ended:
        next(talking)
    assert ended.value.value == "end"
    left = talk("left")
    next(left)
    left.close()
    assert closed == ["DE00", "left"]
    first, second = recorded.events()
    assert shown(first) == ("talk", {"first": "DE00"}, "ok")
    assert first["volume"] == {"bytes_in": len("DE0051caught")}
    assert (shown(second)[2], second["volume"]) == ("ok", {"bytes_in": 4})


def test_generator_that_fails_is_an_error(recorded: Recorded) -> None:
    @recorded.recorder.tool
    def rows() -> Generator[dict[str, int], None, None]:
        yield {"n": 1}
        raise ValueError("no rows")

    with pytest.raises(ValueError, match="no rows"):
        list(rows())
    assert [shown(event) for event in recorded.events()] == [("rows", {}, "error")]


def test_async_generator_is_an_event(recorded: Recorded) -> None:
    @recorded.recorder.tool
    async def stream(to: str) -> AsyncGenerator[str, None]:
        for one in (to, "!"):
            yield one

    async def main() -> list[str]:
        return [one async for one in stream("Ines")]

    assert asyncio.run(main()) == ["Ines", "!"]
    (event,) = recorded.events()
    assert (shown(event), event["volume"]) == (
        ("stream", {"to": "Ines"}, "ok"),
        {"bytes_in": 5},
    )


def test_coroutines_and_generators_keep_their_kind_and_refuse_wrong_arguments_when_they_run(
    recorded: Recorded,
) -> None:
    @recorded.recorder.tool
    def rows(number: int) -> Generator[int, None, None]:
        yield number

    @recorded.recorder.tool
    async def stream(number: int) -> AsyncGenerator[int, None]:
        yield number

    @recorded.recorder.tool
    async def read(number: int) -> int:
        return number

    assert inspect.isgeneratorfunction(rows)
    assert inspect.isasyncgenfunction(stream)
    assert inspect.iscoroutinefunction(read)
    made: list[Any] = [rows, stream, read]
    generator, stream_of, coroutine = (tool("a", "b") for tool in made)
    assert recorded.events() == []
    with pytest.raises(TypeError, match="rows"):
        next(generator)
    for step in (anext(stream_of), coroutine):
        with pytest.raises(TypeError, match="positional argument"):
            asyncio.run(_whole(step))
    assert [shown(event) for event in recorded.events()] == [
        (name, {"number": "a", "args": ["b"]}, "error") for name in ("rows", "stream", "read")
    ]


async def _whole(step: Awaitable[Any]) -> Any:
    return await step


def test_excluded_argument_is_nowhere_in_the_event(recorded: Recorded) -> None:
    @recorded.recorder.tool(exclude=("pin",))
    def pay(to: str, pin: str) -> None: ...

    with recorded.recorder.session("pay with 7741-secret"):
        pay("Ines", pin="7741-secret")
    (event,) = recorded.events()
    event.pop("purpose")
    assert "7741" not in str(event)


@dataclass
class Order:
    number: int


class Loud:
    """A value whose methods all fail."""

    def __str__(self) -> str:
        raise RuntimeError("not for you")

    __repr__ = __iter__ = __len__ = __str__


def test_value_that_json_does_not_have_is_shown_by_its_type(recorded: Recorded) -> None:
    @recorded.recorder.tool
    def take(**_: Any) -> Any:
        return iter_given

    iter_given = iter([1, 2])
    cycle: list[Any] = []
    cycle.append(cycle)
    got = take(
        order=Order(7), loud=Loud(), rows=iter_given, cycle=cycle, half="\ud800", keys={(1,): 2}
    )
    assert list(got) == [1, 2], "recording consumes no iterator"
    (event,) = recorded.events()
    assert event["arguments"] == {
        "order": {"number": 7}, "loud": "<Loud>", "rows": "<list_iterator>", "cycle": ["<list>"],
        "half": "?", "keys": {"(1,)": 2},
    }  # fmt: skip
    assert recorded.recorder.dropped == 0


def test_argument_is_recorded_as_it_was_at_the_start(recorded: Recorded) -> None:
    @recorded.recorder.tool
    def fill(rows: list[int]) -> list[int]:
        rows.append(2)
        return rows

    fill([1]).append(3)
    (event,) = recorded.events()
    assert event["arguments"] == {"rows": [1]}
    assert event["volume"] == {"bytes_in": len(b"[1,2]")}


def test_id_of_the_model_s_call_is_that_of_the_event(recorded: Recorded) -> None:
    for _ in range(2):  # the same call once more is no event
        with (
            recorded.recorder.session(id="chat"),
            recorded.recorder.call("pay", {"to": "Ines"}, call_id="toolu_0123456789abcdef") as call,
        ):
            call.returned({"paid": True})
    (event,) = recorded.events()
    assert event["id"] == event["attributes"]["call_id"] == "toolu_0123456789abcdef"
