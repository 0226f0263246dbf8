"""What the API and the commands ask, the same over every kind of store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from models.trust.state import trust_of
from models.watch.heard import stored_names
from pipeline.store.order import COLUMNS
from pipeline.store.seal import Seal, row_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.trust.state import TrustState
    from pipeline.store.batch import HeldRow
    from pipeline.store.connection import Connection
    from pipeline.store.order import Place, Sort

_OF_AGENT = (
    "(agent_id = ? or id in (select anomaly_id from anomaly_members "
    "where agent_id = ? and agent_id <> ''))"
)


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

    def member_of(self, names: Sequence[str]) -> dict[str, str]:
        """Give the anomalies of several agents that these names lead to, by name."""
        if not names:
            return {}
        marks = ",".join("?" * len(names))
        return dict(
            self._asked.rows(
                f"select id, anomaly_id from anomaly_members where id in ({marks})",  # noqa: S608  # marks alone
                names,
            )
        )

    def members(self, anomaly_id: str, limit: int) -> list[str]:
        """Give the ids of agents of an anomaly of several, in order, at most `limit`."""
        rows = self._asked.rows(
            "select distinct agent_id from anomaly_members "
            "where anomaly_id = ? and agent_id <> '' order by agent_id limit ?",
            (anomaly_id, limit),
        )
        return [agent_id for (agent_id,) in rows]

    def anomalies(
        self,
        *,
        agent_id: str | None = None,
        severity: str | Sequence[str] | None = None,
        kind: str | Sequence[str] | None = None,
        not_kind: str | Sequence[str] | None = None,
        since_us: int | None = None,
        until_us: int | None = None,
        sort: Sort = "time",
        ascending: bool = False,
        after: Place | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """Give anomalies in an order, those that come after a place in it.

        Parameters
        ----------
        agent_id
            Its own ones, and those of several agents that it is among.
        severity, kind
            One, or any of several.
        not_kind
            One or several that are left out.
        since_us, until_us
            Event time from the first on and before the second. An anomaly is there from its first
            event to its newest one.
        sort, ascending
            The highest or newest first, unless `ascending`.
        after
            `pipeline.store.order.place_of` the last one that is known.
        """
        parts: list[str] = []
        values: list[Any] = []
        if agent_id is not None:
            parts.append(_OF_AGENT)
            values += [agent_id] * 2
        for column, chosen in (("severity", severity), ("kind", kind)):
            if chosen is not None:
                any_of = [chosen] if isinstance(chosen, str) else list(chosen)
                parts.append(f"{column} in ({','.join('?' * len(any_of))})" if any_of else "false")
                values += any_of
        if not_kind:
            left_out = [not_kind] if isinstance(not_kind, str) else list(not_kind)
            parts.append(f"kind not in ({','.join('?' * len(left_out))})")
            values += left_out
        # The newest event that was judged may be older than the first one.
        for sign, instant in ((">=", since_us), ("<", until_us)):
            if instant is not None:
                parts.append(f"(time_us {sign} ? or first_us {sign} ?)")
                values += [instant, instant]
        columns = COLUMNS[sort]
        if after is not None:
            marks = ", ".join("?" * len(columns))
            parts.append(f"({', '.join(columns)}) {'>' if ascending else '<'} ({marks})")
            values += after
        way = "asc" if ascending else "desc"
        rows = self._asked.rows(
            f"select blob from anomalies where {' and '.join(parts) or 'true'} "  # noqa: S608  # the parts above
            f"order by {', '.join(f'{column} {way}' for column in columns)} limit ?",
            (*values, limit),
        )
        return [msgspec.json.decode(blob) for (blob,) in rows]

    def anomaly(self, anomaly_id: str) -> dict[str, Any] | None:
        """Give one anomaly by its id or by a name that leads to it, None when there is none."""
        name = self.member_of([anomaly_id]).get(anomaly_id, anomaly_id)
        row = self._asked.row("select blob from anomalies where id = ?", (name,))
        return None if row is None else msgspec.json.decode(row[0])

    def anomaly_ids(self, beginning: str, limit: int) -> list[str]:
        """Give the ids of anomalies that begin so, in order, at most `limit`."""
        rows = self._asked.rows(
            "select id from anomalies where substr(id, 1, ?) = ? order by id limit ?",
            (len(beginning), beginning, limit),
        )
        return [name for (name,) in rows]
