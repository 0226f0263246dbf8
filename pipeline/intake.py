"""From records to events that are new: malformed ones, ones ahead of time and repeats go out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from models.errors import MalformedEvent
from models.event import microseconds
from pipeline.formats import event_of
from pipeline.rejected import rejected_message

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable

    from models.event import Event
    from models.hashing import Hasher
    from pipeline.formats import Format
    from pipeline.record import RawRecord
    from pipeline.store.batch import Commit
    from pipeline.store.protocol import Store

DAY_US = 86_400_000_000


class Taken(NamedTuple):
    """A record that became an event, and when it happened."""

    record: RawRecord
    event: Event
    time_us: int


class Intake:
    """Takes records in.

    Parameters
    ----------
    store
        Knows the events that were judged before.
    hasher
        Gives the keys they are known by.
    max_future_us
        How far ahead of its arrival an event may be.
    """

    def __init__(self, store: Store, hasher: Hasher, max_future_us: int) -> None:
        self._store = store
        self._hasher = hasher
        self._max_future_us = max_future_us

    def take(
        self, records: Iterable[RawRecord], wire: Format, out: Commit, count: Counter[str]
    ) -> list[Taken]:
        """Give the events to judge, in order; what is rejected goes to `out` with its reason."""
        read: list[tuple[RawRecord, Taken | MalformedEvent]] = [
            (record, self._read(record, wire)) for record in records
        ]
        taken = [one for _, one in read if isinstance(one, Taken)]
        names = [(one.event.agent.id, one.event.id) for one in taken]
        keys = self._hasher.event_keys(names)
        known = self._store.seen(keys)
        fresh: list[Taken] = []
        at = 0
        for record, one in read:
            if isinstance(one, MalformedEvent):
                _reject(record, one, out, count)
                continue
            key = keys[at]
            at += 1
            if key in known:
                event = one.event
                detail = f"id {event.id!r} of agent {event.agent.id!r} was judged before"
                _reject(record, MalformedEvent("duplicate_id", detail), out, count)
                continue
            known.add(key)
            out.seen.append((key, one.time_us // DAY_US))
            fresh.append(one)
        return fresh

    def _read(self, record: RawRecord, wire: Format) -> Taken | MalformedEvent:
        try:
            event = event_of(record, wire)
            time_us = microseconds(event.time)
            ahead_us = time_us - record.arrived_us
            if ahead_us > self._max_future_us:
                return MalformedEvent(
                    "future_time",
                    f"time is {ahead_us / 1e6:.0f} s ahead of arrival, "
                    f"expected at most {self._max_future_us / 1e6:.0f} s",
                )
        except MalformedEvent as error:
            return error
        return Taken(record, event, time_us)


def _reject(record: RawRecord, error: MalformedEvent, out: Commit, count: Counter[str]) -> None:
    count["rejected_" + error.reason] += 1
    out.outbox.append(rejected_message(record, error))
