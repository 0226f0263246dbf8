-- The latest events with their assessment, as GET /v1/events lists them; old ones are deleted.
create table recent_events (
    id bigint generated always as identity primary key,
    judged_us bigint not null,
    value bytea not null
);
