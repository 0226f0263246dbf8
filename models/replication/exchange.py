"""What the shards of one stream tell each other, and how it is taken in.

Each shard judges some of the agents, with an engine of its own. What its peers' votes, score
windows, sessions and voices would have been in one engine for all reaches the others as
*contributions*: taken note of where it arises, handed on with the batch that made it, taken in by
the others between two batches. An engine without an exchange is one for all agents.
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
MOST_WAITING = 5_000
"""Snapshots of others that an engine without events of its own keeps for its next one."""
_Vote = tuple[str, int, int, str, int, int]
_Scores = list[tuple[str, list[list[int]]]]
_Waiting = tuple[list[_Vote], _Scores, int]


class Published(Struct, array_like=True):
    """What a shard's own snapshot took in: what waited in its groups, levels, and new agents.

    Days count from `epoch_us`, which is a midnight.
    """

    epoch_us: int
    waiting: bytes
    levels: list[tuple[str, str, float]]
    active: dict[int, int]
    events: dict[int, int] = {}


class Contribution(Struct, array_like=True):
    """What one batch of a shard has to tell.

    Attributes
    ----------
    published
        What went into its snapshots.
    sessions
        Finished sessions, for the content tables and to rank others among.
    voices
        (agent, mode, hour since 1970) in which agents were heard.
    traces
        (trace, agent, microseconds) of anomalies.
    rolled_out
        What deployments announced: a version of a role, and the tools that it brings.
    """

    published: list[Published] = []
    sessions: list[bytes] = []
    voices: list[tuple[str, str, int]] = []
    traces: list[tuple[str, str, int]] = []
    rolled_out: list[tuple[str, list[str]]] = []


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Contribution).decode
_waiting = msgspec.msgpack.Decoder(_Waiting).decode
_session = msgspec.msgpack.Decoder(Session).decode
_queue = msgspec.msgpack.Decoder(list[Published]).decode
_NOTHING = _encode(Contribution())


class Exchange:
    """The shared part of one engine, as one of several.

    Votes and scores of others wait here until the engine's own next snapshot, so that what an
    event is judged against still depends on the snapshot alone.

    Parameters
    ----------
    engine
        Becomes one of several: it hands on what it learns, and its days begin at midnight.
    stored
        What `dump` wrote, empty for a new shard.
    """

    def __init__(self, engine: Engine, stored: bytes = b"") -> None:
        self._engine = engine
        self._told = Contribution()
        try:
            self._waiting = _queue(stored) if stored else []
        except (msgspec.MsgspecError, ValueError) as error:
            raise StateError(f"what others told cannot be read: {error}") from error
        self._changed = False
        engine.telling = engine.peers.telling = engine.watcher.telling = self

    # ------------------------------------------------------------------ what is told

    def told(self) -> bytes | None:
        """Give what there is to tell since the last call, None when there is nothing."""
        blob = _encode(self._told)
        self._told = Contribution()
        return None if blob == _NOTHING else blob

    def finished(self, blob: bytes) -> None:
        """Tell of a finished session."""
        self._told.sessions.append(blob)

    def heard(self, agent_id: str, mode: str, hour: int) -> None:
        """Tell that an agent was heard."""
        self._told.voices.append((agent_id, mode, hour))

    def traced(self, trace_id: str, agent_id: str, time_us: int) -> None:
        """Tell of an anomaly under a trace."""
        self._told.traces.append((trace_id, agent_id, time_us))

    def deployed(self, release: str, tools: list[str]) -> None:
        """Tell of a deployment that was announced, and of the tools that it said it brings."""
        self._told.rolled_out.append((release, tools))

    def publishing(self) -> None:
        """Tell what goes into a snapshot now, and let what others told go into it as well."""
        peers = self._engine.peers
        head = peers.head
        waiting, pending = peers.groups.dump_pending(), head.pending
        levels = peers.levels.pending()
        votes, scores, _ = own = _waiting(waiting)
        if votes or scores or levels or pending.active:
            active, events = dict(pending.active), dict(pending.events)
            self._told.published.append(Published(head.epoch_us, waiting, levels, active, events))
        if not self._waiting or head.epoch_us < 0:
            return
        parts = [own]
        for one in self._waiting:
            shift = (one.epoch_us - head.epoch_us) // DAY_US
            parts.append(_shifted(_waiting(one.waiting), shift))
            levels = levels + one.levels
            for told, counts in ((one.active, pending.active), (one.events, pending.events)):
                for day, number in told.items():
                    at = max(0, day + shift)
                    counts[at] = counts.get(at, 0) + number
        peers.levels.wait(levels)
        peers.groups.load_pending(_encode(_together(parts)))
        self._waiting, self._changed = [], True

    # ------------------------------------------------------------------ what others told

    def take(self, blob: bytes) -> None:
        """Take in what another shard told; `StateError` when it cannot be read."""
        try:
            told = _decode(blob)
        except (msgspec.MsgspecError, ValueError) as error:
            raise StateError(f"what another shard told cannot be read: {error}") from error
        watcher = self._engine.watcher
        for one in told.sessions:
            self._learn(one)
        for agent_id, mode, hour in told.voices:
            watcher.heard.note(agent_id, mode, hour)
        for trace_id, agent_id, time_us in told.traces:
            watcher.traces.add(trace_id, agent_id, time_us)
        for release, tools in told.rolled_out:
            watcher.traces.deployed(release, tools)
        if told.published:
            self._waiting += told.published
            del self._waiting[:-MOST_WAITING]
            self._changed = True

    def _learn(self, blob: bytes) -> None:
        """Let the content tables learn a session that another shard has finished."""
        content, told = self._engine.content, _session(blob)
        # Its clusters are numbered by the tables of its own shard: compare it with those of this.
        here = content.open(
            told.agent_id, told.mode, told.role, told.purpose, told.opened_us, told.seen_us,
            told.ordinal, told.learning, told.vouched,
        )  # fmt: skip
        self._engine.pool(told)
        told.near = _session(content.dump_session(here)).near
        content.close(content.load_session(_encode(told)))

    def dump(self) -> list[tuple[str, bytes]]:
        """Write what waits, where it changed since the last call."""
        if not self._changed:
            return []
        self._changed = False
        return [(NAME, _encode(self._waiting))]


def _shifted(waiting: _Waiting, days: int) -> _Waiting:
    """Count days from another epoch; what was before it was on its first day."""
    if not days:
        return waiting
    votes, scores, size = waiting

    def at(day: int) -> int:
        return day if day < 0 else max(0, day + days)

    return [(*vote[:4], at(vote[4]), at(vote[5])) for vote in votes], scores, size


def _together(parts: list[_Waiting]) -> _Waiting:
    """Put what waits in several shards together."""
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
