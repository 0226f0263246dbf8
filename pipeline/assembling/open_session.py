"""One session of an emitter while its calls come in, part by part."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, field

from models.event import rfc3339
from pipeline.assembling.corpus import Corpus
from pipeline.assembling.origins import origins_of
from pipeline.formats.bounds import cut, fit

if TYPE_CHECKING:
    from collections import Counter

    from pipeline.formats.part import Part

MAX_CALLS = 1_000
"""Most calls of a session that wait for their results."""
MAX_DONE = 4_000
"""Most calls of a session that are remembered, so that a repetition is one event."""
MAX_SPANS = 5_000
"""Most spans of a session whose agents are remembered."""
MAX_PURPOSE = 2_000
_LONGEST_ID, _LONGEST_NAME = 128, 256
_UNIQUE = 16
"""Length from which a call id is unique by itself, in characters."""
_MAX_DEPTH = 32


class OpenCall(Struct):
    """A call without its result, or a result without its call."""

    time_us: int
    arrived_us: int
    event: dict[str, Any]
    span: str = ""
    origins: dict[str, list[Any]] | None = None
    result: str | None = None


class State(Struct):
    """What is stored of a session beside its texts."""

    name: str = ""
    reporter: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    spans: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    calls: dict[str, OpenCall] = field(default_factory=dict)
    done: dict[int, None] = field(default_factory=dict)
    held: list[Any] = field(default_factory=list)
    held_since_us: int = 0
    seen_us: int = 0
    texts: int = 0


class OpenSession:
    """Joins the parts of one session to events.

    Parameters
    ----------
    salt
        Of the checksums of words (`pipeline.assembling.corpus`).
    count
        Counts what is dropped, and why.
    """

    def __init__(self, salt: int, count: Counter[str], state: State) -> None:
        self.state = state
        self.corpus = Corpus(salt)
        self._count = count

    def apply(self, part: Part, arrived_us: int, out: list[bytes]) -> None:
        """Take one part; add the events that it completes to `out`."""
        time_us = part.time_us or arrived_us
        facts = self.state.facts
        if part.kind == "call":
            self._call(part, time_us, arrived_us, out)
        elif part.kind == "result":
            self._result(part, time_us, arrived_us, out)
        elif part.kind == "request":
            join(facts, part.event)
            if part.text:
                facts["purpose"] = cut(part.text, MAX_PURPOSE)
                self.corpus.add("request", part.text)
        elif part.kind == "system":
            self.corpus.add("system", part.text or "")
        elif part.kind == "about":
            join(facts, part.event)
        elif part.kind == "span":
            spans = self.state.spans
            if len(spans) >= MAX_SPANS:
                del spans[next(iter(spans))]
            spans[part.span] = (part.parent, part.event)
        elif part.kind == "end":
            self.end(out)

    def _call(self, part: Part, time_us: int, arrived_us: int, out: list[bytes]) -> None:
        if digest_of(part.call) in self.state.done:
            self._count["parts_repeated"] += 1
            return
        calls = self.state.calls
        call = calls.get(part.call)
        if call is None:
            if len(calls) >= MAX_CALLS:
                self._emit(next(iter(calls)), out, "calls_dropped_for_room")
            call = calls[part.call] = OpenCall(time_us, arrived_us, {})
        call.span = call.span or part.parent
        join(call.event, part.event)
        arguments = call.event.get("arguments")
        if call.origins is None and isinstance(arguments, dict):
            call.origins = origins_of(arguments, self.corpus) if len(self.corpus) else None
        if call.result is not None:
            call.time_us = time_us
            self._emit(part.call, out)

    def _result(self, part: Part, time_us: int, arrived_us: int, out: list[bytes]) -> None:
        if digest_of(part.call) in self.state.done:
            self._count["parts_repeated"] += 1
            return
        call = self.state.calls.get(part.call)
        if call is None:
            call = self.state.calls[part.call] = OpenCall(time_us, arrived_us, {})
        join(call.event, part.event)
        size = len(part.text.encode("utf-8", "replace")) if part.text is not None else None
        size = part.size if part.size is not None else size
        if size is not None:
            join(call.event, {"volume": {"bytes_in": size}})
        call.result = "yes"
        tool = call.event.get("tool")
        if part.text:
            self.corpus.add(f"result:{tool or 'unknown'}", part.text)
        if tool:
            self._emit(part.call, out)

    def end(self, out: list[bytes], why: str = "calls_without_result") -> None:
        """Give the calls without a result as events whose outcome is unknown."""
        for name in list(self.state.calls):
            self._emit(name, out, why)

    def expire(self, before_us: int, out: list[bytes]) -> None:
        """Give the calls that have waited since before a time."""
        for name, call in list(self.state.calls.items()):
            if call.arrived_us < before_us:
                self._emit(name, out, "calls_without_result")

    def _emit(self, name: str, out: list[bytes], why: str = "") -> None:
        state = self.state
        call = state.calls.pop(name)
        if why:
            self._count[why] += 1
        if not call.event.get("tool"):
            self._count["results_without_call"] += 1
            return
        if len(state.done) >= MAX_DONE:
            del state.done[next(iter(state.done))]
        state.done[digest_of(name)] = None
        event = {key: value for key, value in state.facts.items() if value is not None}
        for facts in self._ancestors(call.span):
            event = joined(event, facts)
        event = joined(event, call.event)
        if call.origins:
            event["argument_origins"] = call.origins
        out.append(native_line(event, name, call.time_us, state.reporter, state.name))

    def _ancestors(self, span: str) -> list[dict[str, Any]]:
        """Give what the spans above a call say, the outermost first."""
        found: list[dict[str, Any]] = []
        for _ in range(_MAX_DEPTH):
            parent, facts = self.state.spans.get(span, ("", {}))
            if facts:
                found.append(facts)
            if not parent or parent == span:
                break
            span = parent
        return found[::-1]


def native_line(
    event: dict[str, Any], call_id: str, time_us: int, reporter: str = "", session: str = ""
) -> bytes:
    """Write a native event; names that are too long are cut, and a call id becomes a digest.

    An agent that has a kind and no id is one of its kind for each reporter. A short call id may
    occur in many sessions, so its event has the session in its id.
    """
    name = call_id if len(call_id) <= _LONGEST_ID else f"sha-{digest_of(call_id):016x}"
    if session and len(name) < _UNIQUE:
        name = f"{name}@{digest_of(session):016x}"
    line = {"id": name, "time": rfc3339(time_us)} | event
    line["tool"] = cut(str(line["tool"]), _LONGEST_NAME)
    line["agent"] = _named(line.get("agent") or {}, reporter)
    arguments = line.get("arguments")
    if isinstance(arguments, dict):
        line["arguments"] = fit(arguments)
    if "mode" not in line and line.get("human"):
        line["mode"] = "delegated"
    line["attributes"] = {"call_id": cut(call_id, _LONGEST_NAME)} | (line.get("attributes") or {})
    return msgspec.json.encode(line)


def _named(agent: dict[str, Any], reporter: str) -> dict[str, Any]:
    """Give an agent its id.

    >>> _named({"kind": "claude-code"}, "laptop-7"), _named({"kind": "claude-code"}, "")
    ({'id': 'claude-code/laptop-7'}, {'id': 'claude-code'})
    >>> _named({}, "gateway"), _named({"id": "billing-7"}, "gateway")
    ({'id': 'unattributed/gateway'}, {'id': 'billing-7'})
    """
    named = {key: value for key, value in agent.items() if key != "kind"}
    if not named.get("id"):
        kind = agent.get("kind") or "unattributed"
        named["id"] = f"{kind}/{reporter}" if reporter else kind
    named["id"] = cut(str(named["id"]), _LONGEST_NAME)
    return named


def join(into: dict[str, Any], more: dict[str, Any]) -> None:
    """Add members to an event in place, those of nested objects one by one; None adds nothing."""
    for key, value in more.items():
        if value is None:
            continue
        known = into.get(key)
        if isinstance(value, dict) and isinstance(known, dict):
            if key == "arguments":
                if len(msgspec.json.encode(value)) > len(msgspec.json.encode(known)):
                    into[key] = value
            else:
                join(known, value)
        elif isinstance(value, dict) and key != "arguments":
            into[key] = {name: one for name, one in value.items() if one is not None}
        else:
            into[key] = value


def joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Give two parts of an event as one; where both have a member, the other one's counts."""
    out = {key: dict(value) if isinstance(value, dict) else value for key, value in one.items()}
    join(out, other)
    return out


def digest_of(name: str) -> int:
    """Give 63 bits for a name."""
    raw = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(raw, "little") >> 1
