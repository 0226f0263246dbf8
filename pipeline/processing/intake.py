"""From records to events that are new: malformed ones, ones ahead of time and repeats go out."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from models.errors import MalformedEvent
from models.event import microseconds
from models.units import DAY_US
from pipeline.events.accepted_times import check_time
from pipeline.events.duplicates import resolved
from pipeline.formats import Native, read_event
from pipeline.formats.reasons import malformed
from pipeline.processing.batch_state import Fresh, Taken
from pipeline.processing.stream_types import has_other_key, values_of
from pipeline.publishing.rejected import rejected_message
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Collection, Mapping, Sequence

    from models.codec.hashing import Hasher
    from models.fast_path import Quiet
    from pipeline.events.duplicates import Mark
    from pipeline.formats import Format
    from pipeline.processing.batch_state import Job
    from pipeline.processing.stream_types import RawRecord
    from pipeline.store.batch import Commit
    from pipeline.store.protocol import Store


class Intake:
    """Takes records in.

    Parameters
    ----------
    store
        Knows the events that were judged before.
    hasher
        Gives the keys they are known by.
    ahead_us
        How far ahead of its arrival an event may be.
    """

    def __init__(self, store: Store, hasher: Hasher, ahead_us: int) -> None:
        self._store = store
        self._hasher = hasher
        self._ahead_us = ahead_us

    def take(
        self,
        records: Sequence[RawRecord],
        wire: Format,
        out: Commit,
        count: Counter[str],
        quiet: Quiet | None = None,
    ) -> Fresh:
        """Give the events to judge, in order; what is rejected goes to `out` with its reason.

        Parameters
        ----------
        quiet
            The kernel's way, for records of the native format.
        """
        acts = None if quiet is None else quiet.read(*values_of(records), self._ahead_us)
        fresh = Fresh(records, lambda record: self._read(record, wire), acts)
        by_day = None if quiet is None else quiet.marks_by_day(acts)
        if by_day is not None and not self._store.seen(list(chain.from_iterable(by_day.values()))):
            out.seen, fresh.order = by_day, list(range(len(records)))  # nearly always: all are new
            return fresh
        marks: list[Mark | None] = [None] * len(records) if quiet is None else quiet.marks(acts)
        days = [0] * len(records) if acts is None else acts.days()
        refused = self._read_others(fresh, marks, days) if None in marks else {}
        for at, (fate, mark) in enumerate(resolved(marks, self._store.seen)):
            if mark is None:
                _reject(records[at], refused[at], out, count)
            elif fate == "duplicate":
                _reject(records[at], _judged_before(fresh, at), out, count)
            else:
                key, digest = mark
                out.seen.setdefault(days[at], {})[key] = digest
                fresh.order.append(at)
                if fate == "conflict":
                    fresh.conflict(at, key)
        return fresh

    def set_apart(self, job: Job, strays: Mapping[str, str], misled: Collection[str]) -> None:
        """Reject what came for agents that another worker judges, or perhaps will.

        Parameters
        ----------
        strays
            The partition of each agent that another worker judges.
        misled
            Agents that nobody knows yet: of them what has another key than their id.
        """
        fresh, kept = job.fresh, []
        for position, at in enumerate(fresh.order):
            agent_id = job.agent_at(position)
            if agent_id in strays:
                error = _elsewhere(agent_id, strays[agent_id])
            elif agent_id in misled and has_other_key(fresh.records[at], agent_id):
                error = _other_key(agent_id, fresh.records[at].key)
            else:
                kept.append(at)
                continue
            taken = fresh.known_or_read(at)
            (key,) = self._hasher.event_keys([(agent_id, taken.event.id)])
            del job.out.seen[taken.time_us // DAY_US][fresh.conflicts.pop(at, key)]
            _reject(fresh.records[at], error, job.out, job.count)
        fresh.order = kept

    def _read_others(
        self, fresh: Fresh, marks: list[Mark | None], days: list[int]
    ) -> dict[int, MalformedEvent]:
        """Read the records without a mark yet; give those that cannot be read, with the reason."""
        refused: dict[int, MalformedEvent] = {}
        read: list[tuple[int, Taken, int]] = []
        for at, record in enumerate(fresh.records):
            if marks[at] is None:
                try:
                    taken = fresh.read(record)
                    read.append((at, taken, self._digest(taken.content)))
                except MalformedEvent as error:
                    refused[at] = error
        names = [(taken.event.agent.id, taken.event.id) for _, taken, _ in read]
        for (at, taken, digest), key in zip(read, self._hasher.event_keys(names), strict=True):
            marks[at], days[at] = (key, digest), taken.time_us // DAY_US
            fresh.keep(at, taken)
        return refused

    def _digest(self, content: bytes) -> int:
        try:
            return self._hasher.content(content)
        except RecursionError as error:
            raise malformed(error) from None

    def _read(self, record: RawRecord, wire: Format) -> Taken:
        event, unknown = read_event(record, wire)
        time_us = microseconds(event.time)
        check_time(time_us, record.arrived_us, self._ahead_us)
        # Of another format not all is the event's: labels, or how its sender counts.
        content = record.value if isinstance(wire, Native) else msgspec.json.encode(event)
        return Taken(record, event, time_us, content, unknown)


def _elsewhere(agent_id: str, partition: str) -> MalformedEvent:
    detail = (
        f"agent {agent_id!r} is judged in {partition}: an agent has one partition; key the "
        "records by the agent's id, with the partitioner of the Java client, and do not add "
        "partitions to the topic"
    )
    return MalformedEvent("wrong_partition", detail)


def _other_key(agent_id: str, key: bytes | None) -> MalformedEvent:
    detail = (
        f"the key is {quoted(key)} and nothing of agent {agent_id!r} came before: an agent has the "
        "partition that its first record comes to; key the records by the agent's id, with the "
        "partitioner of the Java client"
    )
    return MalformedEvent("wrong_partition", detail)


def _judged_before(fresh: Fresh, at: int) -> MalformedEvent:
    event = fresh.known_or_read(at).event
    detail = f"id {event.id!r} of agent {event.agent.id!r} was judged before"
    return MalformedEvent("duplicate_id", detail)


def _reject(record: RawRecord, error: MalformedEvent, out: Commit, count: Counter[str]) -> None:
    count["rejected_" + error.reason] += 1
    out.outbox.append(rejected_message(record, error))
