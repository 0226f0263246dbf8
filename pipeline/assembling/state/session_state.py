"""What is stored of a session beside its texts: its facts, spans and calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from pipeline.assembling.secrets.seen_secrets import SeenSecret  # noqa: TC001 - msgspec reads it
from pipeline.assembling.state.gaps import Reports
from pipeline.assembling.state.spans import OpenSpan  # noqa: TC001 - msgspec reads it
from pipeline.assembling.state.weights import ENTRY, ORIGIN, weight_of

if TYPE_CHECKING:
    from pipeline.formats.part import Part


class OpenCall(Struct):
    """A call without its result, or a result without its call.

    `span` is the one above it. `owner` is the span that reports it; others report it too. A
    call with both halves waits until `until_us` for an agent above it; 0 for one that does not.
    `read` is the checksum of the result that was read last; 0 for none. `model` says that only the
    messages of a model report the call, and `logged` that these came in log records alone.
    """

    time_us: int
    arrived_us: int
    event: dict[str, Any]
    span: str = ""
    owner: str = ""
    named: bool = True
    origins: dict[str, list[Any]] | None = None
    result: str | None = None
    match: str = ""
    secrets: dict[str, list[Any]] = field(default_factory=dict)
    until_us: int = 0
    read: int = 0
    weight: int = 0
    model: bool = False
    logged: bool = False


class Done(Struct, array_like=True):
    """A call that is an event already.

    `read` is as for `OpenCall`. `late` says that the event has no result, so one may still come.
    `denied` says that the answer of its hook denied it, so a result means that it ran all the same.
    """

    end_us: int
    tool: str = ""
    read: int = 0
    late: bool = False
    denied: bool = False


class State(Struct):
    """What is stored of a session beside its texts.

    `order` counts when parts came last, over all sessions. `weight` is what is stored here, in
    bytes (`pipeline.assembling.state.weights`), with `held_weight` and `facts_weight` of it.
    """

    name: str = ""
    reporter: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    spans: dict[str, OpenSpan] = field(default_factory=dict)
    calls: dict[str, OpenCall] = field(default_factory=dict)
    done: dict[int, Done] = field(default_factory=dict)
    held: list[Any] = field(default_factory=list)
    held_since_us: int = 0
    seen_us: int = 0
    ended_us: int = 0
    reports: Reports = field(default_factory=Reports)
    texts: int = 0
    tokens: int = 0
    secrets: list[SeenSecret] = field(default_factory=list)
    order: int = 0
    weight: int = 0
    held_weight: int = 0
    facts_weight: int = 0


def weight_of_call(name: str, call: OpenCall) -> int:
    """Give the bytes of an open call."""
    values = sum(map(len, call.origins.values())) if call.origins else 0
    return ENTRY + len(name) + weight_of(call.event) + ORIGIN * values


def weight_of_held(part: Part) -> int:
    """Give the bytes of a part that is held."""
    names = len(part.call) + len(part.match) + len(part.span) + len(part.parent)
    return ENTRY + names + weight_of(part.event) + weight_of(part.text)
