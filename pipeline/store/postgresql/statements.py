"""The longer statements: each writes or deletes many rows at once, one array per column."""

from __future__ import annotations

PROFILES = """
with written as (
insert into profiles as known (
    shard, seq, agent_id, mode, trust, trust_digest, digest, blob
)
select ?, (select value from tallies where name = 'seq') - ?::bigint + place, row.agent_id,
    row.mode, row.trust, row.trust_digest, row.digest, row.blob
from unnest(?::text[], ?::text[], ?::bytea[], ?::bytea[], ?::bytea[], ?::bytea[])
with ordinality as row (agent_id, mode, trust, trust_digest, digest, blob, place)
on conflict (agent_id, mode) do update set
    seq = excluded.seq, trust = excluded.trust, trust_digest = excluded.trust_digest,
    digest = excluded.digest, blob = excluded.blob, shard = excluded.shard
where known.shard in ('', excluded.shard)
returning 1
)
select count(*) from written
"""

ANOMALIES = """
insert into anomalies (id, agent_id, time_us, first_us, severity, kind, rank, status, blob)
select * from unnest(
    ?::text[], ?::text[], ?::bigint[], ?::bigint[], ?::text[], ?::text[], ?::float8[], ?::text[],
    ?::bytea[]
)
on conflict (id) do update set
    agent_id = excluded.agent_id, time_us = excluded.time_us, first_us = excluded.first_us,
    severity = excluded.severity, kind = excluded.kind, rank = excluded.rank,
    status = excluded.status, blob = excluded.blob
"""

MEMBERS = """
insert into anomaly_members (id, anomaly_id, agent_id)
select * from unnest(?::text[], ?::text[], ?::text[])
on conflict (id) do nothing
"""

CASES = """
insert into cases (id, agent_id, last_us, severity, rank, status, blob)
select * from unnest(
    ?::text[], ?::text[], ?::bigint[], ?::text[], ?::float8[], ?::text[], ?::bytea[]
)
on conflict (id) do update set
    agent_id = excluded.agent_id, last_us = excluded.last_us, severity = excluded.severity,
    rank = excluded.rank, status = excluded.status, blob = excluded.blob
"""

KINDS = """
insert into finding_kinds (of_id, kind) select * from unnest(?::text[], ?::text[])
on conflict do nothing
"""

CASE_AGENTS = """
insert into case_agents (case_id, agent_id) select * from unnest(?::text[], ?::text[])
on conflict do nothing
"""

APPLIED_WRITES = """
delete from audit_due using unnest(?::bigint[]) as done (number)
where audit_due.number = done.number
"""

SUPPRESSED = """
insert into suppressed (suppression, case_id) select * from unnest(?::text[], ?::text[])
on conflict do nothing
"""

ALIASES = """
insert into aliases (value, agent_id, state, version, digest, blob)
select * from unnest(?::text[], ?::text[], ?::text[], ?::bigint[], ?::bytea[], ?::bytea[])
on conflict (value, agent_id) do update set
    state = excluded.state, version = excluded.version, digest = excluded.digest,
    blob = excluded.blob where aliases.version < excluded.version
"""

HELD = """
insert into held (event_id, agent_id, mode, time_us, blob)
select * from unnest(?::text[], ?::text[], ?::text[], ?::bigint[], ?::bytea[])
on conflict (agent_id, event_id) do update set blob = excluded.blob
"""

RECENT = """
insert into recent_events (judged_us, value)
select ?, value from unnest(?::bytea[]) with ordinality as row (value, place) order by place
"""

REPORTS = """
insert into reports (arrived_us, format, reporter, value)
select arrived_us, format, reporter, value
from unnest(?::bigint[], ?::text[], ?::text[], ?::bytea[])
with ordinality as row (arrived_us, format, reporter, value, place) order by place
"""

# By number, so that only deleted rows are read; ids are nearly in order of time.
OLD_EVENTS = """
delete from recent_events where id < greatest(
    (select max(id) from recent_events) - ?::bigint + 1,
    coalesce(
        (select id from recent_events where judged_us >= ? order by id limit 1), 1::bigint << 62
    )
)
"""


def keyed(table: str, key: str, kind: str) -> str:
    """Give the statement that writes rows of a shard with digests."""
    return (
        f"insert into {table} (shard, {key}, digest, blob) select ?, * "  # noqa: S608  # constant parts
        f"from unnest(?::{kind}[], ?::bytea[], ?::bytea[]) on conflict (shard, {key}) "
        "do update set digest = excluded.digest, blob = excluded.blob"
    )


# The last import from each other shard stays: it is the resume position.
OLD_IMPORTS = """
delete from imports old where shard = ? and number < (
    select number from imports where shard = ? order by number desc offset ? limit 1
) and exists (
    select 1 from imports newer
    where newer.shard = old.shard and newer.other = old.other and newer.seq > old.seq
)
"""

OLD_CONTRIBUTIONS = """
with mine as (select name, contributed from shards where name = ?),
taken as (
    select coalesce(max(imports.seq), 0) as seq
    from shards left join imports on imports.shard = shards.name and imports.other = ?
    where shards.name <> ? and starts_with(shards.name, ?)
    group by shards.name
)
delete from contributions using mine
where contributions.shard = mine.name and contributions.seq <= least(
    mine.contributed - ?::bigint, (select coalesce(min(seq), mine.contributed) from taken)
)
"""
