"""Exchange of shared state between the shards of one stream.

Each shard judges some of the agents with an engine of its own. Votes, score windows, sessions and
last activity reach the other shards as *contributions*. The exchange collects them and commits them
with their batch. Other shards read them between two batches. An engine without an exchange judges
all agents.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from models.errors import StateError
from models.provenance.session import Session
from models.ranked import WINDOWS
from models.units import DAY_US

if TYPE_CHECKING:
    from models.engine import Engine

NAME = "exchange"
MAX_WAITING = 5_000
"""Most snapshots of other shards that wait for the next own snapshot."""
_Vote = tuple[str, int, int, str, int, int]
_Scores = list[tuple[str, list[list[int]]]]
_Waiting = tuple[list[_Vote], _Scores, int]


class Published(Struct, array_like=True):
    """Contributions in one snapshot of a shard: votes, scores, volumes, and new agents.

    Days count from `epoch_us`, which is a midnight.
    """

    epoch_us: int
    waiting: bytes
    baselines: list[tuple[str, str, float]]
    active: dict[int, int]
    events: dict[int, int] = {}


class Contribution(Struct, array_like=True):
    """Contributions of one batch of a shard.

    Attributes
    ----------
    published
        Contributions in its snapshots.
    sessions
        Finished sessions, for the content tables and the session pools.
    activity
        (agent, mode, hour since 1970) of active agents.
    traces
        (trace, agent, microseconds) of anomalies.
    rolled_out
        Announced deployments: a version of a role, and its new tools.
    """

    published: list[Published] = []
    sessions: list[bytes] = []
    activity: list[tuple[str, str, int]] = []
    traces: list[tuple[str, str, int]] = []
    rolled_out: list[tuple[str, list[str]]] = []


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Contribution).decode
_waiting = msgspec.msgpack.Decoder(_Waiting).decode
_session = msgspec.msgpack.Decoder(Session).decode
_queue = msgspec.msgpack.Decoder(list[Published]).decode
_NOTHING = _encode(Contribution())


class Exchange:
    """The exchange of one engine with the other shards.

    Votes and scores of others wait here until the next own snapshot. So a judgement still depends
    on the snapshot alone.

    Parameters
    ----------
    engine
        Engine of this shard. It announces its changes, and its days begin at midnight.
    stored
        Bytes of `dump`, empty for a new shard.
    """

    def __init__(self, engine: Engine, stored: bytes = b"") -> None:
        self._engine = engine
        self._contribution = Contribution()
        try:
            self._waiting = _queue(stored) if stored else []
        except (msgspec.MsgspecError, ValueError) as error:
            raise StateError(f"waiting contributions cannot be read: {error}") from error
        self._changed = False
        engine.announcements = engine.fleet.announcements = engine.watcher.announcements = self

    # ------------------------------------------------------------------ sending

    def contribution(self) -> bytes | None:
        """Give the contribution since the last call, None when it is empty."""
        blob = _encode(self._contribution)
        self._contribution = Contribution()
        return None if blob == _NOTHING else blob

    def session_finished(self, blob: bytes) -> None:
        """Announce a finished session."""
        self._contribution.sessions.append(blob)

    def agent_seen(self, agent_id: str, mode: str, hour: int) -> None:
        """Announce that an agent was active."""
        self._contribution.activity.append((agent_id, mode, hour))

    def anomaly_traced(self, trace_id: str, agent_id: str, time_us: int) -> None:
        """Announce an anomaly under a trace."""
        self._contribution.traces.append((trace_id, agent_id, time_us))

    def deployment_announced(self, release: str, tools: list[str]) -> None:
        """Announce a deployment, and the tools that it declares."""
        self._contribution.rolled_out.append((release, tools))

    def snapshot_due(self) -> None:
        """Announce the contributions of a snapshot, and add those of the other shards to it."""
        fleet = self._engine.fleet
        head = fleet.head
        waiting, pending = fleet.groups.dump_pending(), head.pending
        baselines = fleet.baselines.pending()
        votes, scores, _ = own = _waiting(waiting)
        if votes or scores or baselines or pending.active:
            active, events = dict(pending.active), dict(pending.events)
            self._contribution.published.append(
                Published(head.epoch_us, waiting, baselines, active, events)
            )
        if not self._waiting or head.epoch_us < 0:
            return
        parts = [own]
        for one in self._waiting:
            shift = (one.epoch_us - head.epoch_us) // DAY_US
            parts.append(_shifted(_waiting(one.waiting), shift))
            baselines = baselines + one.baselines
            for theirs, counts in ((one.active, pending.active), (one.events, pending.events)):
                for day, number in theirs.items():
                    at = max(0, day + shift)
                    counts[at] = counts.get(at, 0) + number
        fleet.baselines.wait(baselines)
        fleet.groups.load_pending(_encode(_together(parts)))
        self._waiting, self._changed = [], True

    # ------------------------------------------------------------------ receiving

    def take(self, blob: bytes) -> None:
        """Read the contribution of another shard. Raise `StateError` when it is malformed."""
        try:
            received = _decode(blob)
        except (msgspec.MsgspecError, ValueError) as error:
            raise StateError(f"contribution of another shard cannot be read: {error}") from error
        watcher = self._engine.watcher
        for one in received.sessions:
            self._learn(one)
        for agent_id, mode, hour in received.activity:
            watcher.heard.note(agent_id, mode, hour)
        for trace_id, agent_id, time_us in received.traces:
            watcher.traces.add(trace_id, agent_id, time_us)
        for release, tools in received.rolled_out:
            watcher.traces.deployed(release, tools)
        if received.published:
            self._waiting += received.published
            del self._waiting[:-MAX_WAITING]
            self._changed = True

    def _learn(self, blob: bytes) -> None:
        """Learn a finished session of another shard in the content tables."""
        content, received = self._engine.content, _session(blob)
        # Its cluster numbers belong to its own shard: find the clusters of this one.
        here = content.open(
            received.agent_id, received.mode, received.role, received.purpose,
            received.opened_us, received.seen_us,
            received.ordinal, received.learning, received.trusted_history,
        )  # fmt: skip
        self._engine.pool(received)
        received.near = _session(content.dump_session(here)).near
        content.close(content.load_session(_encode(received)))

    def dump(self) -> list[tuple[str, bytes]]:
        """Write the waiting contributions, if they changed since the last call."""
        if not self._changed:
            return []
        self._changed = False
        return [(NAME, _encode(self._waiting))]


def _shifted(waiting: _Waiting, days: int) -> _Waiting:
    """Convert days to another epoch. Earlier days become its first day."""
    if not days:
        return waiting
    votes, scores, size = waiting

    def at(day: int) -> int:
        return day if day < 0 else max(0, day + days)

    return [(*vote[:4], at(vote[4]), at(vote[5])) for vote in votes], scores, size


def _together(parts: list[_Waiting]) -> _Waiting:
    """Merge the waiting contributions of several shards."""
    votes: list[_Vote] = []
    scores: dict[str, list[Counter[int]]] = {}
    size = 0
    for part_votes, part_scores, part_size in parts:
        votes += part_votes
        size += part_size
        for name, statistics in part_scores:
            known = scores.setdefault(name, [Counter() for _ in range(WINDOWS)])
            for cells, entered in zip(known, statistics, strict=True):
                for cell, number in zip(entered[::2], entered[1::2], strict=True):
                    cells[cell] += number
    flat = [
        (name, [[n for pair in sorted(cells.items()) for n in pair] for cells in statistics])
        for name, statistics in sorted(scores.items())
    ]
    return votes, flat, size
