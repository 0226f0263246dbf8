"""Decode records to new events; reject malformed events, impossible times and duplicates."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from models.errors import MalformedEvent
from models.event import microseconds
from models.units import DAY_US
from pipeline.assembling.native_records import is_assembled
from pipeline.events.accepted_times import check_time
from pipeline.events.duplicates import resolved
from pipeline.formats import read_event
from pipeline.formats.reasons import malformed
from pipeline.processing.batch_state import DecodedEvent, NewEvents
from pipeline.processing.stream_types import has_other_key, values_of
from pipeline.publishing.rejected import rejected_message
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Collection, Mapping, Sequence

    from models.codec.hashing import Hasher
    from models.quiet_loop import QuietLoop
    from pipeline.events.duplicates import Mark
    from pipeline.formats import Native
    from pipeline.identity.resolving import Resolver
    from pipeline.processing.batch_state import BatchState
    from pipeline.processing.stream_types import RawRecord
    from pipeline.store.batch import Commit


class Intake:
    """Decodes records, and selects the events to judge.

    Parameters
    ----------
    seen
        Gives the keys of events that were judged before, with the digests of their contents.
    hasher
        Computes the keys of events.
    ahead_us
        Largest accepted lead of an event over its arrival.
    secret
        Of the store: marks the events that a worker has assembled.
    resolver
        Gives the agents of aliases.
    """

    def __init__(
        self,
        seen: Callable[[Sequence[int]], dict[int, int]],
        hasher: Hasher,
        ahead_us: int,
        secret: bytes,
        resolver: Resolver,
    ) -> None:
        self._secret = secret
        self._seen = seen
        self._hasher = hasher
        self._ahead_us = ahead_us
        self._resolver = resolver

    def take(
        self,
        records: Sequence[RawRecord],
        wire: Native,
        out: Commit,
        count: Counter[str],
        loop: QuietLoop | None = None,
    ) -> NewEvents:
        """Give the events to judge, in order; rejected records go to `out` with the reason.

        Parameters
        ----------
        loop
            The compiled loop; None judges all events in Python.
        """
        records, originals = self._resolver.resolved(records)
        actions = None if loop is None else loop.read(*values_of(records), self._ahead_us)
        events = NewEvents(records, lambda record: self._read(record, wire), actions, originals)
        by_day = None if actions is None or originals else actions.marks_by_day()
        if by_day is not None and not self._seen(list(chain.from_iterable(by_day.values()))):
            out.seen, events.order = by_day, list(range(len(records)))  # the common case
            return events
        marks: list[Mark | None] = [None] * len(records) if actions is None else actions.marks()
        days = [0] * len(records) if actions is None else actions.days()
        refused = self._read_others(events, marks, days) if None in marks else {}
        for at, original in originals.items():
            marks[at] = None if marks[at] is None else original.mark
        if originals:
            count["events_of_aliases"] += len(originals)
        for at, (reception, mark) in enumerate(resolved(marks, self._seen)):
            if mark is None:
                reject(out, count, events.received(at), refused[at])
            elif reception != "accepted" and is_assembled(records[at], self._secret):
                count["calls_repeated"] += 1  # another format reports the same call
            elif reception == "duplicate":
                reject(out, count, events.received(at), _judged_before(events, at))
            else:
                key, digest = mark
                out.seen.setdefault(days[at], {})[key] = digest
                events.order.append(at)
                if reception == "conflict":
                    events.conflict(at, key)
        return events

    def reject_misrouted(
        self, batch: BatchState, foreign: Mapping[str, str], misrouted: Collection[str]
    ) -> None:
        """Reject records of agents that belong, or may belong, to another worker.

        Parameters
        ----------
        foreign
            Partition of each agent that another worker judges.
        misrouted
            Unknown agents; their records with another key than the agent id are rejected.
        """
        events, kept = batch.events, []
        for position, at in enumerate(events.order):
            agent_id = batch.agent_at(position)
            original = events.originals.get(at)
            if agent_id in foreign:
                name = agent_id if original is None else original.agent_id
                error = _wrong_partition(agent_id, foreign[agent_id], name)
            elif agent_id in misrouted and has_other_key(events.records[at], agent_id):
                error = _other_key(agent_id, events.records[at].key)
            else:
                kept.append(at)
                continue
            decoded = events.decoded_of(at)
            (key,) = self._hasher.event_keys([(agent_id, decoded.event.id)])
            key = key if original is None else original.mark[0]
            del batch.out.seen[decoded.time_us // DAY_US][events.conflicts.pop(at, key)]
            reject(batch.out, batch.count, events.received(at), error)
        events.order = kept

    def _read_others(
        self, events: NewEvents, marks: list[Mark | None], days: list[int]
    ) -> dict[int, MalformedEvent]:
        """Decode the records without a mark; give the malformed ones, with the error."""
        refused: dict[int, MalformedEvent] = {}
        read: list[tuple[int, DecodedEvent, int]] = []
        for at, record in enumerate(events.records):
            if marks[at] is None:
                try:
                    decoded = events.read(record)
                    read.append((at, decoded, self._digest(decoded.content)))
                except MalformedEvent as error:
                    refused[at] = error
        names = [(decoded.event.agent.id, decoded.event.id) for _, decoded, _ in read]
        for (at, decoded, digest), key in zip(read, self._hasher.event_keys(names), strict=True):
            marks[at], days[at] = (key, digest), decoded.time_us // DAY_US
            events.keep(at, decoded)
        return refused

    def _digest(self, content: bytes) -> int:
        try:
            return self._hasher.content(content)
        except RecursionError as error:
            raise malformed(error) from None

    def _read(self, record: RawRecord, wire: Native) -> DecodedEvent:
        event, unknown = read_event(record, wire)
        time_us = microseconds(event.time)
        check_time(time_us, record.arrived_us, self._ahead_us)
        return DecodedEvent(record, event, time_us, record.value, unknown)


def _wrong_partition(agent_id: str, partition: str, name: str) -> MalformedEvent:
    """Say where the agent is judged, also to an event that has the name of an alias."""
    alias = "" if name == agent_id else f", and {name!r} is an alias of it"
    detail = (
        f"agent {agent_id!r} is judged in {partition}{alias}: an agent has one partition; key the "
        "records by the agent's id, with the partitioner of the Java client, and do not add "
        "partitions to the topic"
    )
    return MalformedEvent("wrong_partition", detail)


def _other_key(agent_id: str, key: bytes | None) -> MalformedEvent:
    detail = (
        f"the key is {quoted(key)} in the first record of agent {agent_id!r}: the first record "
        "decides the partition of an agent; key the records by the agent's id, with the "
        "partitioner of the Java client"
    )
    return MalformedEvent("wrong_partition", detail)


def _judged_before(events: NewEvents, at: int) -> MalformedEvent:
    event = events.decoded_of(at).event
    detail = f"id {event.id!r} of agent {event.agent.id!r} was judged before"
    return MalformedEvent("duplicate_id", detail)


def reject(out: Commit, count: Counter[str], record: RawRecord, error: MalformedEvent) -> None:
    """Count a rejected record, and queue its message."""
    count["rejected_" + error.reason] += 1
    out.outbox.append(rejected_message(record, error))
