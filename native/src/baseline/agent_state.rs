//! The agent of an event; `models.baseline.agent_state.Subject`.

use crate::baseline::frequency_model::Habits;
use crate::baseline::profile::{Facts, Now};
use crate::features::extraction::Texts;
use crate::peers::baselines::Levels;
use crate::peers::last_values::Chains;
use crate::r#loop::agent::Agent;

/// An agent while an event of it is judged. Its numbers are copies, which take the place of the
/// agent's own only if there is nothing to say of the event.
pub struct Subject<'a> {
    pub facts: &'a mut Facts,
    pub habits: &'a mut Habits,
    /// Its group among `models.peers.groups.Groups`, and that one's name.
    pub group: usize,
    pub group_name: &'a str,
    pub chains: &'a mut Chains,
    /// The categories of the act before.
    pub texts: &'a Texts,
    /// Name and key of the session it acted in last.
    pub session: &'a mut (String, u64),
    pub now: Now,
    pub levels: Levels,
}

impl<'a> Subject<'a> {
    /// None of an agent that has not joined a group. `seen` is memory for a list of its numbers.
    pub fn of(agent: &'a mut Agent, habits: &'a mut Habits, seen: Vec<i64>) -> Option<Self> {
        let (group, group_name) = agent.group.as_ref()?;
        Some(Subject {
            now: agent.facts.now.copied(seen),
            levels: agent.levels,
            facts: &mut agent.facts,
            habits,
            group: *group,
            group_name,
            chains: &mut agent.chains,
            texts: &agent.texts,
            session: &mut agent.session,
        })
    }

    /// Count an event, and see what peers have published since.
    pub fn count(&mut self, time_us: i64, version: i64) {
        let now = &mut self.now;
        if now.vote_version != version {
            self.habits.published();
            now.vote_version = version;
        }
        now.events += 1;
        now.day_events += 1;
        now.last_us = now.last_us.max(time_us);
    }
}
