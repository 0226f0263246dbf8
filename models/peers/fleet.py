"""What the others do: votes, score windows and quantity levels of groups and of the fleet.

Published as versioned snapshots: contributions wait until the next publication, so what an event
is judged against depends on the snapshot's version and not on who else is being judged just now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, field

from models.calibration.session_calibration import SessionPools
from models.codec.change_log import Journal
from models.errors import StateError
from models.peers.baselines import PeerLevels
from models.peers.group import FLEET
from models.peers.groups import Groups
from models.ranked import STATISTICS
from models.units import DAY_US, MINUTE_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.baseline.volume_baseline import Level
    from models.config import ModelConfig
    from models.replication.telling import Telling

__all__ = ["FLEET", "STATISTICS", "GroupView", "Head", "Peers"]
MOST_PENDING = 20_000
_OWN_KEY = b"habitus peers"
_NOTHING = (-1, 0)  # of what waits is stored: the next is a copy
_encode = msgspec.msgpack.Encoder().encode


class Pending(Struct, array_like=True):
    """Contributions since the last publication, beside votes, scores and levels.

    Attributes
    ----------
    active
        Agents first seen on a day: day -> number.
    events
        How many events these agents have on usual days, together: day -> number.
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
    """Votes and scores that wait, and levels, or what came since the copy of that generation."""

    generation: int
    groups: bytes
    levels: list[tuple[str, str, float]]


class _StoredGroup(Struct, array_like=True):
    votes: bytes
    levels: list[tuple[str, int, float, float]]


class Peers:
    """All groups, their published state and what waits to be published.

    Parameters
    ----------
    config
        Parameters of the model.
    groups
        Votes and score windows, of either kernel; new ones without.
    sessions, together, levels
        Scores of past sessions, what was odd about them altogether, and levels of quantities, of
        either kernel.
    """

    def __init__(
        self,
        config: ModelConfig,
        groups: Groups | None = None,
        sessions: SessionPools | None = None,
        together: SessionPools | None = None,
        levels: PeerLevels | None = None,
    ) -> None:
        self.config = config
        self.groups = Groups(config, _OWN_KEY) if groups is None else groups
        self.head = Head()
        if sessions is None:
            of_role = config.role_session_window
            sessions = SessionPools(config.session_window, of_role=of_role, leaning=True)
        self.sessions = sessions
        self.together = SessionPools(config.peer_window) if together is None else together
        self.levels = PeerLevels() if levels is None else levels
        self._changed: set[str] = set()
        self._journal, self._written = Journal(), _NOTHING
        self._most_active, self._events_each = 1, 0.0
        self.telling: Telling | None = None

    def day_of(self, time_us: int) -> int:
        """Days since the first event of the stream."""
        if self.head.epoch_us < 0:
            if self.telling is not None:  # days that all shards count alike
                time_us -= time_us % DAY_US
            self.head.epoch_us = self.head.published_us = time_us
        return max(0, (time_us - self.head.epoch_us) // DAY_US)

    def advance(self, time_us: int) -> None:
        """Move the watermark; publish when a snapshot is due.

        What waits is bounded: of events behind one that is far ahead, it would grow and grow.
        """
        head, due = self.head, False
        if time_us > head.watermark_us:
            head.watermark_us = time_us
            due = time_us - head.published_us >= self.config.snapshot_minutes * MINUTE_US
        if due or self.groups.size + 2 * self.levels.waiting >= MOST_PENDING:
            self.publish()

    def publish(self) -> None:
        """Take in what waits and become the next version."""
        head, pending = self.head, self.head.pending
        head.published_us = head.watermark_us
        day = self.day_of(head.watermark_us)
        if self.telling is not None:
            self.telling.publishing()
        head.version += 1
        if day > head.day:
            head.day = day
            head.active = {d: n for d, n in head.active.items() if day - d <= 8}
            head.events = {d: n for d, n in head.events.items() if day - d <= 8}
        self.groups.publish(head.day)
        self._changed |= self.levels.publish()
        _add_up(head.active, pending.active)
        _add_up(head.events, pending.events)
        head.pending = Pending()
        self._written = _NOTHING
        self._count()

    def quantity(self, group: str, name: str, value: float) -> None:
        """Contribute the sum of a closed window to the group's and the fleet's levels."""
        self.levels.add(group, name, value)

    def closed(
        self, role: str, score: float, p: float | None, odd: float, *, free: bool, told: bool
    ) -> None:
        """Let later sessions be ranked among one that finished.

        Parameters
        ----------
        score, p
            Its highest score in bits and what that is worth, None while uncalibrated.
        odd
            All that was odd about it, in bits; 0 where nothing was.
        free
            Whether it was learned without the gate.
        told
            Whether it alerted. It would raise the bar for what is like it.
        """
        if free or (p is None and not told):  # else few agents would never have enough of them
            if score >= 0.0:
                self.sessions.add(role, score)
        elif p is not None and not told:
            self.sessions.offer(role, score, p)
        if odd and not told:
            self.together.add(role, odd)

    def seen_on(self, day: int, per_day: float) -> None:
        """Count an agent that acts for the first time on a day, and its usual events a day."""
        pending = self.head.pending
        pending.active[day] = pending.active.get(day, 0) + 1
        pending.events[day] = pending.events.get(day, 0) + round(per_day)

    def active_agents(self) -> int:
        """Agents that act on a day: the most of the last eight days, at least 1."""
        return self._most_active

    def events_each(self) -> float:
        """Events that an agent has on a usual day: the mean of those of that day; 0 if unknown."""
        return self._events_each

    def _count(self) -> None:
        active, events = self.head.active, self.head.events
        busiest = max(active, key=lambda day: (active[day], day), default=0)
        self._most_active = active.get(busiest, 1)
        self._events_each = events.get(busiest, 0) / self._most_active

    def dump(self, *, whole: bool = False) -> list[tuple[str, bytes]]:
        """Write the head, and what came to wait and the groups that changed since the last call.

        With `whole`, what waits is written as a copy that stands for all changes.
        """
        groups = self.groups
        out = [("peers", _encode(self.head))]
        if whole or self._written != (groups.size, self.levels.waiting):
            anew = self._written == _NOTHING
            out.append(self._journal.write("pending", self._waiting, whole=whole, anew=anew))
            self._note_written()
        for name, pools in (("sessions", self.sessions), ("together", self.together)):
            if pools.changed:
                out.append((name, pools.dump()))
        for name in sorted(self._changed.union(groups.changed())):
            stored = _StoredGroup(groups.dump_group(name), self.levels.rows(name))
            out.append(("group:" + name, _encode(stored)))
        self._changed.clear()
        return out

    def _waiting(self, generation: int, whole: bool) -> bytes:
        waiting = self.groups.dump_pending(since=not whole)
        levels = self.levels.pending(0 if whole else self._written[1])
        return _encode(_Waiting(generation, waiting, levels))

    def _note_written(self) -> None:
        """Note that everything that waits is stored."""
        self.groups.written_pending()
        self._written = self.groups.size, self.levels.waiting

    def _wait(self, blob: bytes, generation: int) -> int:
        """Take in what `_waiting` wrote; give its generation."""
        stored = _decode_waiting(blob)
        if not generation:
            self.groups.load_pending(stored.groups)
            self.levels.wait(stored.levels)
        elif generation == stored.generation:
            self.groups.add_pending(stored.groups)
            for level in stored.levels:
                self.levels.add(*level)
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
                    self.levels.load(key[6:], stored.levels)
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
                "upgrade, or move the store away to learn anew"
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

    __slots__ = ("name", "peers", "view")

    def __init__(self, peers: Peers, name: str) -> None:
        self.peers = peers
        self.name = name
        self.view = peers.groups.view(name)

    def probability(self, feature: int, value: int, own_day: int, uniform: float) -> float:
        """P(value) among peers and fleet, without the agent's own vote of a day (-1: none)."""
        return self.view.probability(feature, value, own_day, uniform)

    def knows(self, feature: int) -> bool:
        """Tell whether the group has votes on a feature, or its role in another mode."""
        return self.view.knows(feature)

    def names(self, feature: int) -> dict[int, str]:
        """Give the known names of a feature's values."""
        return self.view.names(feature)

    def level(self, name: str) -> Level | None:
        """Give the usual level of a quantity in the group, else in the fleet."""
        return self.peers.levels.level(self.name, name)
