"""Queries of the API and the commands, the same for every kind of store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from models.telemetry.last_seen import stored_names
from models.trust.state import trust_of
from pipeline.store.order import CASE_COLUMNS, COLUMNS
from pipeline.store.seal import Seal, row_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.trust.state import TrustState
    from pipeline.store.batch import HeldRow, RecentRow
    from pipeline.store.connection import Connection
    from pipeline.store.order import CaseSort, CaseStatus, Place, Sort

_LAST_NUMBER = (1 << 63) - 1
_OF_AGENT = (
    "(agent_id = ? or id in (select anomaly_id from anomaly_members "
    "where agent_id = ? and agent_id <> ''))"
)
_OF_KIND = "id in (select of_id from finding_kinds where kind in ({marks}))"


def reports_query(length: str) -> str:
    """Give the query of the oldest reports, up to a number and about a size in bytes.

    Parameters
    ----------
    length
        SQL function of the length of bytes.
    """
    return f"""
select id, arrived_us, format, reporter, value from (
    select *, sum({length}(value)) over (order by id) - {length}(value) as before
    from (select * from reports order by id limit ?) as oldest
) as sized where before < ? order by id
"""  # noqa: S608  # constant parts


class StoreQueries:
    """Reads committed data over its own connection.

    Parameters
    ----------
    api
        The connection.
    secret
        Key of the digests.
    shard
        SQL expression for the shard of a row of shared state.
    """

    def __init__(self, api: Connection, secret: bytes, shard: str) -> None:
        self._queries = api
        self._trust = Seal(secret, "trust")
        self._shared = Seal(secret, "shared")
        self._shard_of = shard

    def changes(self, after: int, limit: int) -> list[tuple[int, TrustState]]:
        """Give trust states changed after a sequence number, in order of change."""
        return self._states("seq > ? order by seq limit ?", after, limit)

    def states(self, agent_id: str) -> list[TrustState]:
        """Give the trust states of an agent, one per mode; none for an unknown agent."""
        return [state for _, state in self._states("agent_id = ? order by mode", agent_id)]

    def _states(self, condition: str, *values: Any) -> list[tuple[int, TrustState]]:
        found = []
        for seq, agent_id, mode, trust, digest in self._queries.rows(
            f"select seq, agent_id, mode, trust, trust_digest from profiles where {condition}",  # noqa: S608  # constant parts
            values,
        ):
            self._trust.check(row_key(agent_id, mode), trust, digest)
            found.append((seq, trust_of(trust, agent_id, mode)))
        return found

    def counters(self) -> dict[str, int]:
        """Give all counters by name."""
        return dict(self._queries.rows("select name, value from counters order by name"))

    def last_seen_records(self, bucket: int) -> list[dict[str, bytes]]:
        """Give the stored last-seen data of one bucket of agents, one mapping per shard."""
        names = stored_names(bucket)
        shards: dict[str, dict[str, bytes]] = {}
        for shard, name, digest, blob in self._queries.rows(
            f"select {self._shard_of}, name, digest, blob from shared "  # noqa: S608  # constant parts
            f"where name in ({','.join('?' * len(names))})",
            names,
        ):
            self._shared.check(name.encode(), blob, digest)
            shards.setdefault(shard, {})[name] = blob
        return list(shards.values())

    def shared_rows(self, name: str) -> list[bytes]:
        """Give the state under one name, of each shard that has some."""
        found = []
        for digest, blob in self._queries.rows(
            "select digest, blob from shared where name = ?", (name,)
        ):
            self._shared.check(name.encode(), blob, digest)
            found.append(blob)
        return found

    def shared_names(self) -> list[str]:
        """Give the names of the state shared by all agents, over all shards."""
        return [name for (name,) in self._queries.rows("select distinct name from shared")]

    def held(self, agent_id: str) -> list[HeldRow]:
        """Give the events of an agent that are held back from learning, oldest first."""
        return self._queries.rows(
            "select event_id, agent_id, mode, time_us, blob from held "
            "where agent_id = ? order by time_us, number",
            (agent_id,),
        )

    def recent_events(self, before: int | None, since_us: int, limit: int) -> list[RecentRow]:
        """Give the latest events with their numbers, the newest first.

        Parameters
        ----------
        before
            Only events of lower numbers; None for all.
        since_us
            Only events that were judged since, microseconds since 1970.
        """
        return self._queries.rows(
            "select id, value from recent_events where id < ? and judged_us >= ? "
            "order by id desc limit ?",
            (_LAST_NUMBER if before is None else before, since_us, limit),
        )

    def member_of(self, names: Sequence[str]) -> dict[str, str]:
        """Give the ids of multi-agent findings by their names."""
        if not names:
            return {}
        marks = ",".join("?" * len(names))
        return dict(
            self._queries.rows(
                f"select id, anomaly_id from anomaly_members where id in ({marks})",  # noqa: S608  # placeholders only
                names,
            )
        )

    def members(self, anomaly_id: str, limit: int) -> list[str]:
        """Give the agent ids of a finding of several agents, in order, at most `limit`."""
        rows = self._queries.rows(
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
        """Give sorted anomalies after a sort key.

        Parameters
        ----------
        agent_id
            Anomalies of this agent, and multi-agent findings that contain it.
        severity, kind
            One value, or a sequence of alternatives. A kind is that of any finding.
        not_kind
            One or more kinds to leave out, of the finding that leads.
        since_us, until_us
            Range of event times, end excluded. An anomaly spans from its first to its newest event.
        sort, ascending
            Sort key; the highest or newest is first, unless `ascending`.
        after
            `pipeline.store.order.place_of` the last anomaly of the previous page.
        """
        parts: list[str] = []
        values: list[Any] = []
        if agent_id is not None:
            parts.append(_OF_AGENT)
            values += [agent_id] * 2
        _choose(parts, values, severity=severity, kind=kind)
        if not_kind:
            left_out = [not_kind] if isinstance(not_kind, str) else list(not_kind)
            parts.append(f"kind not in ({','.join('?' * len(left_out))})")
            values += left_out
        # Out of order events: the last judged event may be older than the first one.
        for sign, instant in ((">=", since_us), ("<", until_us)):
            if instant is not None:
                parts.append(f"(time_us {sign} ? or first_us {sign} ?)")
                values += [instant, instant]
        rows = self._page("anomalies", COLUMNS[sort], parts, values, ascending, after, limit)
        return [msgspec.json.decode(blob) for (blob,) in rows]

    def anomaly(self, anomaly_id: str) -> dict[str, Any] | None:
        """Give an anomaly by its id or one of its names, or None."""
        name = self.member_of([anomaly_id]).get(anomaly_id, anomaly_id)
        row = self._queries.row("select blob from anomalies where id = ?", (name,))
        return None if row is None else msgspec.json.decode(row[0])

    def anomaly_ids(self, beginning: str, limit: int) -> list[str]:
        """Give the anomaly ids with this prefix, in order, at most `limit`."""
        return self._ids("anomalies", beginning, limit)

    def cases(
        self,
        *,
        agent_id: str | None = None,
        severity: str | Sequence[str] | None = None,
        status: CaseStatus | Sequence[CaseStatus] | None = None,
        kind: str | Sequence[str] | None = None,
        sort: CaseSort = "severity",
        ascending: bool = False,
        after: Place | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """Give sorted cases after a sort key.

        Parameters
        ----------
        agent_id
            Cases with an event of this agent.
        severity, status
            One value, or a sequence of alternatives. Without a status, all but suppressed ones.
        kind
            The same; types of findings. A case has one of them, whatever leads it.
        after
            `pipeline.store.order.case_place_of` the last case of the previous page.
        """
        parts: list[str] = []
        values: list[Any] = []
        if agent_id is not None:
            parts.append("id in (select case_id from case_agents where agent_id = ?)")
            values.append(agent_id)
        _choose(parts, values, severity=severity, status=status, kind=kind)
        if status is None:
            parts.append("status <> 'suppressed'")
        rows = self._page("cases", CASE_COLUMNS[sort], parts, values, ascending, after, limit)
        return [msgspec.json.decode(blob) for (blob,) in rows]

    def case(self, case_id: str) -> dict[str, Any] | None:
        """Give a case by its id, or None."""
        row = self._queries.row("select blob from cases where id = ?", (case_id,))
        return None if row is None else msgspec.json.decode(row[0])

    def agents_of_case(self, case_id: str) -> list[str]:
        """Give the agents with an event of a case, in order."""
        rows = self._queries.rows(
            "select agent_id from case_agents where case_id = ? order by agent_id", (case_id,)
        )
        return [agent_id for (agent_id,) in rows]

    def case_ids(self, beginning: str, limit: int) -> list[str]:
        """Give the case ids with this prefix, in order, at most `limit`."""
        return self._ids("cases", beginning, limit)

    def _page(
        self,
        table: str,
        columns: Sequence[str],
        parts: list[str],
        values: list[Any],
        ascending: bool,
        after: Place | None,
        limit: int,
    ) -> list[Any]:
        """Give the blobs of rows under these conditions, in an order, after a sort key."""
        if after is not None:
            marks = ", ".join("?" * len(columns))
            parts = [*parts, f"({', '.join(columns)}) {'>' if ascending else '<'} ({marks})"]
            values = [*values, *after]
        way = "asc" if ascending else "desc"
        return self._queries.rows(
            f"select blob from {table} where {' and '.join(parts) or 'true'} "  # noqa: S608  # constant parts
            f"order by {', '.join(f'{column} {way}' for column in columns)} limit ?",
            (*values, limit),
        )

    def _ids(self, table: str, beginning: str, limit: int) -> list[str]:
        rows = self._queries.rows(
            f"select id from {table} where substr(id, 1, ?) = ? order by id limit ?",  # noqa: S608  # constant table
            (len(beginning), beginning, limit),
        )
        return [name for (name,) in rows]


def _choose(parts: list[str], values: list[Any], **chosen: str | Sequence[str] | None) -> None:
    """Add the condition of each column that is chosen: one value, or a sequence of alternatives."""
    for column, one in chosen.items():
        if one is None:
            continue
        any_of = [one] if isinstance(one, str) else list(one)
        marks = ",".join("?" * len(any_of))
        condition = _OF_KIND.format(marks=marks) if column == "kind" else f"{column} in ({marks})"
        parts.append(condition if any_of else "false")
        values += any_of
