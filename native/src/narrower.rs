//! What grants less than an agent is known to have.

use crate::baseline::agent_state::AgentState;
use crate::features::categories::{lifetime_name, ENDLESS, LIFETIMES};
use crate::peers::groups::MAX_NAME;
use crate::r#loop::one_event::EventJudge;
use std::collections::BTreeSet;

impl EventJudge<'_, '_> {
    /// Let fewer scopes, and a credential that ends sooner, count as the next wider known ones.
    pub fn count_as_known(&mut self, agent_state: &AgentState<'_>) {
        let (scope, credential) = (self.names.scope, self.names.credential);
        if !self.had(scope, agent_state) {
            let few = self.texts.get(scope).unwrap_or_default();
            if let Some(wider) = self.more_scopes(few, agent_state) {
                self.replace(scope, &wider);
            }
        }
        if !self.had(credential, agent_state) {
            let short = self.texts.get(credential).unwrap_or_default();
            if let Some(longer) = self.longer(short, agent_state) {
                self.replace(credential, &longer);
            }
        }
    }

    fn replace(&mut self, feature: usize, text: &str) {
        let hash = self.groups.hash(text);
        self.texts.replace(feature, text, hash);
    }

    /// Whether an agent had what the act says of a feature, if that says anything.
    fn had(&self, feature: usize, agent_state: &AgentState<'_>) -> bool {
        let node = self.groups.slots.all[feature].node;
        let value = self.texts.hashes[feature];
        value.is_none_or(|value| agent_state.frequency_model.count_of(node, value as u32) != 0)
    }

    /// The smallest set of scopes that the agent had and that holds these.
    fn more_scopes(&self, few: &str, agent_state: &AgentState<'_>) -> Option<String> {
        let feature = self.names.scope;
        let few: BTreeSet<&str> = each(few).collect();
        let known = self.groups.names(agent_state.group, feature).map(|(_, name)| name);
        let whole = known.filter(|name| name.chars().count() < MAX_NAME);
        let wider = whole.filter(|name| few.is_subset(&each(name).collect()));
        let had = wider.filter(|name| {
            let (node, value) = self.groups.value_at(feature, name);
            agent_state.frequency_model.count_of(node, value) != 0
        });
        had.min_by_key(|&name| (each(name).count(), name)).map(str::to_owned)
    }

    /// The shortest lifetime that the agent's credentials had and that is longer.
    fn longer(&self, short: &str, agent_state: &AgentState<'_>) -> Option<String> {
        if short == ENDLESS {
            return None;
        }
        let name = |step| {
            let mut name = String::new();
            lifetime_name(step, &mut name).map(|()| name)
        };
        let steps = (0..LIFETIMES).map_while(name).chain([ENDLESS.to_owned()]);
        let mut longer = steps.skip_while(|known| known != short).skip(1);
        let feature = self.names.credential;
        longer.find(|one| {
            let (node, value) = self.groups.value_at(feature, one);
            agent_state.frequency_model.count_of(node, value) != 0
        })
    }
}

/// The scopes of a set, between what are spaces to Python.
fn each(scopes: &str) -> impl Iterator<Item = &str> {
    let space = |one: char| one.is_whitespace() || ('\x1c'..='\x1f').contains(&one);
    scopes.split(space).filter(|scope| !scope.is_empty())
}
