//! What a new version of an agent leaves as it is.

use crate::baseline::agent_state::AgentState;
use crate::baseline::profile::State;
use crate::baseline::surprise::Surprise;
use crate::json::action::Action;
use crate::provenance::session::CallScore;
use crate::r#loop::one_event::EventJudge;

const TOOL: usize = 0;

/// As often, in units of 1/4096, is a tool used before it is one like others.
const FEW_USES: u32 = 16 << 12;

impl EventJudge<'_, '_> {
    /// Whether a tool is new with a deployment that has said so; `models.changing.brought`.
    pub fn brought(&self, action: &Action<'_>, agent_state: &AgentState<'_>) -> bool {
        if !agent_state.facts.brings(&action.tool) {
            return false;
        }
        let (node, value) = self.groups.value_at(TOOL, &action.tool);
        changing(agent_state) || agent_state.frequency_model.count_of(node, value) < FEW_USES
    }

    /// The rarity of what a new version leaves as it is; `models.changing.steady_bits`.
    pub fn steady(
        &self,
        tool: &str,
        agent_state: &AgentState<'_>,
        categories: &Surprise,
        strange: f64,
    ) -> Option<f64> {
        let AgentState { facts, group, .. } = agent_state;
        if facts.brings(tool) {
            return (agent_state.now.state() == State::Active).then_some(categories.steady);
        }
        Some(categories.steady.max(self.groups.weighted(*group, TOOL, strange)))
    }

    /// By how many bits a tool is odd that no deployment announced; `models.changing.unannounced`.
    pub fn unannounced(
        &self,
        tool: &str,
        agent_state: &AgentState<'_>,
        categories: &Surprise,
    ) -> f64 {
        let AgentState { facts, frequency_model, group, .. } = agent_state;
        let again = categories.repeated >> TOOL & 1 != 0;
        let first = categories.each().next().filter(|(found, _)| found.index == TOOL);
        let first = first.filter(|_| !facts.added.is_empty() && !facts.brings(tool) && !again);
        let Some((found, bits)) = first else { return 0.0 };
        let uniform = self.groups.slots.all[TOOL].uniform;
        let strange = -self.groups.chain(*group, TOOL, found.value, -1, uniform).log2();
        bits.min(strange) - frequency_model.typical_bits[TOOL]
    }

    /// How many bits of a metric a new version may change for good.
    pub fn shift(&self, metric: usize, agent_state: &AgentState<'_>) -> f64 {
        if metric == self.metrics.astray && !agent_state.facts.added.is_empty() {
            return 0.0;
        }
        self.metrics.shifting.get(&metric).copied().unwrap_or_default()
    }
}

/// Whether an agent learns anew what a deployment has changed; `models.changing.changing`.
pub fn changing(agent_state: &AgentState<'_>) -> bool {
    match agent_state.now.state() {
        State::Relearning => true,
        State::Learning => agent_state.facts.announced.is_some(),
        State::Active => false,
    }
}

/// Content bits of a tool that is new with a deployment; `models.changing.excused`.
pub fn excused(content: &CallScore) -> f64 {
    let Some(tainted) = content.tainted.as_ref().filter(|tainted| tainted.bits != 0.0) else {
        return 0.0;
    };
    let value = tainted.bits * tainted.value_bits / (tainted.value_bits + tainted.flow_bits);
    content.score * value / (tainted.bits + content.intent.unwrap_or(0.0))
}
