-- The types of all findings of an anomaly or a case, for lists of one type.
create table finding_kinds (
    of_id text collate "C" not null,
    kind text collate "C" not null,
    primary key (kind, of_id)
);
insert into finding_kinds (of_id, kind)
select id, kind from anomalies
union
select cases.id, signal ->> 'anomaly'
from cases, jsonb_array_elements(convert_from(blob, 'UTF8')::jsonb -> 'signals') as signal;
