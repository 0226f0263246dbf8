//! The agent of an event; `models.baseline.agent_state.AgentState`.

use crate::baseline::frequency_model::FrequencyModel;
use crate::baseline::profile::{Facts, Now};
use crate::features::extraction::Texts;
use crate::peers::baselines::VolumeBaselines;
use crate::peers::last_values::Chains;
use crate::r#loop::agent::Agent;

/// An agent during the judgement of an event. Its numbers are copies. They replace the agent's own
/// numbers only if the event is ordinary.
pub struct AgentState<'a> {
    pub facts: &'a mut Facts,
    pub frequency_model: &'a mut FrequencyModel,
    /// Index of its group in `models.peers.groups.Groups`, and the name of the group.
    pub group: usize,
    pub group_name: &'a str,
    pub chains: &'a mut Chains,
    /// The categories of the previous action.
    pub texts: &'a Texts,
    /// Name and key of its last session.
    pub session: &'a mut (String, u64),
    pub now: Now,
    pub volumes: VolumeBaselines,
}

impl<'a> AgentState<'a> {
    /// None for an agent without a group. `seen` is reused memory for a list of its numbers.
    pub fn of(
        agent: &'a mut Agent,
        frequency_model: &'a mut FrequencyModel,
        seen: Vec<i64>,
    ) -> Option<Self> {
        let (group, group_name) = agent.group.as_ref()?;
        Some(AgentState {
            now: agent.facts.now.copied(seen),
            volumes: agent.volumes,
            facts: &mut agent.facts,
            frequency_model,
            group: *group,
            group_name,
            chains: &mut agent.chains,
            texts: &agent.texts,
            session: &mut agent.session,
        })
    }

    /// Count an event, and note the last publication of the peers.
    pub fn count(&mut self, time_us: i64, version: i64) {
        let now = &mut self.now;
        if now.vote_version != version {
            self.frequency_model.published();
            now.vote_version = version;
        }
        now.events += 1;
        now.day_events += 1;
        now.last_us = now.last_us.max(time_us);
    }
}
