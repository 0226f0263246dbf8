"""Write one commit: one statement per table, sent without waiting in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.errors import ConfigError, Superseded
from pipeline.store.batch import ENCODER, Commit
from pipeline.store.postgresql.statements import (
    ALIASES,
    ANOMALIES,
    APPLIED_WRITES,
    CASE_AGENTS,
    CASES,
    HELD,
    KINDS,
    MEMBERS,
    OLD_EVENTS,
    PROFILES,
    RECENT,
    REPORTS,
    SUPPRESSED,
    keyed,
)
from pipeline.store.registers.aliases import PROPOSE
from pipeline.store.seal import Seal
from pipeline.store.sealed import Sealed
from pipeline.store.writing import anomaly_row, case_row, compare, kind_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.store.postgresql.connection import PostgresConnection


PATIENCE_S = 10.0
"""Longest wait for another worker's commit when its shard is claimed."""


class PostgresWriter:
    """Write the commits of one shard over one connection.

    All workers write shared rows last and in the same order. Each first locks the change number, so
    deadlocks are impossible. Readers of changes never see a lower number after a higher one.

    Parameters
    ----------
    database
        The connection.
    secret
        Key of the digests.
    shard
        Name of the shard; '' if the stream has no shards.
    """

    def __init__(self, database: PostgresConnection, secret: bytes, shard: str) -> None:
        self._database = database
        self._shard = shard
        self.epoch: int | None = None
        self._contributed = 0
        self._contributions = Seal(secret, "contributions")
        self._sealed = Sealed(secret)

    def claim(self) -> None:
        """Claim the shard; commits of its previous worker are refused from now on.

        A new shard begins with the shared state learned by `habitus learn`. The session of a worker
        that stalls within a commit is terminated.
        """
        with self._database.statement_timeout(PATIENCE_S), self._database.transaction():
            row = self._database.row(
                "insert into shards as known (name, epoch) values (?, 1) "
                "on conflict (name) do update set epoch = known.epoch + 1 returning epoch",
                (self._shard,),
            )
            if row[0] == 1 and self._shard:
                self._database.run(
                    "insert into shared (shard, name, digest, blob) "
                    "select ?, name, digest, blob from shared where shard = ''",
                    (self._shard,),
                )
        self.epoch = int(row[0])

    def still_ours(self) -> None:
        """Raise `Superseded` if another worker has claimed the shard since."""
        row = self._database.row("select epoch from shards where name = ?", (self._shard,))
        self._compare(row[0])

    def _compare(self, epoch: int) -> None:
        if epoch != self.epoch:
            raise Superseded(
                f"another worker took over {self._shard or 'this store'}: this is epoch "
                f"{self.epoch}, the current one is {epoch}; this worker must stop"
            )

    def write(self, batch: Commit) -> None:
        """Write the batch in one transaction."""
        profiles = self._sealed.profiles(batch.profiles)
        database = self._database
        with database.pipeline(), database.transaction():
            self._check(batch)
            self._write_state(batch)
            self._write_seen(batch)
            self._write_found(batch)
            self._write_progress(batch)
            self._write_exchange(batch)
            self._write_common(batch, profiles)

    def _check(self, batch: Commit) -> None:
        """Lock the row of the shard, and compare epoch and positions with the expected ones."""
        if self.epoch is not None:
            row = self._database.row(
                "select epoch, contributed from shards where name = ? for update", (self._shard,)
            )
            self._compare(row[0])
            self._contributed = int(row[1])
        if not batch.expected:
            return
        found = dict(
            self._database.rows(
                "select source, position from positions where source = any(?) for update",
                (sorted(batch.expected),),
            )
        )
        for source, expected in batch.expected.items():
            compare(source, expected, found.get(source))

    def _write_state(self, batch: Commit) -> None:
        shard, run = self._shard, self._database.run
        if batch.afresh:
            run("delete from sessions where shard = ?", (shard,))
            run("delete from shared where shard = ?", (shard,))
            run("delete from seen where shard = ?", (shard,))
        sessions = self._sealed.sessions(batch.sessions)
        self._columns(keyed("sessions", "key", "bigint"), sessions, shard)
        if batch.closed_sessions:
            run(
                "delete from sessions where shard = ? and key = any(?::bigint[])",
                (shard, batch.closed_sessions),
            )
        if batch.dropped:
            run(
                "delete from shared where shard = ? and name = any(?::text[])",
                (shard, batch.dropped),
            )
        if batch.whole:
            run("delete from shared where shard = ? and name >= '+' and name < ','", (shard,))
        self._columns(keyed("shared", "name", "text"), self._sealed.shared(batch.shared), shard)

    def _write_seen(self, batch: Commit) -> None:
        shard, floor = self._shard, batch.prune_seen_before_day
        for day, marks in sorted(batch.seen.items()):
            keys = sorted(marks)
            self._database.run(
                "insert into seen (shard, day, key, digest) "
                "select ?, ?::int, * from unnest(?::bigint[], ?::bigint[]) on conflict do nothing",
                (shard, day, keys, [marks[key] for key in keys]),
            )
        if floor is None:
            return
        # An index by day would cost time at every event, so old keys are deleted once a day.
        self._database.run(
            "with due as (update shards set seen_floor = ?::bigint "
            "where name = ? and seen_floor < ?::bigint returning name) "
            "delete from seen using due where seen.shard = due.name and seen.day < ?::bigint",
            (floor, shard, floor, floor),
        )

    def _write_found(self, batch: Commit) -> None:
        rows = {row[0]: _floating(row) for row in map(anomaly_row, batch.anomalies)}
        self._columns(ANOMALIES, rows.values())
        self._columns(MEMBERS, batch.members)
        self._columns(CASES, map(case_row, batch.cases))
        self._columns(KINDS, kind_rows(batch))
        self._columns(CASE_AGENTS, batch.case_agents)
        self._columns(APPLIED_WRITES, [(number,) for number in batch.applied_writes])
        self._columns(SUPPRESSED, batch.suppressed)
        self._columns(ALIASES, self._sealed.aliases(batch.aliases))
        for row in self._sealed.aliases(batch.proposed):  # rare, and few
            self._database.run(PROPOSE, row)
        self._columns(HELD, list({(row[1], row[0]): row for row in batch.held}.values()))
        self._columns(
            "delete from held using unnest(?::text[], ?::text[]) as gone (agent_id, event_id) "
            "where held.agent_id = gone.agent_id and held.event_id = gone.event_id",
            batch.released,
        )
        self._columns(
            "insert into outbox (shard, message) select ?, message "
            "from unnest(?::bytea[]) with ordinality as row (message, place) order by place",
            [(ENCODER.encode(message),) for message in batch.outbox],
            self._shard,
        )

    def _write_progress(self, batch: Commit) -> None:
        run = self._database.run
        self._columns(
            "insert into positions (source, position) select * from unnest(?::text[], ?::text[]) "
            "on conflict (source) do update set position = excluded.position",
            sorted(batch.positions.items()),
        )
        if batch.inbox_done is not None:
            run("delete from inbox where id <= ?", (batch.inbox_done,))
        self._columns(REPORTS, batch.reports)
        if batch.reports_done is not None:
            run("delete from reports where id <= ?", (batch.reports_done,))
        if batch.status is not None:
            run(
                "update shards set status = ? where name = ?",
                (ENCODER.encode(batch.status), self._shard),
            )

    def _write_exchange(self, batch: Commit) -> None:
        """Write the contribution of the shard, and the contributions it applied before."""
        shard, run = self._shard, self._database.run
        if batch.contribution is not None:
            seq = self._contributed + 1
            digest = self._contributions.digest(contribution_key(shard, seq), batch.contribution)
            run(
                "insert into contributions (shard, seq, position, digest, blob) "
                "values (?, ?, ?, ?, ?)",
                (shard, seq, batch.positions[shard], digest, batch.contribution),
            )
            run("update shards set contributed = ? where name = ?", (seq, shard))
        at = batch.expected.get(shard) or ""
        self._columns(
            "insert into imports (shard, position, other, seq) "
            "select ?, ?, other, seq from unnest(?::text[], ?::bigint[]) "
            "with ordinality as row (other, seq, place) order by place",
            sorted(batch.applied.items()),
            shard,
            at,
        )

    def _write_common(self, batch: Commit, profiles: list[tuple[Any, ...]]) -> None:
        """Write the rows shared by all workers, beginning with the row that each of them locks."""
        self._database.run(
            "update tallies set value = value + case name when 'seq' then ?::bigint else 1 end "
            "where name in (select name from tallies where name in ('commits', 'seq') "
            "order by name for update)",
            (len(profiles),),
        )
        self._columns(
            "insert into counters as known (name, value) "
            "select * from unnest(?::text[], ?::bigint[]) "
            "on conflict (name) do update set value = known.value + excluded.value",
            sorted(batch.counters.items()),
        )
        if batch.recent is not None:
            recent = batch.recent
            if recent.values:
                self._database.run(RECENT, (recent.judged_us, recent.values))
            self._database.run(OLD_EVENTS, (recent.number, recent.since_us))
        if profiles:
            columns = [list(column) for column in zip(*profiles, strict=True)]
            row = self._database.row(PROFILES, (self._shard, len(profiles), *columns))
            if row[0] != len(profiles):
                raise ConfigError(self._misplaced([row[0] for row in profiles]))

    def _misplaced(self, agents: list[str]) -> str:
        agent_id, shard = self._database.row(
            "select agent_id, shard from profiles where agent_id = any(?) "
            "and shard not in ('', ?) order by agent_id limit 1",
            (agents, self._shard),
        )
        here = self._shard or "a single worker"
        return (
            f"agent {agent_id!r} is judged in {shard}, and also arrived in {here}: an "
            "agent has one partition; key the records by the agent's id, with the "
            "partitioner of the Java client, and do not add partitions to the topic"
        )

    def _columns(self, statement: str, rows: Iterable[Sequence[Any]], *before: Any) -> None:
        """Run a statement with one array per column, if there are rows."""
        columns = [list(column) for column in zip(*rows, strict=True)]
        if columns:
            self._database.run(statement, (*before, *columns))


def contribution_key(shard: str, seq: int) -> bytes:
    """Give the key of a contribution's digest."""
    return f"{shard}\0{seq}".encode()


def _floating(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Convert the rank of an anomaly row to float: a column has one type."""
    rank = row[6]
    return (*row[:6], None if rank is None else float(rank), *row[7:])
