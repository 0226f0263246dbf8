"""One session of an emitter while its calls come in, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

import msgspec
from msgspec.structs import replace

from pipeline.actions.secrets import may_have_credentials
from pipeline.assembling.ancestors import FIRST_US, lacks_agent, with_request
from pipeline.assembling.joining import copied, fill, gravest, join, joined
from pipeline.assembling.native_events import digest_of, encoded, native_event, native_line
from pipeline.assembling.origins import origins_of
from pipeline.assembling.secrets.hiding import hidden, secret_origins
from pipeline.assembling.secrets.seen_secrets import read_secrets
from pipeline.assembling.state.corpus import Corpus
from pipeline.assembling.state.session_state import (
    Done,
    OpenCall,
    State,
    weight_of_call,
    weight_of_held,
)
from pipeline.assembling.state.spans import add_span, agents_at, call_of, facts_above
from pipeline.assembling.state.weights import ENTRY, SECRET, SESSION, SPELLING, weight_of
from pipeline.assembling.word_sums import word_sums
from pipeline.formats.agents.denied_hooks import DECISION, was_denied
from pipeline.formats.bounds import cut

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from pipeline.assembling.ancestors import Ancestry
    from pipeline.assembling.known_subjects import KnownSubjects
    from pipeline.formats.part import Part

MAX_CALLS = 1_000
"""Most calls of a session that wait for their results."""
MAX_DONE = 4_000
"""Most calls of a session that are remembered, so that a repetition is one event."""
MAX_PURPOSE = 2_000
_LONGEST_TOOL = 256
_RAN = ":ran"
"""Ends the name of a call that ran although its hook denied it."""
_MOST_TOKENS = 1 << 53
_LONGEST_MS = 1e12
_SUBAGENT = 2
"""Agents above a request from which on it comes from an agent."""
_OF_MODEL = ("model", "message")
_encode = msgspec.json.Encoder().encode


class OpenSession:
    """Joins the parts of one session to events.

    Parameters
    ----------
    salt
        Of the checksums of words (`pipeline.assembling.state.corpus`).
    count
        Counts what is dropped, and why.
    ancestry
        Whether the agents of a service come after their calls.
    subjects
        Knows which accounts are those of persons.
    sums
        Computes the checksums of the words of a text.

    Attributes
    ----------
    counted
        Bytes that the assembler has counted for the session.
    """

    def __init__(
        self,
        salt: int,
        count: Counter[str],
        state: State,
        ancestry: Ancestry,
        subjects: KnownSubjects,
        sums: Callable[[str, int], bytes] = word_sums,
    ) -> None:
        self.state = state
        self._salt = salt
        self._ancestry = ancestry
        self._subjects = subjects
        self.corpus = Corpus(salt, sums)
        self._count = count
        self._about: dict[str, Any] | None = None
        self._changed: set[str] = set()
        self._held = len(state.held)
        self._facts_changed = True
        self.counted = 0

    def weigh(self) -> int:
        """Give the bytes of the session in memory; what has changed and stays is weighed."""
        state = self.state
        if self._facts_changed:
            self._facts_changed = False
            weight = weight_of(state.facts)
            state.weight += weight - state.facts_weight
            state.facts_weight = weight
        if self._held < len(state.held):
            weight = sum(map(weight_of_held, state.held[self._held :]))
            self._held = len(state.held)
            state.held_weight += weight
            state.weight += weight
        if self._changed:
            for name in self._changed:
                call = state.calls.get(name)
                if call is not None:
                    weight = weight_of_call(name, call)
                    state.weight += weight - call.weight
                    call.weight = weight
            self._changed.clear()
        entries = ENTRY * len(state.done)
        entries += sum(SECRET + SPELLING * len(one.rows) for one in state.secrets)
        return SESSION + state.weight + entries + state.reports.weight + self.corpus.weight

    def released(self) -> list[Part]:
        """Give the parts that were held, and hold them no longer."""
        state = self.state
        held, state.held = state.held, []
        state.weight -= state.held_weight
        state.held_weight = self._held = 0
        return held

    def apply(self, part: Part, arrived_us: int, out: list[bytes]) -> None:
        """Take one part; add the events that it completes to `out`."""
        time_us = part.time_us or arrived_us
        facts = self.state.facts
        if part.call and part.via in _OF_MODEL and self._has_spans_of_calls():
            self._repeated(part, self.state.done.get(digest_of(part.call)))
            return
        if part.match and not part.call:
            part = replace(part, call=self._paired(part, time_us))
        if part.kind == "call":
            self._call(part, time_us, arrived_us, out)
        elif part.kind == "result":
            self._result(part, time_us, arrived_us, out)
        elif part.kind == "request":
            join(facts, part.event)
            self._about = None
            if part.text and agents_at(self.state.spans, part.span) < _SUBAGENT:
                self._read("request", part.text)
                purpose = self._hidden({"purpose": part.text})["purpose"]
                facts["purpose"] = cut(purpose, MAX_PURPOSE)
                for name, call in self.state.calls.items():
                    if call.until_us and time_us <= call.time_us:
                        arguments = call.event.get("arguments")
                        call.origins = with_request(arguments, call.origins, part.text, self._salt)
                        self._changed.add(name)
            self._facts_changed = True
        elif part.kind == "system":
            self._read("system", part.text or "")
        elif part.kind == "about":
            if part.event != self._about:  # most emitters say the same with every record
                join(facts, part.event)
                self._about = part.event
                self._facts_changed = True
        elif part.kind == "span":
            self.state.weight += add_span(self.state.spans, part)
        elif part.kind == "usage":
            self.state.tokens = min(self.state.tokens + (part.size or 0), _MOST_TOKENS)
        elif part.kind == "end":
            self.end(out)

    def _has_spans_of_calls(self) -> bool:
        """Return whether spans report the calls of the session, so that messages repeat them."""
        return any(one.call for one in self.state.spans.values())

    def says_nothing(self) -> bool:
        """Return whether the session has nothing but spans without facts and calls."""
        state = self.state
        if state.facts or state.calls or state.done or len(self.corpus):
            return False
        return not any(span.event or span.call for span in state.spans.values())

    def _paired(self, part: Part, time_us: int) -> str:
        """Give an id to a half of a call whose emitter gives none."""
        own = f"{part.match}@{time_us}"
        if part.kind == "result":
            for name, call in self.state.calls.items():
                if call.match == part.match and call.result is None:
                    if name != own:  # both halves may have the same time
                        self._remember(own, Done(0))  # the same result once more is a repetition
                    return name
        return own

    def _call(self, part: Part, time_us: int, arrived_us: int, out: list[bytes]) -> None:
        name, inner = call_of(self.state.spans, part)
        if self._is_done(part, name, time_us):
            return
        calls = self.state.calls
        call = calls.get(name)
        self._changed.add(name)
        if call is None:
            call = self._opened(name, time_us, arrived_us, out)
            call.match, call.model = part.match, part.via in _OF_MODEL
            call.logged = part.via == "message"
        if self.state.tokens:
            join(call.event, {"attributes": {"tokens": self.state.tokens}})
            self.state.tokens = 0
        call.span, call.model = call.span or part.parent, call.model and part.via in _OF_MODEL
        call.logged = call.logged and part.via == "message"
        part = self._without_secrets(call, part)
        if not inner:
            call.owner, call.named = call.owner or part.span, part.named
            inner = bool(part.span) and part.span != call.owner
        if inner:
            fill(call.event, part.event)
        else:
            join(call.event, part.event)
        self._find_origins(call)
        if call.result is not None and not inner:
            call.time_us = time_us
            self._complete(name, out)

    def _result(self, part: Part, time_us: int, arrived_us: int, out: list[bytes]) -> None:
        name, inner = call_of(self.state.spans, part)
        if name and (ran := self._ran_denied(part, name)) is not None:
            part, name = ran, ran.call
        if not name or self._is_done(part, name, time_us):
            return
        call = self.state.calls.get(name) or self._opened(name, time_us, arrived_us, out)
        self._changed.add(name)
        inner = inner or bool(call.owner and part.span and part.span != call.owner)
        part = self._without_secrets(call, part)
        outcome = gravest(call.event.get("outcome"), part.event.get("outcome"))
        if inner:
            fill(call.event, part.event)
        else:
            join(call.event, part.event)
        if outcome is not None:
            call.event["outcome"] = outcome
        self._find_origins(call)  # a result may say what was called
        size = part.size
        if size is None and part.text is not None:
            size = _size_of(part.text)
        if size is not None:
            _set_size(call.event, size)
        tool = call.event.get("tool")
        if part.text:
            call.read = self._sum(part.text)
            origin = f"result:{cut(str(tool or 'unknown'), _LONGEST_TOOL)}"
            kinds = self._read(origin, part.text)
            if kinds:
                known = (call.event.get("attributes") or {}).get("secrets_read") or ()
                kinds = list(dict.fromkeys((*known, *kinds)))
                join(call.event, {"attributes": {"secrets_read": kinds}})
        if inner:
            return
        call.result = "yes"
        if tool:
            self._complete(name, out)

    def _complete(self, name: str, out: list[bytes]) -> None:
        """Give a call with both halves, unless an agent above it may still come."""
        call = self.state.calls[name]
        wait_us = self._ancestry.wait_us(self._service()) if self._lacks_agent(call) else 0
        if self._lacks_span(call):
            wait_us = FIRST_US
        if not wait_us:
            self._emit(name, out)
        elif not call.until_us:
            call.until_us = call.arrived_us + wait_us

    def settle(self, out: list[bytes], *, whole: bool = False) -> None:
        """Give the calls whose agents have come; with `whole`, all that wait for agents only."""
        for name, call in list(self.state.calls.items()):
            if call.until_us and (whole or not self._lacks_agent(call)):
                self._count["agents_late"] += not whole
                self._emit(name, out)

    def _lacks_agent(self, call: OpenCall) -> bool:
        is_span = bool(call.owner)  # others name what they hang below, which need not come
        return is_span and lacks_agent(self.state.spans, call.span, call.event)

    def _lacks_span(self, call: OpenCall) -> bool:
        """Return whether log records alone report a call, and no span says that it is one."""
        if not call.logged:
            return False
        found = self.state.spans.get(call.span)
        return found is None or not found.messages

    def _service(self) -> str:
        """Name the service of the session, which is the agent where no other is found."""
        agent = self.state.facts.get("agent") or {}
        return f"{self.state.reporter}\x1f{agent.get('id') or ''}"

    def _ran_denied(self, part: Part, name: str) -> Part | None:
        """Give the result of a call that ran although its hook denied it, as one of another call.

        An agent that obeys may report its refusal as an error, but not in a hook after the call.
        """
        known = self.state.done.get(digest_of(name))
        outcome = part.event.get("outcome")
        if known is None or not known.denied or outcome not in ("ok", "error"):
            return None
        if outcome == "error" and part.via != "hook":
            return None
        event = {"tool": known.tool} | part.event | {"attributes": {DECISION: "deny"}}
        return replace(part, call=f"{name}{_RAN}", event=event)

    def _is_done(self, part: Part, name: str, time_us: int) -> bool:
        done = self.state.done
        known = done.get(digest_of(name))
        if known is not None and (part.kind != "call" or part.named or time_us < known.end_us):
            self._repeated(part, known)
            return True
        if known is not None:
            del done[digest_of(name)]  # an id that counts requests began again
        if name != part.call and part.call:
            known = done.get(digest_of(part.call))
            if known is not None:
                # A server's span came so early that it is an event already.
                self._repeated(part, known)
                if (call := self.state.calls.pop(name, None)) is not None:
                    self.state.weight -= call.weight
                self._remember(name, Done(0, known.tool, known.read))
                return True
        return False

    def _repeated(self, part: Part, done: Done | None) -> None:
        """Count a part of a call that is an event already, and read the result that it has."""
        if done is None or part.kind != "result":
            self._count["parts_repeated"] += 1
            return
        self._count["results_late" if done.late else "parts_repeated"] += 1
        done.late = False
        if part.text and done.tool and (found := self._sum(part.text)) != done.read:
            done.read = found
            self._read(f"result:{done.tool}", part.text)

    def _sum(self, text: str) -> int:
        """Give a checksum of a text, by which the same one is not read twice."""
        return crc32(text.encode("utf-8", "replace"), self._salt)

    def _remember(self, name: str, call: Done) -> None:
        done = self.state.done
        if len(done) >= MAX_DONE:
            del done[next(iter(done))]
        done[digest_of(name)] = call

    def _opened(self, name: str, time_us: int, arrived_us: int, out: list[bytes]) -> OpenCall:
        """Open a call; the oldest one becomes an event where there is no room."""
        calls = self.state.calls
        if len(calls) >= MAX_CALLS:
            self._emit(next(iter(calls)), out, "calls_dropped_for_room")
        call = calls[name] = OpenCall(time_us, arrived_us, {})
        return call

    def _read(self, origin: str, text: str) -> list[str]:
        """Remember a text; give the kinds of its credentials."""
        self.corpus.add(origin, text)
        return read_secrets(self.state.secrets, origin, text, self._salt)

    def _hidden(self, event: dict[str, Any]) -> dict[str, Any]:
        """Give members of an event whose credentials are replaced by their kinds."""
        known = self.state.secrets
        if known or may_have_credentials(_encode(event)):
            return hidden(event, known, self._salt)
        return event

    def _without_secrets(self, call: OpenCall, part: Part) -> Part:
        """Replace the credentials in a part of a call by their kinds, and remember these."""
        arguments = part.event.get("arguments")
        if not isinstance(arguments, dict):
            return part
        event = self._hidden(part.event)
        if event is part.event:
            return part
        call.secrets = call.secrets or secret_origins(arguments, self.state.secrets, self._salt)
        return replace(part, event=event)

    def _find_origins(self, call: OpenCall) -> None:
        arguments = call.event.get("arguments")
        if call.origins is not None or not isinstance(arguments, dict) or not len(self.corpus):
            return
        call.origins = origins_of(arguments, self.corpus)
        for key, found in call.secrets.items():
            marks = [one[0] for one in found]
            others = [
                one
                for one in call.origins.get(key, ())
                if not any(mark in one[0] for mark in marks)
            ]
            call.origins[key] = found + others

    def end(self, out: list[bytes], why: str = "calls_without_result") -> None:
        """Give the calls without a result as events whose outcome is unknown."""
        for name, call in list(self.state.calls.items()):
            self._emit(name, out, "agents_missing" if call.until_us else why)

    def expire(self, before_us: int, now_us: int, out: list[bytes]) -> None:
        """Give the calls that have waited for a result since before a time, or too long now."""
        in_vain = False
        for name, call in list(self.state.calls.items()):
            if call.until_us and call.until_us <= now_us:
                in_vain = in_vain or not self._lacks_span(call)
                self._emit(name, out, "agents_missing")
            elif not call.until_us and call.arrived_us < before_us:
                self._emit(name, out, "calls_without_result")
        if in_vain:
            self._ancestry.missed(self._service())

    def add_gaps(self, until_us: int, out: list[bytes]) -> None:
        """Give the calls whose hook has not come since an instant."""
        state = self.state
        for name, time_us, gap in state.reports.due(until_us):
            self._count["calls_without_hook"] += 1
            facts = {key: value for key, value in state.facts.items() if value is not None}
            out.append(native_line(joined(facts, gap), name, time_us, state.reporter, state.name))

    def _emit(self, name: str, out: list[bytes], why: str = "") -> None:
        state = self.state
        call = state.calls.pop(name)
        state.weight -= call.weight
        tool = call.event.get("tool")
        if not tool:
            self._count["results_without_call"] += 1
            return
        if call.model and self._has_spans_of_calls():  # they came later than the messages
            self._count["parts_repeated"] += 1
            return
        if self._lacks_span(call):
            self._count["calls_without_span"] += 1
            return
        if why:
            self._count[why] += 1
        took = call.event.get("duration_ms") or 0.0
        end_us = call.time_us + int(min(took, _LONGEST_MS) * 1000)
        tool = cut(str(tool), _LONGEST_TOOL)
        denied = call.event.get("outcome") == "denied" and was_denied(call.event)
        self._remember(name, Done(end_us, tool, call.read, call.result is None, denied))
        event = copied(state.facts)
        for facts in facts_above(state.spans, call.span) if call.span else ():
            if "agent" in facts:
                self._ancestry.came(self._service())
            join(event, facts)
        join(event, call.event)
        if call.origins:
            event["argument_origins"] = call.origins
        # What a model asks for may be carried out in another trace, under the same id.
        asked = call.model and call.result is None
        line = native_event(event, name, call.time_us, state.reporter, state.name, of_session=asked)
        if not self._subjects.names_person(event, line, call.time_us):
            out.append(encoded(line, state.secrets, self._salt))


def _set_size(event: dict[str, Any], size: int) -> None:
    """Set the bytes of a result; the largest of all reports counts, in any order."""
    known = event.get("volume")
    if isinstance(known, dict):
        known["bytes_in"] = max(known.get("bytes_in") or 0, size)
    else:
        event["volume"] = {"bytes_in": size}


def _size_of(text: str) -> int:
    """Give the bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
