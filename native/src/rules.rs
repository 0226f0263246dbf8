//! Whether the rules have nothing to say of an event.

use crate::baseline::agent_state::AgentState;
use crate::baseline::frequency_model::FrequencyModel;
use crate::baseline::profile::{Facts, Now};
use crate::features::extraction::Origin;
use crate::json::action::{Action, Credential, Egress};
use crate::r#loop::one_event::EventJudge;

const UNIT: u32 = 4_096;

impl EventJudge<'_, '_> {
    /// Whether none of the rules speaks.
    pub fn rules_are_silent(
        &self,
        action: &Action<'_>,
        agent_state: &AgentState<'_>,
        origin: &Origin,
    ) -> bool {
        let AgentState { facts, frequency_model, now, .. } = agent_state;
        !self.anonymiser(frequency_model, origin)
            && !unannounced_version(action, facts, now)
            && action.credential.as_ref().is_none_or(|credential| {
                !expired(action, credential) && !self.two_places(action, credential, facts, origin)
            })
    }

    /// Whether an agent that hardly ever did hides where it is.
    fn anonymiser(&self, frequency_model: &FrequencyModel, origin: &Origin) -> bool {
        let hides = matches!(origin.egress, Egress::Vpn | Egress::Proxy | Egress::Tor);
        hides && {
            let (node, value) = self.groups.value_at(self.names.egress, origin.egress.name());
            frequency_model.count_of(node, value) <= UNIT / 2
        }
    }

    /// Whether a credential is used at two places at once, or at one that only the reference knows.
    fn two_places(
        &self,
        action: &Action<'_>,
        credential: &Credential<'_>,
        facts: &Facts,
        origin: &Origin,
    ) -> bool {
        let placed = action.network.as_ref().is_some_and(|one| one.source_ip.is_some());
        if !placed || origin.own() {
            return false;
        }
        let Some(here) = &origin.location else { return true };
        facts.credential(&credential.id).is_some_and(|before| {
            before.location != *here
                && (action.time_us - before.time_us).abs() <= self.config.credential_us
        })
    }
}

fn expired(action: &Action<'_>, credential: &Credential<'_>) -> bool {
    credential.expires_us.is_some_and(|expires| action.time_us > expires)
}

/// Whether an agent runs as a version that nobody announced.
fn unannounced_version(action: &Action<'_>, facts: &Facts, now: &Now) -> bool {
    let Some(version) = action.agent.version.as_deref() else { return false };
    let learning = now.opened <= now.learn_until && facts.announced.is_none();
    let known = || facts.versions.iter().rev().any(|one| one == version);
    !learning
        && !facts.versions.is_empty()
        && facts.announced.as_deref() != Some(version)
        && !known()
}
