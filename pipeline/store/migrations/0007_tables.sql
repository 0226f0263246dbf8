-- Text compares byte by byte, so that rows have the same order as in SQLite.
create table meta (key text collate "C" primary key, value bytea not null);

-- Numbers that every commit counts up, so that one row is not dragged along with the blobs.
create table tallies (name text collate "C" primary key, value bigint not null);
insert into tallies (name, value) values ('seq', 0), ('commits', 0);

-- A shard is what one worker judges at a time; '' where the stream is not divided. Each taking of
-- it has a higher epoch, and a commit of an older one is refused.
create table shards (
    name text collate "C" primary key,
    epoch bigint not null default 0,
    seen_floor bigint not null default 0,
    status bytea,
    -- How many contributions it has written, so that others need not look for more.
    contributed bigint not null default 0
);
insert into shards (name) values ('');

create table profiles (
    agent_id text collate "C" not null,
    mode text collate "C" not null,
    seq bigint not null,
    trust bytea not null,
    trust_digest bytea not null,
    digest bytea not null,
    blob bytea not null,
    -- Who judges an agent: its events come from one partition, or two shards would overwrite each other.
    shard text collate "C" not null default '',
    primary key (agent_id, mode)
);
create unique index profiles_seq on profiles (seq);

create table sessions (
    shard text collate "C" not null,
    key bigint not null,
    digest bytea not null,
    blob bytea not null,
    primary key (shard, key)
);

create table shared (
    shard text collate "C" not null,
    name text collate "C" not null,
    digest bytea not null,
    blob bytea not null,
    primary key (shard, name)
);

create table seen (
    shard text collate "C" not null,
    key bigint not null,
    day integer not null,
    digest bigint not null,
    primary key (shard, key)
);

create table anomalies (
    id text collate "C" primary key,
    agent_id text collate "C" not null,
    time_us bigint not null,
    first_us bigint not null,
    severity text collate "C" not null,
    kind text collate "C" not null,
    rank double precision,
    status text collate "C" not null,
    blob bytea not null
);
create index anomalies_time on anomalies (first_us, id, time_us);
create index anomalies_agent on anomalies (agent_id, first_us, id);
-- The queue by severity, by rank and by type.
create index anomalies_urgency on anomalies (
    (case when status = 'dismissed' then 0 else case severity
        when 'critical' then 4 when 'high' then 3 when 'medium' then 2 else 1 end end),
    (coalesce(rank, 0)), first_us, id
);
create index anomalies_rank on anomalies ((coalesce(rank, 0)), first_us, id);
create index anomalies_kind on anomalies (kind, first_us, id);

-- Names that lead to an anomaly of several agents: each agent's own, and what they share.
create table anomaly_members (
    id text collate "C" primary key,
    anomaly_id text collate "C" not null,
    agent_id text collate "C" not null
);
create index anomaly_members_agent on anomaly_members (agent_id, anomaly_id) where agent_id <> '';
create index anomaly_members_anomaly on anomaly_members (anomaly_id, agent_id) where agent_id <> '';

create table held (
    number bigint generated always as identity primary key,
    event_id text collate "C" not null,
    agent_id text collate "C" not null,
    mode text collate "C" not null,
    time_us bigint not null,
    blob bytea not null,
    unique (agent_id, event_id)
);
create index held_agent on held (agent_id, time_us);

create table outbox (
    id bigint generated always as identity primary key,
    shard text collate "C" not null,
    message bytea not null
);
create index outbox_shard on outbox (shard, id);

create table inbox (
    id bigint generated always as identity primary key,
    arrived_us bigint not null,
    value bytea not null,
    key bigint,
    digest bigint
);
create index inbox_key on inbox (key);

create table positions (
    source text collate "C" primary key,
    position text collate "C" not null
);

create table counters (name text collate "C" primary key, value bigint not null);

create table configs (
    number bigint primary key,
    version text collate "C" not null,
    digest bytea not null,
    blob bytea not null
);

-- What each shard told the others, one row a batch that had something to tell; `position` is where
-- its source stood after that batch.
create table contributions (
    shard text collate "C" not null,
    seq bigint not null,
    position text collate "C" not null,
    digest bytea not null,
    blob bytea not null,
    primary key (shard, seq)
);

-- Up to which contribution of another shard a shard had taken them in before it went on from
-- `position`: with this, judging the same input again gives the same result.
create table imports (
    number bigint generated always as identity primary key,
    shard text collate "C" not null,
    position text collate "C" not null,
    other text collate "C" not null,
    seq bigint not null
);
create index imports_shard on imports (shard, other, seq);

-- They do not compress, and reading a slice of them is not wanted.
alter table profiles alter column blob set storage external;
alter table sessions alter column blob set storage external;
alter table shared alter column blob set storage external;
alter table outbox alter column message set storage external;
alter table contributions alter column blob set storage external;
