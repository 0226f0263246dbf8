"""Agents' spans that come after the calls below them, or never."""

from __future__ import annotations

import json
from typing import Any

from pipeline.assembling.ancestors import FIRST_US, LONG_US, MAX_SERVICES, Ancestry
from pipeline.assembling.assembler import HOLD_US, Assembler
from pipeline.formats.part import Part

NOW = 1_800_000_000_000_000
SERVICE = {"agent": {"id": "orders"}}
BOT = {"agent": {"id": "bot"}}


def part(kind: Any, trace: str = "t-1", **more: Any) -> Part:
    return Part(kind=kind, session=trace, **more)


def a_call(trace: str = "t-1", parent: str = "agent", **event: Any) -> list[Part]:
    """Give what a payload says of one call of a service: the span above it is another one."""
    where = {"call": f"call-of-trace-{trace}", "span": "tool", "parent": parent}
    tool = {"tool": "pay", "arguments": {"to": "DE0050"}} | event
    return [
        part("about", trace, event=SERVICE),
        part("call", trace, time_us=NOW + 10, event=tool, **where),
        part("result", trace, time_us=NOW + 20, event={"outcome": "ok"}, text="DE0050", **where),
        part("span", trace, event={"tool": "pay"}, **where),
    ]


def the_agent(trace: str = "t-1", parent: str = "") -> Part:
    return part("span", trace, span="agent", parent=parent, event=BOT)


class Stream:
    """An assembler with a clock; each step gives the events by agent."""

    def __init__(self) -> None:
        self.assembler, self.now_us = Assembler(7), NOW

    def takes(self, *parts: Part) -> list[dict[str, Any]]:
        lines = self.assembler.take(parts, ordered=False, arrived_us=self.now_us)
        return [json.loads(line) for line in lines]

    def after(self, later_us: int, **more: bool) -> list[str]:
        self.now_us += later_us
        due = self.assembler.has_due(self.now_us) or more
        lines = self.assembler.due(**more) if due else []
        return [json.loads(line)["agent"]["id"] for line in lines]

    def restarts(self) -> None:
        rows, _ = self.assembler.dump()
        self.assembler = Assembler(7)
        self.assembler.load(dict(rows))


def test_call_waits_for_the_agent_above_it_over_a_restart() -> None:
    stream = Stream()
    assert stream.takes(*a_call()) == []
    assert stream.after(2 * HOLD_US) == []
    stream.restarts()
    (event,) = stream.takes(the_agent())
    assert event["agent"] == {"id": "bot"}
    assert stream.assembler.counted() == {"assembly_agents_late": 1}
    assert stream.after(LONG_US, whole=True) == []


def test_request_of_a_late_agent_is_an_origin_of_its_call_beside_the_known_ones() -> None:
    stream = Stream()
    earlier = part("result", time_us=NOW, call="call-before-this-one", text="see DE0050")
    stream.takes(earlier, *a_call())
    stream.after(HOLD_US)
    asked = part("request", span="agent", time_us=NOW + 1, text="Pay DE0050")
    after = part("request", span="agent", time_us=NOW + 15, text="Pay DE0050 again")
    (event,) = stream.takes(asked, after, the_agent())
    assert event["argument_origins"] == {"to": [["DE0050", ["request", "result:unknown"]]]}


def test_ordinary_calls_do_not_wait() -> None:
    own, below_root = a_call("t-1", **BOT), a_call("t-2", "root")
    stream = Stream()
    (event,) = stream.takes(*below_root, part("span", "t-2", span="root"))
    assert event["agent"]["id"] == "orders"
    stream.takes(*own, *a_call("t-3"), the_agent("t-3", "far away"))
    assert stream.after(HOLD_US) == ["bot", "bot"]


def test_service_whose_agents_never_come_is_waited_for_once() -> None:
    stream = Stream()
    stream.takes(*a_call("t-1"))
    assert stream.after(HOLD_US) == []
    assert stream.after(FIRST_US) == ["orders"]
    assert stream.assembler.counted() == {"assembly_agents_missing": 1}
    stream.restarts()
    stream.takes(*a_call("t-2"))
    assert stream.after(HOLD_US) == ["orders"]
    assert stream.assembler.counted() == {}


def test_service_whose_agents_come_late_is_waited_for_longer() -> None:
    stream = Stream()
    stream.takes(*a_call("t-1"))
    stream.after(HOLD_US)
    stream.takes(the_agent("t-1"))
    stream.takes(*a_call("t-2"))
    stream.after(HOLD_US)
    assert stream.after(FIRST_US) == []
    assert stream.after(LONG_US - FIRST_US) == ["orders"]


def test_calls_that_wait_for_agents_are_given_where_nothing_more_is_read() -> None:
    stream = Stream()
    half = part("call", "t-2", call="call-without-result", time_us=NOW, event={"tool": "pay"} | BOT)
    stream.takes(*a_call("t-1"), half)
    assert stream.after(0, spans=True) == ["orders"]
    assert stream.after(0, whole=True) == ["bot"]


def test_only_so_many_services_are_remembered() -> None:
    known = Ancestry()
    for number in range(MAX_SERVICES + 1):
        known.missed(f"service {number}")
    assert len(json.loads(known.dump() or b"")) == MAX_SERVICES
    assert known.wait_us("service 0") == FIRST_US
