-- Names that lead to an anomaly of several agents: each agent's own, and what they share.
create table anomaly_members (
    id text collate "C" primary key,
    anomaly_id text collate "C" not null,
    agent_id text collate "C" not null
);
create index anomaly_members_agent on anomaly_members (agent_id, anomaly_id) where agent_id <> '';

-- The queue by severity, by rank and by type.
create index anomalies_urgency on anomalies (
    (case when status = 'dismissed' then 0 else case severity
        when 'critical' then 4 when 'high' then 3 when 'medium' then 2 else 1 end end),
    (coalesce(rank, 0)), time_us, id
);
create index anomalies_rank on anomalies ((coalesce(rank, 0)), time_us, id);
create index anomalies_kind on anomalies (kind, time_us, id);
