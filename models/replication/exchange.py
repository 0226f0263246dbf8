"""Exchange of shared state between the shards of one stream.

Each shard judges some of the agents with an engine of its own. What agents share reaches the other
shards as *contributions*. The exchange collects them and commits them with their batch. Other
shards read them between two batches. An engine without an exchange judges all agents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from models.errors import StateError
from models.learning.shared import contribution_bytes, read_contribution
from models.provenance.session import Session

if TYPE_CHECKING:
    from models.engine import Engine
    from models.learning.shared import Contribution

NAME = "exchange"
_FIRST = b"\xc1\x02"
"""First bytes of a contribution: nothing that the judge before wrote begins so."""
MAX_WAITING = 5_000
"""Most snapshots of other shards that wait for the next own snapshot."""


class BatchContribution(Struct, array_like=True):
    """Contributions of one batch of a shard.

    Attributes
    ----------
    published
        What it added to its snapshots.
    sessions
        Finished sessions, for the content tables and the gate.
    activity
        (agent, mode, hour since 1970) of active agents.
    """

    published: list[bytes] = []
    sessions: list[bytes] = []
    activity: list[tuple[str, str, int]] = []


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(BatchContribution).decode
_session = msgspec.msgpack.Decoder(Session).decode
_queue = msgspec.msgpack.Decoder(list[bytes]).decode
_NOTHING = _encode(BatchContribution())


class Exchange:
    """The exchange of one engine with the other shards.

    Contributions of others wait here until the next own snapshot. So a judgement still depends on
    the snapshot alone.

    Parameters
    ----------
    engine
        Engine of this shard. It announces its changes.
    stored
        Bytes of `dump`, empty for a new shard.
    """

    def __init__(self, engine: Engine, stored: bytes = b"") -> None:
        self._engine = engine
        self._contribution = BatchContribution()
        try:
            self._waiting = _queue(stored) if stored else []
        except (msgspec.MsgspecError, ValueError) as error:
            raise StateError(f"waiting contributions cannot be read: {error}") from error
        self._changed = False
        engine.announce_to(self)

    # ------------------------------------------------------------------ sending

    def contribution(self) -> bytes | None:
        """Give the contribution since the last call, None when it is empty."""
        blob = _encode(self._contribution)
        self._contribution = BatchContribution()
        return None if blob == _NOTHING else _FIRST + blob

    def session_finished(self, blob: bytes) -> None:
        """Announce a finished session."""
        self._contribution.sessions.append(blob)

    def agent_seen(self, agent_id: str, mode: str, hour: int) -> None:
        """Announce that an agent was active."""
        self._contribution.activity.append((agent_id, mode, hour))

    def snapshot(self, own: Contribution) -> list[Contribution]:
        """Announce what the engine adds to a snapshot; give what the others have added."""
        if own:  # as bytes, since the engine changes it afterwards
            self._contribution.published.append(contribution_bytes(own))
        waiting, self._waiting = self._waiting, []
        self._changed |= bool(waiting)
        return [read_contribution(one) for one in waiting]

    # ------------------------------------------------------------------ receiving

    def take(self, blob: bytes) -> None:
        """Read the contribution of another shard, but for one of the judge before.

        Raises
        ------
        StateError
            The bytes are malformed.
        """
        if not blob.startswith(_FIRST):
            return
        try:
            received = _decode(blob[len(_FIRST) :])
        except (msgspec.MsgspecError, ValueError) as error:
            raise StateError(f"contribution of another shard cannot be read: {error}") from error
        for one in received.sessions:
            self._learn(one)
        for agent_id, mode, hour in received.activity:
            self._engine.last_seen.note(agent_id, mode, hour)
        if received.published:
            self._waiting += received.published
            del self._waiting[:-MAX_WAITING]
            self._changed = True

    def _learn(self, blob: bytes) -> None:
        """Learn a finished session of another shard in the content tables."""
        content, received = self._engine.sessions.content, _session(blob)
        # Its cluster numbers belong to its own shard: find the clusters of this one.
        here = content.open(
            received.agent_id, received.mode, received.role, received.purpose,
            received.opened_us, received.seen_us,
            received.ordinal, received.learning, received.trusted_history,
        )  # fmt: skip
        self._engine.sessions.gate.add(received)
        received.near = _session(content.dump_session(here)).near
        content.close(content.load_session(_encode(received)))

    def dump(self) -> list[tuple[str, bytes]]:
        """Write the waiting contributions, if they changed since the last call."""
        if not self._changed:
            return []
        self._changed = False
        return [(NAME, _encode(self._waiting))]
