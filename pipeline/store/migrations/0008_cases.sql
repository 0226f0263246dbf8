-- Cases: what people read, in the order of their queue.
create table cases (
    id text collate "C" primary key,
    agent_id text collate "C" not null,
    last_us bigint not null,
    severity text collate "C" not null,
    rank double precision,
    status text collate "C" not null,
    blob bytea not null
);
create index cases_last on cases (last_us, id);
create index cases_urgency on cases (
    (case when status <> 'open' then 0 else case severity
        when 'critical' then 4 when 'high' then 3 when 'medium' then 2 else 1 end end),
    (coalesce(rank, 0)), last_us, id
);

-- Every agent with an event of a case.
create table case_agents (
    agent_id text collate "C" not null,
    case_id text collate "C" not null,
    primary key (agent_id, case_id)
);
create index case_agents_case on case_agents (case_id, agent_id);

create index cases_suppressed on cases (id) where status = 'suppressed';

-- What people did. Rows are only added: by the API and the commands.
create table audit (
    number bigint generated always as identity primary key,
    kind text collate "C" not null,
    object text collate "C" not null,
    version bigint not null,
    action text collate "C" not null,
    agent_id text collate "C" not null,
    digest bytea not null,
    blob bytea not null,
    unique (kind, object, version)
);
create function audit_is_append_only() returns trigger language plpgsql as
    'begin raise exception ''the audit log is append-only''; end';
create trigger audit_append_only before update or delete or truncate on audit
    for each statement execute function audit_is_append_only();

-- Rows of the log that the worker of the agent has not applied yet; it deletes them.
create table audit_due (number bigint primary key);

-- Which cases each suppression has hidden.
create table suppressed (
    suppression text collate "C" not null,
    case_id text collate "C" not null,
    primary key (suppression, case_id)
);
