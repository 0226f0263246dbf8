"""Tables of the store; tables without rowids are ten times slower to write."""

from __future__ import annotations

VERSION = 9
OLDEST = 5
"""Oldest version of a store that gets the tables added since."""

TABLES = """
create table meta (key text primary key, value blob not null);
create table profiles (
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
create unique index profiles_seq on profiles (seq);
create table sessions (key integer primary key, digest blob not null, blob blob not null);
create table shared (
    id integer primary key, name text not null unique, digest blob not null, blob blob not null
);
create table seen (
    key integer primary key, day integer not null, digest integer not null
);
create table anomalies (
    number integer primary key,
    id text not null unique,
    agent_id text not null,
    time_us integer not null,
    first_us integer not null,
    severity text not null,
    kind text not null,
    rank real,
    status text not null,
    blob blob not null
);
create index anomalies_time on anomalies (first_us, id, time_us);
create index anomalies_agent on anomalies (agent_id, first_us, id);
create index anomalies_urgency on anomalies (
    (case when status = 'dismissed' then 0 else case severity
        when 'critical' then 4 when 'high' then 3 when 'medium' then 2 else 1 end end),
    (coalesce(rank, 0)), first_us, id
);
create index anomalies_rank on anomalies ((coalesce(rank, 0)), first_us, id);
create index anomalies_kind on anomalies (kind, first_us, id);
create table anomaly_members (
    id text primary key,
    anomaly_id text not null,
    agent_id text not null
);
create index anomaly_members_agent on anomaly_members (agent_id, anomaly_id) where agent_id <> '';
create index anomaly_members_anomaly on anomaly_members (anomaly_id, agent_id) where agent_id <> '';
create table finding_kinds (
    number integer primary key,
    of_id text not null,
    kind text not null,
    unique (kind, of_id)
);
create table cases (
    number integer primary key,
    id text not null unique,
    agent_id text not null,
    last_us integer not null,
    severity text not null,
    rank real,
    status text not null,
    blob blob not null
);
create index cases_last on cases (last_us, id);
create index cases_urgency on cases (
    (case when status <> 'open' then 0 else case severity
        when 'critical' then 4 when 'high' then 3 when 'medium' then 2 else 1 end end),
    (coalesce(rank, 0)), last_us, id
);
create table case_agents (
    number integer primary key,
    agent_id text not null,
    case_id text not null,
    unique (agent_id, case_id)
);
create index case_agents_case on case_agents (case_id, agent_id);
create index cases_suppressed on cases (id) where status = 'suppressed';
create table audit (
    number integer primary key,
    kind text not null,
    object text not null,
    version integer not null,
    action text not null,
    agent_id text not null,
    digest blob not null,
    blob blob not null,
    unique (kind, object, version)
);
create table audit_due (number integer primary key);
create table suppressed (
    number integer primary key,
    suppression text not null,
    case_id text not null,
    unique (suppression, case_id)
);
create table aliases (
    number integer primary key,
    value text not null,
    agent_id text not null,
    state text not null,
    version integer not null,
    digest blob not null,
    blob blob not null,
    unique (value, agent_id)
);
create index aliases_agent on aliases (agent_id, value);
create index aliases_state on aliases (state, value, agent_id);
create table held (
    number integer primary key,
    event_id text not null,
    agent_id text not null,
    mode text not null,
    time_us integer not null,
    blob blob not null,
    unique (agent_id, event_id)
);
create index held_agent on held (agent_id, time_us);
create table outbox (id integer primary key autoincrement, message blob not null);
create table inbox (
    id integer primary key autoincrement,
    arrived_us integer not null,
    value blob not null,
    key integer,
    digest integer
);
create index inbox_key on inbox (key);
create table reports (
    id integer primary key autoincrement,
    arrived_us integer not null,
    format text not null,
    reporter text not null,
    value blob not null
);
create table recent_events (
    id integer primary key autoincrement, judged_us integer not null, value blob not null
);
create table positions (
    id integer primary key, source text not null unique, position text not null
);
create table counters (
    id integer primary key, name text not null unique, value integer not null
);
create table configs (
    number integer primary key, version text not null, digest blob not null, blob blob not null
)
"""

TRIGGERS = tuple(
    f"create trigger audit_no_{verb} before {verb} on audit "
    "begin select raise(abort, 'the audit log is append-only'); end"
    for verb in ("update", "delete")
)
"""Keep the audit log as it was written."""

ADDED = {
    "finding_kinds": """
insert or ignore into finding_kinds (of_id, kind)
select id, kind from anomalies
union all
select cases.id, json_extract(signal.value, '$.anomaly')
from cases, json_each(cast(cases.blob as text), '$.signals') as signal
"""
}
"""What a table that is added to an existing store begins with."""
