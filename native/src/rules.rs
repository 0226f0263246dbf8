//! Whether the rules have nothing to say of an event.

use crate::baseline::agent_state::Subject;
use crate::baseline::frequency_model::Habits;
use crate::baseline::profile::{Facts, Now};
use crate::features::extraction::Origin;
use crate::json::action::{Act, Credential, Egress};
use crate::r#loop::one_event::Bench;

const UNIT: u32 = 4_096;

impl Bench<'_, '_> {
    /// Whether none of the rules speaks.
    pub fn rules_are_silent(&self, act: &Act<'_>, subject: &Subject<'_>, origin: &Origin) -> bool {
        let Subject { facts, habits, now, .. } = subject;
        !self.anonymiser(habits, origin)
            && !unannounced_version(act, facts, now)
            && act.credential.as_ref().is_none_or(|credential| {
                !expired(act, credential) && !self.two_places(act, credential, facts, origin)
            })
    }

    /// Whether an agent that hardly ever did hides where it is.
    fn anonymiser(&self, habits: &Habits, origin: &Origin) -> bool {
        let hides = matches!(origin.egress, Egress::Vpn | Egress::Proxy | Egress::Tor);
        hides && {
            let (node, value) = self.groups.value_at(self.names.egress, origin.egress.name());
            habits.count_of(node, value) <= UNIT / 2
        }
    }

    /// Whether a credential is used at two places at once, or at one that only the reference knows.
    fn two_places(
        &self,
        act: &Act<'_>,
        credential: &Credential<'_>,
        facts: &Facts,
        origin: &Origin,
    ) -> bool {
        let placed = act.network.as_ref().is_some_and(|one| one.source_ip.is_some());
        if !placed || origin.own() {
            return false;
        }
        let Some(here) = &origin.place else { return true };
        facts.credential(&credential.id).is_some_and(|before| {
            before.place != *here
                && (act.time_us - before.time_us).abs() <= self.config.credential_us
        })
    }
}

fn expired(act: &Act<'_>, credential: &Credential<'_>) -> bool {
    credential.expires_us.is_some_and(|expires| act.time_us > expires)
}

/// Whether an agent runs as a version that nobody announced.
fn unannounced_version(act: &Act<'_>, facts: &Facts, now: &Now) -> bool {
    let Some(version) = act.agent.version.as_deref() else { return false };
    let learning = now.opened <= now.learn_until && facts.announced.is_none();
    let known = || facts.versions.iter().rev().any(|one| one == version);
    !learning
        && !facts.versions.is_empty()
        && facts.announced.as_deref() != Some(version)
        && !known()
}
