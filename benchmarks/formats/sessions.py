"""Sessions of a synthetic fleet: what a person asks, the calls, and the text of each result."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, field

from lab.simulation.sample import fleet_events
from models.event import Event, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = 7
RESULT_WORDS = 60
"""Words of a result beside the values that later calls use."""
_WORDS = [
    "order",
    "status",
    "open",
    "customer",
    "note",
    "shipped",
    "invoice",
    "total",
    "amount",
    "currency",
    "EUR",
    "region",
    "north",
    "team",
    "review",
    "pending",
    "approved",
    "by",
    "desk",
    "item",
    "quantity",
    "price",
    "warehouse",
    "delivery",
    "date",
    "reference",
    "updated",
    "comment",
    "line",
    "field",
    "value",
    "record",
    "entry",
    "table",
    "column",
    "index",
    "page",
    "next",
    "previous",
    "result",
]
_decode = msgspec.json.Decoder(Event).decode


class Call(Struct):
    """One call of a session."""

    id: str
    at_us: int
    took_us: int
    tool: str
    arguments: dict[str, Any]
    outcome: str
    result: str


class Session(Struct):
    """One session of an agent."""

    name: str
    trace: str
    agent: str
    version: str
    request: str
    calls: list[Call] = field(default_factory=list)


def sessions_of(agents: int, events: int) -> list[Session]:
    """Give the sessions of a fleet with this many calls, in order of their first call."""
    draw = Random(SEED)  # noqa: S311  # no secret
    found: dict[str, Session] = {}
    for line in fleet_events(SEED, agents, limit=events):
        event = _decode(line)
        name = event.session or event.id
        session = found.get(name)
        if session is None:
            session = found[name] = Session(
                name, f"{draw.getrandbits(128):032x}", event.agent.id,
                event.agent.version or "1.0", event.purpose or "Do the work of the day.",
            )  # fmt: skip
        session.calls.append(_call(event, draw))
        _mention(session, event)
    return list(found.values())


def calls_in_time(sessions: list[Session]) -> Iterator[tuple[Session, int]]:
    """Give the calls of all sessions in order of time, as the session and the place in it."""
    order = [(session, at) for session in sessions for at in range(len(session.calls))]
    order.sort(key=lambda one: (one[0].calls[one[1]].at_us, one[0].name))
    yield from order


def _call(event: Event, draw: Random) -> Call:
    words = draw.choices(_WORDS, k=RESULT_WORDS)
    return Call(
        f"call_{draw.getrandbits(96):024x}",
        microseconds(event.time),
        int((event.duration_ms or 1.0) * 1000),
        event.tool,
        event.arguments or {},
        event.outcome or "ok",
        " ".join(words),
    )


def _mention(session: Session, event: Event) -> None:
    """Let the values of a call occur where the event says that they came from."""
    for pairs in (event.argument_origins or {}).values():
        for value, origins in pairs:
            for origin in origins:
                tool = origin.removeprefix("result:")
                for earlier in session.calls[:-1]:
                    if earlier.tool == tool and value not in earlier.result:
                        earlier.result += f" {value}"
                        break
