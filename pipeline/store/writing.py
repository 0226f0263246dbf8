"""Write one commit: each table once, many rows per statement."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from models.errors import Superseded
from models.event import microseconds
from pipeline.store.batch import ENCODER, AnomalyRow, CaseRow, Commit
from pipeline.store.order import case_rank, first_us, last_us
from pipeline.store.registers.aliases import DECIDE, PROPOSE
from pipeline.store.sealed import Sealed

if TYPE_CHECKING:
    from pipeline.store.database import Database
    from pipeline.store.sealed import SealedProfile

_PROFILE = """
insert into profiles (agent_id, mode, seq, trust, trust_digest, digest, blob)
values (?, ?, ?, ?, ?, ?, ?)
on conflict (agent_id, mode) do update set
    seq = excluded.seq, trust = excluded.trust,
    trust_digest = excluded.trust_digest, digest = excluded.digest, blob = excluded.blob
"""

_ANOMALY = """
insert into anomalies (id, agent_id, time_us, first_us, severity, kind, rank, status, blob)
values (?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict (id) do update set
    agent_id = excluded.agent_id, time_us = excluded.time_us, first_us = excluded.first_us,
    severity = excluded.severity, kind = excluded.kind, rank = excluded.rank,
    status = excluded.status, blob = excluded.blob
"""

_MEMBER = "insert or ignore into anomaly_members (id, anomaly_id, agent_id) values (?, ?, ?)"

_CASE = """
insert into cases (id, agent_id, last_us, severity, rank, status, blob)
values (?, ?, ?, ?, ?, ?, ?)
on conflict (id) do update set
    agent_id = excluded.agent_id, last_us = excluded.last_us, severity = excluded.severity,
    rank = excluded.rank, status = excluded.status, blob = excluded.blob
"""

_KIND = "insert or ignore into finding_kinds (of_id, kind) values (?, ?)"

OLD_EVENTS = """
delete from recent_events where id < max(
    (select max(id) from recent_events) - ? + 1,
    coalesce((select id from recent_events where judged_us >= ? order by id limit 1), 1 << 62)
)
"""
"""By number, so that only deleted rows are read; ids are in order of time."""

_META = "insert or replace into meta (key, value) values (?, ?)"


class Writer:
    """Write commits over one connection.

    Parameters
    ----------
    database
        The connection.
    secret
        Key of the digests.
    """

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database = database
        self._sealed = Sealed(secret)

    def write(self, batch: Commit) -> None:
        """Write the batch in one transaction."""
        # Encoding takes as long as writing, so it runs outside the transaction.
        profiles = self._sealed.profiles(batch.profiles)
        anomalies = [anomaly_row(anomaly) for anomaly in batch.anomalies]
        with self._database.transaction():
            self._check_positions(batch)
            self._write_profiles(profiles)
            self._write_state(batch)
            self._write_seen(batch)
            self._write_found(batch, anomalies)
            self._write_progress(batch)

    def _check_positions(self, batch: Commit) -> None:
        for source, expected in batch.expected.items():
            row = self._database.row("select position from positions where source = ?", (source,))
            compare(source, expected, row[0] if row else None)

    def _write_profiles(self, rows: list[SealedProfile]) -> None:
        if not rows:
            return
        database = self._database
        seq: int = database.row("select value from meta where key = 'seq'")[0]
        database.run_many(
            _PROFILE, [(*row[:2], seq + place, *row[2:]) for place, row in enumerate(rows, 1)]
        )
        database.run(_META, ("seq", seq + len(rows)))

    def _write_state(self, batch: Commit) -> None:
        run_many = self._database.run_many
        if batch.afresh:
            self._database.run("delete from sessions")
            self._database.run("delete from shared")
            self._database.run("delete from seen")
        run_many(
            "insert or replace into sessions (key, digest, blob) values (?, ?, ?)",
            self._sealed.sessions(batch.sessions),
        )
        run_many("delete from sessions where key = ?", ((key,) for key in batch.closed_sessions))
        run_many("delete from shared where name = ?", ((name,) for name in batch.dropped))
        if batch.whole:
            self._database.run("delete from shared where name >= '+' and name < ','")
        run_many(
            "insert into shared (name, digest, blob) values (?, ?, ?) on conflict (name) "
            "do update set digest = excluded.digest, blob = excluded.blob",
            self._sealed.shared(batch.shared),
        )

    def _write_seen(self, batch: Commit) -> None:
        # In order of their keys, neighbours fall into the same pages. A list per statement takes
        # half the time of a row per statement.
        for day, marks in sorted(batch.seen.items()):
            self._database.run(
                "insert or ignore into seen (key, day, digest) "
                "select cast(key as integer), ?, value from json_each(?)",
                (day, msgspec.json.encode(dict(sorted(marks.items()))).decode()),
            )
        floor = batch.prune_seen_before_day
        if floor is None:
            return
        pruned = self._database.row("select value from meta where key = 'seen_floor'")
        # An index by day would cost time at every event, so old keys are deleted once a day.
        if pruned is None or pruned[0] < floor:
            self._database.run("delete from seen where day < ?", (floor,))
            self._database.run(_META, ("seen_floor", floor))

    def _write_found(self, batch: Commit, anomalies: list[tuple[object, ...]]) -> None:
        run_many = self._database.run_many
        run_many(_ANOMALY, anomalies)
        run_many(_MEMBER, batch.members)
        run_many(_CASE, [case_row(case) for case in batch.cases])
        run_many(_KIND, kind_rows(batch))
        run_many(
            "insert or ignore into case_agents (case_id, agent_id) values (?, ?)", batch.case_agents
        )
        run_many(
            "delete from audit_due where number = ?", ((number,) for number in batch.applied_writes)
        )
        run_many(
            "insert or ignore into suppressed (suppression, case_id) values (?, ?)",
            batch.suppressed,
        )
        run_many(DECIDE, self._sealed.aliases(batch.aliases))
        run_many(PROPOSE, self._sealed.aliases(batch.proposed))
        run_many(
            "insert into held (event_id, agent_id, mode, time_us, blob) values (?, ?, ?, ?, ?) "
            "on conflict (agent_id, event_id) do update set blob = excluded.blob",
            batch.held,
        )
        run_many("delete from held where agent_id = ? and event_id = ?", batch.released)
        run_many(
            "insert into outbox (message) values (?)",
            ((ENCODER.encode(message),) for message in batch.outbox),
        )

    def _write_progress(self, batch: Commit) -> None:
        run_many = self._database.run_many
        run_many(
            "insert into positions (source, position) values (?, ?) "
            "on conflict (source) do update set position = excluded.position",
            batch.positions.items(),
        )
        run_many(
            "insert into counters (name, value) values (?, ?) "
            "on conflict (name) do update set value = value + excluded.value",
            batch.counters.items(),
        )
        if batch.inbox_done is not None:
            self._database.run("delete from inbox where id <= ?", (batch.inbox_done,))
        run_many(
            "insert into reports (arrived_us, format, reporter, value) values (?, ?, ?, ?)",
            batch.reports,
        )
        if batch.reports_done is not None:
            self._database.run("delete from reports where id <= ?", (batch.reports_done,))
        if batch.recent is not None:
            recent = batch.recent
            run_many(
                "insert into recent_events (judged_us, value) values (?, ?)",
                [(recent.judged_us, value) for value in recent.values],
            )
            self._database.run(OLD_EVENTS, (recent.number, recent.since_us))
        if batch.status is not None:
            self._database.run(_META, ("status", ENCODER.encode(batch.status)))


def compare(source: str, expected: str | None, found: str | None) -> None:
    """Raise `Superseded` if a stored position is not the expected one."""
    if found != expected:
        raise Superseded(
            f"position of {source} is {found or 'not stored'}, expected {expected or 'none'}: "
            "another worker has continued from there; this worker must stop"
        )


def anomaly_row(anomaly: AnomalyRow) -> tuple[object, ...]:
    """Give the columns of an anomaly."""
    return (
        anomaly["id"],
        anomaly["agent_id"],
        microseconds(datetime.fromisoformat(anomaly["time"])),
        first_us(anomaly),
        anomaly["severity"],
        anomaly["anomaly"],
        anomaly.get("rank"),
        anomaly.get("status", "open"),
        msgspec.json.encode(anomaly),
    )


def case_row(case: CaseRow) -> tuple[object, ...]:
    """Give the columns of a case."""
    return (
        case["case_id"],
        case["agent_id"],
        last_us(case),
        case["severity"],
        case_rank(case),
        case["status"],
        msgspec.json.encode(case),
    )


def kind_rows(batch: Commit) -> list[tuple[str, str]]:
    """Give (id, type) of all findings of the anomalies and cases of a batch."""
    found = [(one["id"], one["anomaly"]) for one in batch.anomalies]
    for name, rows in (("id", batch.anomalies), ("case_id", batch.cases)):
        found += [
            (row[name], finding["anomaly"]) for row in rows for finding in row.get("findings", ())
        ]
    return found
