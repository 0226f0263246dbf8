"""The store on PostgreSQL: reads and commits of the worker, and queries of the API."""

from __future__ import annotations

import time
from copy import copy
from typing import TYPE_CHECKING, Self

from models.errors import StateError
from pipeline.events.duplicates import Marker, resolved
from pipeline.processing.stream_types import BATCH_BYTES
from pipeline.store.batch import MESSAGE, STATUS, Commit, PipelineStatus, ReportRow
from pipeline.store.configs import Configs
from pipeline.store.postgresql.connection import PostgresConnection
from pipeline.store.postgresql.migrations import prepare
from pipeline.store.postgresql.shard_status import overall, topic_of
from pipeline.store.postgresql.statements import OLD_CONTRIBUTIONS, OLD_IMPORTS
from pipeline.store.postgresql.writing import PostgresWriter, contribution_key
from pipeline.store.queries import StoreQueries, reports_query
from pipeline.store.registers.aliases import Aliases
from pipeline.store.registers.audit import AuditLog
from pipeline.store.seal import Seal, row_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.events.duplicates import Reception
    from pipeline.processing.stream_types import Message

_PAGE = 500
_REPORTS = reports_query("octet_length")
_TURN = 0x4861_6249  # "HabI"


class PostgresStore(StoreQueries):
    """A database with all state; made by `pipeline.store.open_store`.

    Calls of the worker, of the API, and events received over HTTP use three connections, so that
    none waits for another.

    Parameters
    ----------
    url
        URL in the form of libpq.
    shard
        Owner of sessions, shared state, event keys and messages; '' if the stream has no shards.
        Agents and anomalies belong to all shards.
    """

    def __init__(
        self, url: str, *, secret: bytes | None = None, read_only: bool = False, shard: str = ""
    ) -> None:
        self._work = PostgresConnection(url, read_only=read_only)
        self.path = self._work.path
        self.shard = shard
        self._opened = [self._work]
        try:
            self.secret = prepare(self._work, secret)
            self._api = self._another(url, read_only=True)
            self._post = self._another(url, read_only=read_only)
        except BaseException:
            self.close()
            raise
        super().__init__(self._api, self.secret, shard="shard")
        self._writer = PostgresWriter(self._work, self.secret, shard)
        self._marker = Marker(self.secret)
        self.configs = Configs(self._work, self.secret)
        self.audit = AuditLog(self._post, self._api, self.secret, shard)
        self.aliases = Aliases(self._post, self._api, self.secret)
        self._seals = {
            table: Seal(self.secret, table) for table in ("profiles", "sessions", "shared")
        }

    def _another(self, url: str, *, read_only: bool) -> PostgresConnection:
        self._opened.append(PostgresConnection(url, read_only=read_only))
        return self._opened[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        for connection in reversed(self._opened):
            connection.close()

    # ---- the worker

    def claim(self) -> None:
        """Become the committing worker; commits of its predecessor are refused from now on."""
        self._writer.claim()

    def commit(self, batch: Commit) -> None:
        """Write a batch in one transaction; on `StateError` nothing is written.

        Raises
        ------
        Superseded
            Another worker has taken over.
        StoreUnavailable
            The connection broke. If it broke during the commit, only `positions` shows whether it
            was written.
        """
        if self._work.read_only:
            raise StateError(f"store {self.path} cannot be written: it is read-only")
        self._writer.write(batch)

    def shards_of_others(self, agents: Sequence[str]) -> dict[str, str]:
        """Give the agents that another shard judges, each with the shard's name."""
        if not self.shard or not agents:
            return {}
        return dict(
            self._work.rows(
                "select agent_id, shard from profiles "
                "where agent_id = any(?) and shard not in ('', ?)",
                (list(agents), self.shard),
            )
        )

    def shards_of(self, agents: Sequence[str]) -> dict[str, str]:
        """Give the shard of each of these agents that belongs to one."""
        return dict(
            self._api.rows(
                "select agent_id, shard from profiles where agent_id = any(?) and shard <> ''",
                (list(agents),),
            )
        )

    def profiles(self, agents: Sequence[str]) -> dict[tuple[str, str], tuple[bytes, bytes]]:
        """Give profile and trust state as bytes, by (agent, mode), of agents in every mode."""
        found = {}
        for agent_id, mode, trust, trust_digest, digest, blob in self._work.rows(
            "select agent_id, mode, trust, trust_digest, digest, blob from profiles "
            "where agent_id = any(?)",
            (list(agents),),
        ):
            key = row_key(agent_id, mode)
            self._trust.check(key, trust, trust_digest)
            self._seals["profiles"].check(key, blob, digest)
            found[agent_id, mode] = (blob, trust)
        return found

    def all_sessions(self) -> Iterator[tuple[int, bytes]]:
        """Give every open session with its key, ordered by key."""
        seal, last = self._seals["sessions"], None
        while rows := self._work.rows(
            "select key, digest, blob from sessions where shard = ? "
            "and key > coalesce(?::bigint, -9223372036854775808) order by key limit ?",
            (self.shard, last, _PAGE),
        ):
            for key, digest, blob in rows:
                seal.check(b"%d" % key, blob, digest)
                yield key, blob
            last = rows[-1][0]

    def shared(self) -> dict[str, bytes]:
        """Give the state shared by all agents, by name."""
        found = {}
        for name, digest, blob in self._work.rows(
            "select name, digest, blob from shared where shard = ?", (self.shard,)
        ):
            self._seals["shared"].check(name.encode(), blob, digest)
            found[name] = blob
        return found

    def positions(self) -> dict[str, str]:
        """Give the resume position of each source."""
        return dict(self._work.rows("select source, position from positions"))

    def seen(self, keys: Sequence[int]) -> dict[int, int]:
        """Give the known event keys with the digests of their contents."""
        return dict(
            self._work.rows(
                "select key, digest from seen where shard in (?, '') and key = any(?::bigint[])",
                (self.shard, list(keys)),
            )
        )

    def outbox(self, limit: int) -> list[tuple[int, Message]]:
        """Give messages not yet published, oldest first, with their positions."""
        rows = self._work.rows(
            "select id, message from outbox where shard = ? order by id limit ?",
            (self.shard, limit),
        )
        return [(number, MESSAGE.decode(message)) for number, message in rows]

    def drop_outbox(self, ids: Iterable[int]) -> None:
        """Delete published messages."""
        self._work.run("delete from outbox where id = any(?::bigint[])", (list(ids),))

    def forget(self) -> bool:
        """Do nothing: the server vacuums its tables."""
        return True

    def inbox_batch(self, after: int, limit: int) -> list[tuple[int, bytes, int]]:
        """Give inbox events after a position: position, bytes and arrival time."""
        return self._work.rows(
            "select id, value, arrived_us from inbox where id > ? order by id limit ?",
            (after, limit),
        )

    def reports(self, limit: int) -> list[ReportRow]:
        """Give the oldest payloads of other formats: position, arrival, format, reporter, bytes."""
        return self._work.rows(_REPORTS, (limit, BATCH_BYTES))

    # ---- one of several shards

    def of(self, shard: str) -> PostgresStore:
        """Give this store bound to a shard, over the same connections."""
        other = copy(self)
        other._select_shard(shard)  # noqa: SLF001  # same class
        return other

    def _select_shard(self, shard: str) -> None:
        self.shard, self._opened = shard, []
        self._writer = PostgresWriter(self._work, self.secret, shard)
        self.audit = AuditLog(self._post, self._api, self.secret, shard)

    def still_ours(self) -> None:
        """Raise `Superseded` if another worker took over since `claim`."""
        self._writer.still_ours()

    def waiting(self) -> int:
        """Count the unpublished messages of the shard."""
        return int(self._work.row("select count(*) from outbox where shard = ?", (self.shard,))[0])

    def applied(self) -> dict[str, int]:
        """Give the number of the last applied contribution of each other shard."""
        return dict(
            self._work.rows(
                "select other, max(seq) from imports where shard = ? group by other", (self.shard,)
            )
        )

    def contributions(
        self, applied: Mapping[str, int], limit: int, *, only: str | None = None, tolerated: int = 0
    ) -> list[tuple[str, int, bytes]]:
        """Give new contributions of other shards: shard, number and bytes, in that order.

        Parameters
        ----------
        applied
            Number of the last known contribution of each shard.
        limit
            Largest number of contributions.
        only
            Only contributions of this shard.
        tolerated
            Skip a shard with at most so many new contributions.
        """
        seal = Seal(self.secret, "contributions")
        out: list[tuple[str, int, bytes]] = []
        for shard, contributed in self._work.rows(
            "select name, contributed from shards where name <> ? order by name", (self.shard,)
        ):
            after = applied.get(shard, 0)
            if contributed <= after + tolerated or len(out) >= limit or only not in (None, shard):
                continue
            for seq, digest, blob in self._work.rows(
                "select seq, digest, blob from contributions where shard = ? and seq > ? "
                "and seq <= ? order by seq limit ?",
                (shard, after, contributed, limit - len(out)),
            ):
                seal.check(contribution_key(shard, seq), blob, digest)
                out.append((shard, seq, blob))
        return out

    def forget_contributions(self, kept: int) -> int:
        """Delete contributions that every other shard of the topic has applied.

        Parameters
        ----------
        kept
            Number of newest contributions that always stay. With them and their imports, judging
            the same input again gives the same result.

        Returns
        -------
        int
            Number of deleted contributions.
        """
        with self._work.transaction():
            mine, topic = self.shard, f"{topic_of(self.shard)}:"
            self._work.run(OLD_IMPORTS, (mine, mine, kept))
            return self._work.run(OLD_CONTRIBUTIONS, (mine, mine, mine, topic, kept))

    # ---- the API

    def data_version(self) -> int:
        """Give a number that changes with every commit; cheap to read."""
        row = self._api.row(
            "select value + (select case when is_called then last_value else 0 end "
            "from inbox_id_seq) from tallies where name = 'commits'"
        )
        return int(row[0])

    def status(self) -> PipelineStatus:
        """Give the last status of the pipeline, see `overall`."""
        return overall(self.statuses())

    def statuses(self) -> dict[str, PipelineStatus]:
        """Give the last status of each shard, by name; '' is a stream without shards."""
        statuses = self._api.rows(
            "select name, status from shards where status is not null order by name"
        )
        return {name: STATUS.decode(status) for name, status in statuses}

    def inbox(self, values: Sequence[bytes]) -> list[Reception]:
        """Append raw events except duplicates, synced to disk; return the fate of each."""
        if self._post.read_only:
            raise StateError(f"store {self.path} is open for reading only")
        now = time.time_ns() // 1000  # noqa: TID251  # arrival time, read at the edge
        marks = self._marker.of_all(values)
        with self._post.transaction():
            # One at a time: two processes must not both accept an event as the first of its id.
            self._post.row(
                "select pg_advisory_xact_lock(?::int4, hashtext(current_schema()))", (_TURN,)
            )
            known = resolved(marks, self._known)
            rows = [
                (value, *(one.mark or (None, None)))
                for value, one in zip(values, known, strict=True)
                if one.reception != "duplicate"
            ]
            if rows:
                self._post.run(
                    "insert into inbox (arrived_us, value, key, digest) "
                    "select ?, value, key, digest "
                    "from unnest(?::bytea[], ?::bigint[], ?::bigint[]) "
                    "with ordinality as row (value, key, digest, place) order by place",
                    (now, *(list(column) for column in zip(*rows, strict=True))),
                )
        return [one.reception for one in known]

    def report(self, fmt: str, reporter: str, values: Sequence[bytes]) -> None:
        """Append payloads of another format, synced to disk."""
        if self._post.read_only:
            raise StateError(f"store {self.path} is open for reading only")
        now = time.time_ns() // 1000  # noqa: TID251  # arrival time, read at the edge
        with self._post.transaction():
            self._post.run(
                "insert into reports (arrived_us, format, reporter, value) "
                "select ?, ?, ?, value from unnest(?::bytea[]) "
                "with ordinality as row (value, place) order by place",
                (now, fmt, reporter, list(values)),
            )

    def _known(self, keys: Sequence[int]) -> dict[int, int]:
        """Give the event keys that any shard has judged, or that wait in the inbox."""
        return dict(
            self._post.rows(
                "select key, digest from seen where shard in (select name from shards) "
                "and key = any(?::bigint[]) "
                "union all select key, digest from inbox where key = any(?::bigint[])",
                (list(keys), list(keys)),
            )
        )
