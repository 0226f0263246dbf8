"""When each agent was last seen, and how long it is usually silent.

Agents are stored in buckets by their names; of a bucket a batch writes the agents that it saw,
and now and then all (`models.codec.change_log`).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from models.codec.change_log import MAX_CHANGES, Journal

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "last_seen:"
BUCKETS = 64
MIN_GAP = 4  # hours; shorter silences say nothing
_KEPT = 0.9
MIN_SILENCE = 24
TIMES = 2.0
_SETTLED_HOURS = 72
_MAX_WEEKENDS = 255  # hours; an agent that was seen in so many works then
_DAY_HOURS = 24
_WEEK_HOURS, _WORKDAY_HOURS, _THURSDAY = 7 * _DAY_HOURS, 5 * _DAY_HOURS, 3  # 1970 began on one
MODES = ("unknown", "delegated", "autonomous")
UNKNOWN = "unknown"


class Activity(Struct, array_like=True):
    """What is remembered of one agent over all modes.

    Attributes
    ----------
    first, last
        Hours since 1970 in which it was first and last seen.
    reach
        Longest expected silence, in workday hours; older ones fade.
    modes
        Bits of the modes it acts in.
    weekends
        Hours it was seen in on weekends, to 255.
    """

    first: int
    last: int
    reach: float = 0.0
    modes: int = 0
    weekends: int = 0


class _Rows(Struct, array_like=True):
    generation: int
    rows: list[tuple[str, Activity]]


_decode = msgspec.msgpack.Decoder(_Rows).decode


class LastSeen:
    """All agents of a stream.

    Examples
    --------
    >>> seen = LastSeen()
    >>> for hour in range(72, 172, 8):
    ...     seen.note("billing-7", "delegated", hour)
    >>> seen.silence("billing-7", 172) is None, seen.silence("billing-7", 400) is None
    (True, False)
    """

    __slots__ = ("_buckets", "_changed", "_journals")

    def __init__(self) -> None:
        self._buckets: list[dict[str, Activity]] = [{} for _ in range(BUCKETS)]
        self._changed: dict[int, set[str]] = {}
        self._journals = [Journal() for _ in range(BUCKETS)]

    def note(self, agent_id: str, mode: str, hour: int) -> None:
        """Note that an agent acts."""
        at = bucket_of(agent_id)
        activity = self._buckets[at].get(agent_id)
        if activity is None:
            activity = self._buckets[at][agent_id] = Activity(hour, hour)
        elif hour > activity.last:
            gap = hour - activity.last
            if gap >= MIN_GAP:
                activity.reach = max(_KEPT * activity.reach, float(_working(activity, hour)))
            activity.last = hour
            if on_weekend(hour):
                activity.weekends = min(_MAX_WEEKENDS, activity.weekends + 1)
        bit = 1 << MODES.index(mode)
        if not activity.modes & bit:
            activity.modes |= bit
        self._changed.setdefault(at, set()).add(agent_id)

    def known(self, agent_id: str) -> Activity | None:
        """Give what is remembered of an agent."""
        return self._buckets[bucket_of(agent_id)].get(agent_id)

    def settled_mode(self, agent_id: str, mode: str, hour: int) -> str:
        """Give another mode that an agent has acted in for days; empty for none.

        An unknown mode is no mode: who begins to state it has not changed it.
        """
        known = self.known(agent_id)
        if mode == UNKNOWN or known is None or not is_settled(known, hour):
            return ""
        modes = [one for at, one in enumerate(MODES) if known.modes >> at & 1]
        return next((one for one in modes if one not in (mode, UNKNOWN)), "")

    def silence(self, agent_id: str, hour: int) -> tuple[int, float] | None:
        """Give (hours silent, longest expected silence) where an agent is silent for far too long.

        Weekend hours do not count for an agent that rests then. None for one that is not known
        well enough, or speaks.
        """
        activity = self.known(agent_id)
        return None if activity is None else silence_of(activity, hour)

    def last_active(self, bucket: int, days: range) -> list[str]:
        """Give the agents of a bucket that were last seen on one of some days since 1970."""
        return sorted(name for name, one in self._buckets[bucket].items() if one.last // 24 in days)

    def activities(self) -> Iterator[tuple[str, Activity]]:
        """Give all agents."""
        for bucket in self._buckets:
            yield from bucket.items()

    def dump(self, *, whole: bool = False) -> list[tuple[str, bytes]]:
        """Write what changed since the last call, or with `whole` everything."""
        if whole:
            written = [at for at, bucket in enumerate(self._buckets) if bucket]
        else:
            written = sorted(self._changed)
        out = [
            self._journals[at].write(f"{NAME}{at:02d}", partial(self._rows, at), whole=whole)
            for at in written
        ]
        self._changed.clear()
        return out

    def _rows(self, at: int, generation: int, whole: bool) -> bytes:
        bucket = self._buckets[at]
        names = sorted(bucket if whole else self._changed[at])
        return msgspec.msgpack.encode([generation, [(name, bucket[name]) for name in names]])

    def load(self, shared: dict[str, bytes]) -> None:
        """Read what `dump` wrote."""
        for name in shared:
            if name.startswith(NAME):
                at = int(name[len(NAME) :])
                self._buckets[at].clear()
                self._journals[at].read(name, shared, partial(_take, self._buckets[at]))


def is_settled(activity: Activity, hour: int) -> bool:
    """Tell whether an agent has been known for long at an hour."""
    return hour - activity.first >= _SETTLED_HOURS


def silence_of(activity: Activity, hour: int) -> tuple[int, float] | None:
    """Give what `LastSeen.silence` says of an agent of whom this is remembered."""
    if not is_settled(activity, activity.last):
        return None
    silent = _working(activity, hour)
    if silent < max(MIN_SILENCE, TIMES * activity.reach):
        return None
    return silent, activity.reach


def stored_names(bucket: int) -> list[str]:
    """Give the names that a bucket may be stored under: its copy, and its changes since.

    >>> stored_names(7)[:2]
    ['last_seen:07', '+0:last_seen:07']
    """
    name = f"{NAME}{bucket:02d}"
    return [name, *(f"+{change}:{name}" for change in range(MAX_CHANGES))]


def _take(bucket: dict[str, Activity], blob: bytes, wanted: int) -> int:
    """Take in the rows of a generation; give that of the bytes."""
    found = _decode(blob)
    if not wanted or found.generation == wanted:
        bucket.update(found.rows)
    return found.generation


def bucket_of(agent_id: str) -> int:
    """Give the bucket that an agent is stored in."""
    return sum(agent_id.encode()) % BUCKETS


def _working(activity: Activity, hour: int) -> int:
    """Hours since an agent was last seen, without weekends where it hardly works then."""
    gap = hour - activity.last
    works = (
        activity.weekends == _MAX_WEEKENDS
        or activity.weekends * 20 > activity.last - activity.first
    )
    if works or gap <= 0:
        return max(0, gap)
    return workday_hours(hour) - workday_hours(activity.last)


def on_weekend(hour: int) -> bool:
    """Tell whether an hour since 1970 is on a weekend.

    >>> on_weekend(9), on_weekend(2 * 24 + 9)
    (False, True)
    """
    return (hour + _THURSDAY * _DAY_HOURS) % _WEEK_HOURS >= _WORKDAY_HOURS


def workday_hours(hour: int) -> int:
    """Give the workday hours between the Monday before 1970 and an hour since 1970."""
    weeks, rest = divmod(hour + _THURSDAY * _DAY_HOURS, _WEEK_HOURS)
    return weeks * _WORKDAY_HOURS + min(rest, _WORKDAY_HOURS)
