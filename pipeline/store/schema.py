"""Tables of the store. Rowid tables with unique keys: without rowids it writes ten times slower."""

from __future__ import annotations

VERSION = 4

# When the first event of an anomaly was, out of what an earlier version stored.
_FIRST_TIME = "json_extract(cast(blob as text), '$.first_time')"
FIRST_US = (
    f"coalesce(cast(strftime('%s', substr({_FIRST_TIME}, 1, 19)) as integer) * 1000000 "
    f"+ cast(substr({_FIRST_TIME}, 21, 6) as integer), time_us)"
)

PROFILES = """\
create table if not exists profiles (
    id integer primary key,
    agent_id text not null,
    mode text not null,
    seq integer not null,
    trust blob not null,
    trust_digest blob not null,
    digest blob not null,
    blob blob not null,
    unique (agent_id, mode)
);
create unique index if not exists profiles_seq on profiles (seq);
"""

TABLES = f"""
create table if not exists meta (key text primary key, value blob not null);
{PROFILES}create table if not exists sessions (
    key integer primary key, digest blob not null, blob blob not null
);
create table if not exists shared (
    id integer primary key, name text not null unique, digest blob not null, blob blob not null
);
create table if not exists seen (
    key integer primary key, day integer not null, digest integer
);
create table if not exists anomalies (
    number integer primary key,
    id text not null unique,
    agent_id text not null,
    time_us integer not null,
    first_us integer not null default 0,
    severity text not null,
    kind text not null,
    rank real,
    status text not null,
    blob blob not null
);
create index if not exists anomalies_time on anomalies (first_us, id, time_us);
create index if not exists anomalies_agent on anomalies (agent_id, first_us, id);
create table if not exists held (
    number integer primary key,
    event_id text not null,
    agent_id text not null,
    mode text not null,
    time_us integer not null,
    blob blob not null,
    unique (agent_id, event_id)
);
create index if not exists held_agent on held (agent_id, time_us);
create table if not exists outbox (id integer primary key autoincrement, message blob not null);
create table if not exists inbox (
    id integer primary key autoincrement,
    arrived_us integer not null,
    value blob not null,
    key integer,
    digest integer
);
create index if not exists inbox_key on inbox (key);
create table if not exists positions (
    id integer primary key, source text not null unique, position text not null
);
create table if not exists counters (
    id integer primary key, name text not null unique, value integer not null
);
"""

# From a version to the next one.
MIGRATIONS = {
    # Role, owner, level, state and last instant are in the trust state as well. One copy of the
    # table is quicker than dropping one column after the other.
    1: f"""
alter table profiles rename to profiles_before;
drop index profiles_seq;
{PROFILES}
insert into profiles (id, agent_id, mode, seq, trust, trust_digest, digest, blob)
    select id, agent_id, mode, seq, trust, trust_digest, digest, blob
    from profiles_before order by id;
drop table profiles_before
""",  # noqa: S608 - ours alone
    # What an event said, beside its id: null of all that is there already.
    2: """
alter table seen add column digest integer;
alter table inbox add column key integer;
alter table inbox add column digest integer;
create index inbox_key on inbox (key)
""",
    # Orders by the first event, which no later one moves; `ADDED` makes the other indexes anew.
    3: f"""
alter table anomalies add column first_us integer not null default 0;
update anomalies set first_us = {FIRST_US};
drop index if exists anomalies_time;
drop index if exists anomalies_agent;
drop index if exists anomalies_urgency;
drop index if exists anomalies_rank;
drop index if exists anomalies_kind;
create index anomalies_time on anomalies (first_us, id, time_us);
create index anomalies_agent on anomalies (agent_id, first_us, id)
""",  # noqa: S608 - ours alone
}

# Tables that came later; made where they are missing, so that older stores go on.
ADDED = """
create table if not exists configs (
    number integer primary key, version text not null, digest blob not null, blob blob not null
);
create table if not exists anomaly_members (
    id text primary key,
    anomaly_id text not null,
    agent_id text not null
);
create index if not exists anomaly_members_agent on anomaly_members (agent_id, anomaly_id)
    where agent_id <> '';
create index if not exists anomalies_urgency on anomalies (
    (case when status = 'dismissed' then 0 else case severity
        when 'critical' then 4 when 'high' then 3 when 'medium' then 2 else 1 end end),
    (coalesce(rank, 0)), first_us, id
);
create index if not exists anomalies_rank on anomalies ((coalesce(rank, 0)), first_us, id);
create index if not exists anomalies_kind on anomalies (kind, first_us, id)
"""
