-- What an event said, beside its id: null of all that is there already.
alter table seen add column digest bigint;

-- What waits to be judged is known as well, to every process that takes events in.
alter table inbox add column key bigint, add column digest bigint;
create index inbox_key on inbox (key);
