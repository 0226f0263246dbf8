-- Payloads of other formats received over HTTP, until the worker has assembled them.
create table reports (
    id bigint generated always as identity primary key,
    arrived_us bigint not null,
    format text collate "C" not null,
    reporter text collate "C" not null,
    value bytea not null
);
