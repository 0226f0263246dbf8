"""The fleet: votes, score windows and volume baselines of all peer groups.

They are published as versioned snapshots: contributions wait until the next publication. So a
judgement depends on the version of the snapshot, not on the order of other agents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, field

from models.calibration.session_calibration import SessionPools
from models.codec.change_log import Journal
from models.errors import StateError
from models.peers.baselines import PeerBaselines
from models.peers.group import FLEET
from models.peers.groups import Groups
from models.ranked import STATISTICS
from models.units import DAY_US, MINUTE_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.baseline.volume_baseline import VolumeBaseline
    from models.config import ModelConfig
    from models.replication.announcements import Announcements

__all__ = ["FLEET", "STATISTICS", "Fleet", "GroupView", "Head"]
MAX_PENDING = 20_000
_OWN_KEY = b"habitus peers"
_NOTHING = (-1, 0)  # nothing is stored yet: the next write is a copy
_encode = msgspec.msgpack.Encoder().encode


class Pending(Struct, array_like=True):
    """Contributions since the last publication, without votes, scores and volumes.

    Attributes
    ----------
    active
        Agents first seen on a day: day -> number.
    events
        Mean events a day of these agents, summed: day -> number.
    """

    active: dict[int, int] = {}
    events: dict[int, int] = {}


class Head(Struct):
    """The snapshot's own data."""

    version: int = 0
    epoch_us: int = -1
    published_us: int = 0
    watermark_us: int = 0
    day: int = 0
    active: dict[int, int] = {}
    events: dict[int, int] = {}
    pending: Pending = field(default_factory=Pending)


class _Waiting(Struct, array_like=True):
    """Waiting votes, scores and volumes: all, or those since the copy of that generation."""

    generation: int
    groups: bytes
    baselines: list[tuple[str, str, float]]


class _StoredGroup(Struct, array_like=True):
    votes: bytes
    baselines: list[tuple[str, int, float, float]]


class Fleet:
    """All peer groups: their published state, and contributions that await publication.

    Parameters
    ----------
    config
        Parameters of the model.
    groups
        Votes and score windows, of either kernel; new ones without.
    sessions, together, baselines
        Scores of past sessions, their joint p-value bits, and volume baselines, of either kernel.
    """

    def __init__(
        self,
        config: ModelConfig,
        groups: Groups | None = None,
        sessions: SessionPools | None = None,
        together: SessionPools | None = None,
        baselines: PeerBaselines | None = None,
    ) -> None:
        self.config = config
        self.groups = Groups(config, _OWN_KEY) if groups is None else groups
        self.head = Head()
        if sessions is None:
            of_role = config.role_session_window
            sessions = SessionPools(config.session_window, of_role=of_role, linked_tails=True)
        self.sessions = sessions
        self.together = SessionPools(config.peer_window) if together is None else together
        self.baselines = PeerBaselines() if baselines is None else baselines
        self._changed: set[str] = set()
        self._journal, self._written = Journal(), _NOTHING
        self._most_active, self._events_each = 1, 0.0
        self.announcements: Announcements | None = None

    def day_of(self, time_us: int) -> int:
        """Days since the first event of the stream."""
        if self.head.epoch_us < 0:
            if self.announcements is not None:  # all shards count the same days
                time_us -= time_us % DAY_US
            self.head.epoch_us = self.head.published_us = time_us
        return max(0, (time_us - self.head.epoch_us) // DAY_US)

    def advance(self, time_us: int) -> None:
        """Move the watermark; publish when a snapshot is due.

        Pending contributions are bounded. Otherwise they would grow without end after an event far
        ahead of its stream.
        """
        head, due = self.head, False
        if time_us > head.watermark_us:
            head.watermark_us = time_us
            due = time_us - head.published_us >= self.config.snapshot_minutes * MINUTE_US
        if due or self.groups.size + 2 * self.baselines.waiting >= MAX_PENDING:
            self.publish()

    def publish(self) -> None:
        """Publish the waiting contributions as the next version."""
        head, pending = self.head, self.head.pending
        head.published_us = head.watermark_us
        day = self.day_of(head.watermark_us)
        if self.announcements is not None:
            self.announcements.snapshot_due()
        head.version += 1
        if day > head.day:
            head.day = day
            head.active = {d: n for d, n in head.active.items() if day - d <= 8}
            head.events = {d: n for d, n in head.events.items() if day - d <= 8}
        self.groups.publish(head.day)
        self._changed |= self.baselines.publish()
        _add_up(head.active, pending.active)
        _add_up(head.events, pending.events)
        head.pending = Pending()
        self._written = _NOTHING
        self._count()

    def add_volume(self, group: str, name: str, value: float) -> None:
        """Contribute the sum of a closed window to the group's and the fleet's baselines."""
        self.baselines.add(group, name, value)

    def add_session(
        self,
        role: str,
        score: float,
        p: float | None,
        surprise: float,
        *,
        ungated: bool,
        alerted: bool,
    ) -> None:
        """Add a finished session to the pools that rank later ones.

        Parameters
        ----------
        score, p
            Its highest score in bits and its p-value, None while uncalibrated.
        surprise
            Bits of its smallest p-values. 0 where no p-value is small.
        ungated
            Whether it was learned without the gate.
        alerted
            Whether it alerted. Such a session would hide similar ones.
        """
        if ungated or (
            p is None and not alerted
        ):  # otherwise a few agents would never reach the minimum
            if score >= 0.0:
                self.sessions.add(role, score)
        elif p is not None and not alerted:
            self.sessions.offer(role, score, p)
        if surprise and not alerted:
            self.together.add(role, surprise)

    def count_active_agent(self, day: int, per_day: float) -> None:
        """Count an agent on its first event of a day, with its mean events a day."""
        pending = self.head.pending
        pending.active[day] = pending.active.get(day, 0) + 1
        pending.events[day] = pending.events.get(day, 0) + round(per_day)

    def active_agents(self) -> int:
        """Active agents a day: the maximum of the last eight days, at least 1."""
        return self._most_active

    def events_per_agent(self) -> float:
        """Mean events a day of an agent active on the busiest day. 0 if unknown."""
        return self._events_each

    def _count(self) -> None:
        active, events = self.head.active, self.head.events
        busiest = max(active, key=lambda day: (active[day], day), default=0)
        self._most_active = active.get(busiest, 1)
        self._events_each = events.get(busiest, 0) / self._most_active

    def dump(self, *, whole: bool = False) -> list[tuple[str, bytes]]:
        """Write the head, and contributions and groups that changed since the last call.

        With `whole`, the waiting contributions are written as one copy.
        """
        groups = self.groups
        out = [("peers", _encode(self.head))]
        if whole or self._written != (groups.size, self.baselines.waiting):
            replaced = self._written == _NOTHING
            out.append(
                self._journal.write("pending", self._waiting, whole=whole, replaced=replaced)
            )
            self._note_written()
        for name, pools in (("sessions", self.sessions), ("together", self.together)):
            if pools.changed:
                out.append((name, pools.dump()))
        for name in sorted(self._changed.union(groups.changed())):
            stored = _StoredGroup(groups.dump_group(name), self.baselines.rows(name))
            out.append(("group:" + name, _encode(stored)))
        self._changed.clear()
        return out

    def _waiting(self, generation: int, whole: bool) -> bytes:
        waiting = self.groups.dump_pending(since=not whole)
        baselines = self.baselines.pending(0 if whole else self._written[1])
        return _encode(_Waiting(generation, waiting, baselines))

    def _note_written(self) -> None:
        """Note that all waiting contributions are stored."""
        self.groups.written_pending()
        self._written = self.groups.size, self.baselines.waiting

    def _wait(self, blob: bytes, generation: int) -> int:
        """Read what `_waiting` wrote. Give its generation."""
        stored = _decode_waiting(blob)
        if not generation:
            self.groups.load_pending(stored.groups)
            self.baselines.wait(stored.baselines)
        elif generation == stored.generation:
            self.groups.add_pending(stored.groups)
            for volume in stored.baselines:
                self.baselines.add(*volume)
        return stored.generation

    def load(self, shared: dict[str, bytes]) -> None:
        """Read what `dump` wrote.

        Raises
        ------
        StateError
            It was written by another version.
        """
        raw = shared.get("peers")
        if raw is None:
            return
        try:
            self.head = msgspec.msgpack.decode(raw, type=Head)
            self.groups.roll(self.head.day)
            for key, blob in shared.items():
                if key.startswith("group:"):
                    stored = msgspec.msgpack.decode(blob, type=_StoredGroup)
                    self.groups.load_group(key[6:], stored.votes)
                    self.baselines.load(key[6:], stored.baselines)
            self._journal.read("pending", shared, self._wait)
            self._note_written()
            if "sessions" in shared:
                self.sessions.load(shared["sessions"])
            if "together" in shared:
                self.together.load(shared["together"])
            self._count()
        except (ValueError, KeyError) as error:
            raise StateError(
                f"peers have another layout than this version: {error}; "
                "upgrade, or move the store away to learn from scratch"
            ) from error


_decode_waiting = msgspec.msgpack.Decoder(_Waiting).decode


def _add_up(totals: dict[int, int], more: Mapping[int, int]) -> None:
    for day, number in more.items():
        totals[day] = totals.get(day, 0) + number


class GroupView:
    """The peers as one agent sees them: its group first, then the fleet.

    Attributes
    ----------
    view
        The votes and score windows, of the kernel that holds them.
    """

    __slots__ = ("fleet", "name", "view")

    def __init__(self, fleet: Fleet, name: str) -> None:
        self.fleet = fleet
        self.name = name
        self.view = fleet.groups.view(name)

    def probability(self, feature: int, value: int, own_day: int, uniform: float) -> float:
        """P(value) among peers and fleet, without the agent's own vote of a day (-1: none)."""
        return self.view.probability(feature, value, own_day, uniform)

    def knows(self, feature: int) -> bool:
        """Tell whether the group has votes on a feature, or its role in another mode."""
        return self.view.knows(feature)

    def names(self, feature: int) -> dict[int, str]:
        """Give the known names of a feature's values."""
        return self.view.names(feature)

    def volume(self, name: str) -> VolumeBaseline | None:
        """Give the volume baseline of a quantity in the group, else in the fleet."""
        return self.fleet.baselines.volume(self.name, name)
