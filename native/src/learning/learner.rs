//! Learning after scoring.

use crate::baseline::agent_state::AgentState;
use crate::baseline::profile::{Facts, State, QUANTITIES};
use crate::features::extraction::Origin;
use crate::json::action::Action;
use crate::peers::baselines::size_index;
use crate::provenance::session::Session;
use crate::r#loop::one_event::EventJudge;
use crate::r#loop::scoring::EventScores;
use crate::units::HOUR_US;
use crate::watch::amounts::added;
use crate::watch::sizes::{per_mille, slot_of, SIZED};
use crate::watch::{mixture, sizes};

impl EventJudge<'_, '_> {
    pub fn learn(
        &mut self,
        action: &Action<'_>,
        agent_state: &mut AgentState<'_>,
        session: &mut Session,
        scored: &EventScores,
        gate: f64,
    ) {
        session.events += 1;
        session.previous_tool.clear();
        session.previous_tool.push_str(&action.tool);
        if let Some(content) = &scored.content {
            crate::provenance::history::learning::record_call(session, content);
        }
        let (group, active) = (agent_state.group, agent_state.now.state() == State::Active);
        if active {
            let (statistics, calibrated) = (&scored.statistics, &scored.calibrated);
            agent_state.frequency_model.enter(
                self.groups,
                group,
                statistics,
                calibrated,
                gate,
                false,
            );
        } else if let Some(first) = &scored.first {
            self.groups.enter_new(group, first);
        }
        let tool = self.tool_mark();
        self.lean(agent_state, tool, scored.measures.leaning);
        self.sum_up(action, agent_state, tool);
        let (texts, categories) = (&*self.texts, &scored.categories);
        if !scored.new_tool {
            let metrics = &scored.measures.risen;
            agent_state.frequency_model.learn_typical(
                self.groups,
                group,
                categories,
                active,
                metrics,
            );
        }
        agent_state.frequency_model.count_categories(
            self.groups,
            group,
            categories,
            active,
            |at| texts.get(at),
        );
        mixture::count_use(&mut agent_state.facts.mixture, tool);
        agent_state.now.voted |= active;
    }

    /// Update the CUSUM of the bytes that a tool sends. It restarts after a report.
    fn lean(&self, agent_state: &mut AgentState<'_>, tool: i64, leaning: Option<f64>) {
        let (sizes, now) = (&mut agent_state.facts.sizes, &agent_state.now);
        if now.leak >= self.config.leak || now.state() == State::Learning {
            sizes::lean(sizes, tool, 0.0);
        } else if let Some(leaning) = leaning {
            sizes::lean(sizes, tool, leaning);
        }
    }

    /// Add to the open hour's sums; learn a window when it closes.
    fn sum_up(&mut self, action: &Action<'_>, agent_state: &mut AgentState<'_>, tool: i64) {
        let hour = action.time_us.div_euclid(HOUR_US);
        if hour > agent_state.now.hour {
            self.end_hour(agent_state);
            agent_state.now.hour = hour;
        }
        if hour == agent_state.now.hour {
            self.add_amounts(action, agent_state, tool);
        }
    }

    /// Learn the sums of a finished hour, and reset them.
    fn end_hour(&mut self, agent_state: &mut AgentState<'_>) {
        let (now, volumes) = (&mut agent_state.now, &mut agent_state.volumes);
        for (at, &total) in now.sums.iter().enumerate() {
            if now.hour >= 0 && total >= 0 {
                let mut amount = total as f64;
                if let Some(slot) = slot_of(at) {
                    amount = per_mille(amount, now.expected[slot]);
                }
                volumes[at].get_or_insert_default().learn(amount);
                if now.state() == State::Active {
                    self.baselines.contribute(agent_state.group_name, at, amount);
                }
            }
        }
        (now.sums, now.expected) = ([-1; QUANTITIES], [0.0; SIZED.len()]);
    }

    /// Add the amounts of an action to the hour's sums, and learn the amounts of such a call.
    fn add_amounts(&mut self, action: &Action<'_>, agent_state: &mut AgentState<'_>, tool: i64) {
        let (sizes, now, group) =
            (&mut agent_state.facts.sizes, &mut agent_state.now, agent_state.group_name);
        for (at, amount) in action.amounts().into_iter().enumerate() {
            let Some(amount) = amount else {
                if at == SIZED[0] {
                    sizes::send_nothing(sizes, tool);
                }
                continue;
            };
            now.sums[at] = added(now.sums[at], amount);
            let Some(slot) = slot_of(at) else { continue };
            let peers = Some(self.baselines.seen_by(group));
            now.expected[slot] += sizes::usual(sizes, tool, slot, amount, peers);
            sizes::learn(sizes, tool, slot, amount);
            let size = sizes::telling(sizes, tool, slot);
            if let Some(size) = size.filter(|_| now.state() == State::Active) {
                self.baselines.contribute(group, size_index(slot, tool), size);
            }
        }
    }
}

/// Note the location of the credential, and the version.
pub fn note(action: &Action<'_>, facts: &mut Facts, origin: &Origin) {
    let address = action.network.as_ref().and_then(|one| one.source_ip.as_ref());
    if let (Some(credential), Some(_)) = (&action.credential, address) {
        if !origin.own() {
            let here = origin.location.as_deref().unwrap_or_default();
            facts.note_credential(&credential.id, here, action.time_us);
        }
    }
    if let Some(version) = &action.agent.version {
        facts.note_version(version);
    }
}
