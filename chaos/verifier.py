"""Judge the same input again without disturbances, and compare with store and topics.

A new engine judges each partition again over an SQLite store in memory. It applies the
contributions recorded by the run (`imports`). Its own contributions must equal the recorded ones,
byte for byte, so by induction all are verified.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import psycopg

from models.config import ModelConfig
from models.engine import Engine
from models.replication.exchange import Exchange
from pipeline.processing.assembly import SharedResources, build_worker
from pipeline.publishing.catalogue import catalogue
from pipeline.sources.kafka.position import Position
from pipeline.store import open_shard, open_store
from pipeline.store.seal import Seal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.processing.stream_types import Message, RawRecord
    from pipeline.settings import Settings

_TABLES = {
    "profiles": ("agent_id, mode, trust, trust_digest, digest, blob", "agent_id, mode"),
    "anomalies": ("id, agent_id, time_us, severity, kind, rank, status, blob", "id"),
    "cases": ("id, agent_id, last_us, severity, rank, status, blob", "id"),
    "case_agents": ("agent_id, case_id", "agent_id, case_id"),
    "finding_kinds": ("of_id, kind", "of_id, kind"),
    "held": ("agent_id, event_id, mode, time_us, blob", "agent_id, event_id"),
    "anomaly_members": ("id, anomaly_id, agent_id", "id"),
}
_BY_SHARD = {
    "sessions": ("key, digest, blob", "key"),
    "shared": ("name, digest, blob", "name"),
    "seen": ("key, day, digest", "key"),
}


class Found:
    """Results of judging, as rows by table."""

    def __init__(self) -> None:
        self.tables: dict[str, list[Any]] = {}
        self.published: list[Message] = []

    def add(self, table: str, rows: Sequence[Any]) -> None:
        """Add rows."""
        self.tables.setdefault(table, []).extend(tuple(row) for row in rows)

    def counters(self, rows: Sequence[tuple[str, int]]) -> None:
        """Add counters by name."""
        known = Counter(dict(self.tables.get("counters", [])))
        known.update(dict(rows))
        self.tables["counters"] = sorted(known.items())


def stored(url: str, shards: Sequence[str]) -> Found:
    """Read the results of the run from its store."""
    found = Found()
    with psycopg.connect(url) as database:

        def rows(query: str, *values: Any) -> list[Any]:
            return database.cursor(binary=True).execute(query.encode(), values).fetchall()

        for table, (columns, key) in _TABLES.items():
            found.add(table, rows(f"select {columns} from {table} order by {key}"))  # noqa: S608  # the names above
        for source, position in rows("select source, position from positions order by source"):
            found.add("positions", [(source, str(Position.of(position).offset))])
        found.add("waiting in the outbox", rows("select id from outbox"))
        found.counters(rows("select name, value from counters"))
        secret = rows("select value from meta where key = 'secret'")[0][0]
        for shard in shards:
            for table, (columns, key) in _BY_SHARD.items():
                found.add(
                    f"{table} of {shard}",
                    rows(f"select {columns} from {table} where shard = %s order by {key}", shard),  # noqa: S608  # the names above
                )
            found.tables[f"shared of {shard}"] = _whole(found.tables[f"shared of {shard}"], secret)
    return found


def _whole(rows: Sequence[tuple[str, bytes, bytes]], secret: bytes) -> list[Any]:
    """Merge each copy and its later changes into one copy, as at the end of a run."""
    seal, shared = Seal(secret, "shared"), {name: blob for name, _, blob in rows}
    engine = Engine(ModelConfig(), secret, catalogue())
    engine.load(shared, ())
    kept = {name: blob for name, blob in shared.items() if not name.startswith("+")}
    kept |= engine.dump(whole=True)
    return [(name, seal.digest(name.encode(), kept[name]), kept[name]) for name in sorted(kept)]


def judged_again(settings: Settings, records: Mapping[str, Sequence[RawRecord]]) -> Found:
    """Judge every partition without disturbances.

    Raises
    ------
    AssertionError
        A contribution differs from the recorded one.
    """
    found = Found()
    found.add("waiting in the outbox", [])
    with open_shard(settings.store, "", read_only=True) as run:
        resources = SharedResources.of(settings, run)
        for shard in sorted(records):
            _judge(settings, shard, records[shard], run, resources, found)
    for table in (*_TABLES, "positions"):
        found.tables.setdefault(table, []).sort(key=lambda row: row[:2])
    return found


def _judge(
    settings: Settings,
    shard: str,
    records: Sequence[RawRecord],
    run: Any,
    resources: SharedResources,
    found: Found,
) -> None:
    contributions, taken = _recorded(settings.store, shard)
    with open_store("sqlite::memory:", secret=run.secret) as store:
        store.shard = shard  # findings of several agents belong to a partition
        worker = build_worker(settings, store, resources=resources)
        exchange = Exchange(worker.engine)
        end = records[-1].offset + 1 if records else 0
        cuts = sorted({*contributions, *taken, end} - {0})
        start = 0
        for cut in cuts:
            _take(run, exchange, taken.get(start, []))
            batch = [one for one in records if start <= one.offset < cut]
            out = worker.judge(batch)
            out.shared += exchange.dump()
            said = exchange.contribution()
            assert said == contributions.get(cut), f"{shard} has another contribution at {cut}"
            found.published += out.outbox
            store.commit(out)
            start = cut
        _take(run, exchange, taken.get(start, []))  # no own events after that
        last = worker.flush(whole=True)
        last.shared += exchange.dump()
        store.commit(last)
        _read(store, shard, found)
    found.add("positions", [(shard, str(end))] if records else [])


def _take(run: Any, exchange: Exchange, recorded: list[tuple[str, tuple[int, int]]]) -> None:
    """Apply the contributions that the shard applied at this position, in the same order."""
    for other, (after, seq) in recorded:
        for blob in _contributions(run, other, after, seq):
            exchange.take(blob)


def _read(store: Any, shard: str, found: Found) -> None:
    rows = store._work.rows  # noqa: SLF001  # raw rows
    for table, (columns, key) in _TABLES.items():
        found.add(table, rows(f"select {columns} from {table} order by {key}"))  # noqa: S608  # the names above
    found.counters(rows("select name, value from counters"))
    for table, (columns, key) in _BY_SHARD.items():
        found.add(f"{table} of {shard}", rows(f"select {columns} from {table} order by {key}"))  # noqa: S608  # the names above


def _recorded(
    url: str, shard: str
) -> tuple[dict[int, bytes], dict[int, list[tuple[str, tuple[int, int]]]]]:
    """Give the contributions of a shard by position, and the imports before each position."""
    with psycopg.connect(url) as database:
        query = (
            "select split_part(position, '@', 1)::bigint, blob from contributions where shard = %s"
        )
        row = database.cursor(binary=True).execute(query, (shard,))
        contributions: dict[int, bytes] = dict(row.fetchall())
        query = (
            "select coalesce(nullif(split_part(position, '@', 1), '')::bigint, 0), other, seq "
            "from imports where shard = %s order by number"
        )
        taken: dict[int, list[tuple[str, tuple[int, int]]]] = {}
        known: dict[str, int] = {}
        for position, other, seq in database.execute(query, (shard,)).fetchall():
            taken.setdefault(position, []).append((other, (known.get(other, 0), seq)))
            known[other] = seq
    return contributions, taken


def _contributions(run: Any, other: str, after: int, seq: int) -> list[bytes]:
    """Give the contributions of another shard between two numbers, with verified digests."""
    known = run.of("").contributions({other: after}, 1 << 30, only=other)
    return [blob for _, number, blob in known if number <= seq]
