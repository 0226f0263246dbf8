-- Which identifiers belong to which agent: proposals, and what people decided about them.
create table aliases (
    value text collate "C" not null,
    agent_id text collate "C" not null,
    state text collate "C" not null,
    -- Number of decisions about the identifier when this row was written; 0 for a proposal.
    version bigint not null,
    digest bytea not null,
    blob bytea not null,
    primary key (value, agent_id)
);
create index aliases_agent on aliases (agent_id, value);
create index aliases_state on aliases (state, value, agent_id);
