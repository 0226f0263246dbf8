-- When the first event of an anomaly was: orders go by it, as no later event moves it.
alter table anomalies add column first_us bigint not null default 0;
update anomalies set first_us = coalesce(
    (1000000 * extract(epoch from
        substring(encode(blob, 'escape') from '"first_time":"([^"]+)"')::timestamptz))::bigint,
    time_us
);
drop index anomalies_time, anomalies_agent, anomalies_urgency, anomalies_rank, anomalies_kind;
create index anomalies_time on anomalies (first_us, id, time_us);
create index anomalies_agent on anomalies (agent_id, first_us, id);
create index anomalies_urgency on anomalies (
    (case when status = 'dismissed' then 0 else case severity
        when 'critical' then 4 when 'high' then 3 when 'medium' then 2 else 1 end end),
    (coalesce(rank, 0)), first_us, id
);
create index anomalies_rank on anomalies ((coalesce(rank, 0)), first_us, id);
create index anomalies_kind on anomalies (kind, first_us, id);
