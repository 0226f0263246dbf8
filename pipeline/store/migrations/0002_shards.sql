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
alter table contributions alter column blob set storage external;

-- How many of them there are, so that others need not look for more.
alter table shards add column contributed bigint not null default 0;

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

-- Who judges an agent: its events come from one partition, or two shards would overwrite each other.
alter table profiles add column shard text collate "C" not null default '';
