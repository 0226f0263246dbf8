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
    status bytea
);
insert into shards (name) values ('');

create table profiles (
    agent_id text collate "C" not null,
    mode text collate "C" not null,
    seq bigint not null,
    role text collate "C",
    owner text collate "C",
    level text collate "C" not null,
    state text collate "C" not null,
    last_seen_us bigint not null,
    trust bytea not null,
    trust_digest bytea not null,
    digest bytea not null,
    blob bytea not null,
    primary key (agent_id, mode)
) with (fillfactor = 70);
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
    primary key (shard, key)
);

create table anomalies (
    id text collate "C" primary key,
    agent_id text collate "C" not null,
    time_us bigint not null,
    severity text collate "C" not null,
    kind text collate "C" not null,
    rank double precision,
    status text collate "C" not null,
    blob bytea not null
);
create index anomalies_time on anomalies (time_us, id);
create index anomalies_agent on anomalies (agent_id, time_us, id);

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
    value bytea not null
);

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

-- They do not compress, and reading a slice of them is not wanted.
alter table profiles alter column blob set storage external;
alter table sessions alter column blob set storage external;
alter table shared alter column blob set storage external;
alter table outbox alter column message set storage external;
