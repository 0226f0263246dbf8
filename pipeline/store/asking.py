"""What the API and the commands ask, the same over every kind of store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from models.trust_state import trust_of
from models.watch.heard import stored_names
from pipeline.store.seal import Seal, row_key

if TYPE_CHECKING:
    from models.trust_state import TrustState
    from pipeline.store.batch import HeldRow
    from pipeline.store.protocol import Connection


class Asking:
    """Reads what was committed, over a connection of its own.

    Parameters
    ----------
    api
        The connection.
    secret
        Key of the digests.
    shard
        Column or word that says which shard a row of shared state is of.
    """

    def __init__(self, api: Connection, secret: bytes, shard: str) -> None:
        self._asked = api
        self._trust = Seal(secret, "trust")
        self._shared = Seal(secret, "shared")
        self._shard_of = shard

    def changes(self, after: int, limit: int) -> list[tuple[int, TrustState]]:
        """Give trust states changed past a sequence number, in order of change."""
        return self._states("seq > ? order by seq limit ?", after, limit)

    def states(self, agent_id: str) -> list[TrustState]:
        """Give the trust states of an agent, one a mode; none for an unknown one."""
        return [state for _, state in self._states("agent_id = ? order by mode", agent_id)]

    def _states(self, condition: str, *values: Any) -> list[tuple[int, TrustState]]:
        found = []
        for seq, agent_id, mode, trust, digest in self._asked.rows(
            f"select seq, agent_id, mode, trust, trust_digest from profiles where {condition}",  # noqa: S608  # ours alone
            values,
        ):
            self._trust.check(row_key(agent_id, mode), trust, digest)
            found.append((seq, trust_of(trust, agent_id, mode)))
        return found

    def counters(self) -> dict[str, int]:
        """Give all counters by name."""
        return dict(self._asked.rows("select name, value from counters order by name"))

    def voices(self, bucket: int) -> list[dict[str, bytes]]:
        """Give what is stored of when agents were heard, of a bucket of them: once a shard."""
        names = stored_names(bucket)
        shards: dict[str, dict[str, bytes]] = {}
        for shard, name, digest, blob in self._asked.rows(
            f"select {self._shard_of}, name, digest, blob from shared "  # noqa: S608  # ours alone
            f"where name in ({','.join('?' * len(names))})",
            names,
        ):
            self._shared.check(name.encode(), blob, digest)
            shards.setdefault(shard, {})[name] = blob
        return list(shards.values())

    def held(self, agent_id: str) -> list[HeldRow]:
        """Give the events of an agent that are kept back from learning, oldest first."""
        return self._asked.rows(
            "select event_id, agent_id, mode, time_us, blob from held "
            "where agent_id = ? order by time_us, number",
            (agent_id,),
        )

    def anomalies(
        self,
        *,
        agent_id: str | None = None,
        severity: str | None = None,
        kind: str | None = None,
        since_us: int | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """Give anomalies, newest first, that come after the one with the id `before`."""
        given = {
            "agent_id = ?": agent_id,
            "severity = ?": severity,
            "kind = ?": kind,
            "time_us >= ?": since_us,
            "(time_us, id) < (select time_us, id from anomalies where id = ?)": before,
        }
        chosen = {part: value for part, value in given.items() if value is not None}
        rows = self._asked.rows(
            f"select blob from anomalies where {' and '.join(chosen) or 'true'} "  # noqa: S608  # the parts above
            "order by time_us desc, id desc limit ?",
            (*chosen.values(), limit),
        )
        return [msgspec.json.decode(blob) for (blob,) in rows]

    def anomaly(self, anomaly_id: str) -> dict[str, Any] | None:
        """Give one anomaly, None when there is none."""
        row = self._asked.row("select blob from anomalies where id = ?", (anomaly_id,))
        return None if row is None else msgspec.json.decode(row[0])

    def anomaly_ids(self, beginning: str, limit: int) -> list[str]:
        """Give the ids of anomalies that begin so, in order, at most `limit`."""
        rows = self._asked.rows(
            "select id from anomalies where substr(id, 1, ?) = ? order by id limit ?",
            (len(beginning), beginning, limit),
        )
        return [name for (name,) in rows]
