//! What grants less than an agent is known to have; `models.narrower`.

use super::bench::Bench;
use super::subject::Subject;
use super::words::{lifetime_name, ENDLESS, LIFETIMES};
use std::collections::BTreeSet;

impl Bench<'_, '_> {
    /// Let fewer scopes, and a credential that ends sooner, count as the next wider known ones;
    /// false where the reference has to.
    pub fn count_as_known(&mut self, subject: &Subject<'_>) -> bool {
        let (scope, credential) = (self.names.scope, self.names.credential);
        if !self.had(scope, subject) {
            let few = self.texts.get(scope).unwrap_or_default();
            if few.contains(|one| ('\x1c'..='\x1f').contains(&one)) {
                return false; // spaces there, not here
            }
            if let Some(wider) = self.more_scopes(few, subject) {
                self.replace(scope, &wider);
            }
        }
        if !self.had(credential, subject) {
            let short = self.texts.get(credential).unwrap_or_default();
            if let Some(longer) = self.longer(short, subject) {
                self.replace(credential, &longer);
            }
        }
        true
    }

    fn replace(&mut self, feature: usize, text: &str) {
        let hash = self.groups.hash(text);
        self.texts.replace(feature, text, hash);
    }

    /// Whether an agent had what the act says of a feature, if that says anything.
    fn had(&self, feature: usize, subject: &Subject<'_>) -> bool {
        let node = self.groups.places.all[feature].node;
        let value = self.texts.hashes[feature];
        value.is_none_or(|value| subject.habits.count_of(node, value as u32) != 0)
    }

    /// The smallest set of scopes that the agent had and that holds these and more.
    fn more_scopes(&self, few: &str, subject: &Subject<'_>) -> Option<String> {
        let node = self.groups.places.all[self.names.scope].node;
        let few: BTreeSet<&str> = few.split_whitespace().collect();
        let known = self.groups.names(subject.group, self.names.scope);
        let known = known.filter(|&(value, _)| subject.habits.count_of(node, value) != 0);
        let wider = known.filter(|(_, name)| {
            let all: BTreeSet<&str> = name.split_whitespace().collect();
            few.is_subset(&all) && few.len() < all.len()
        });
        let smallest = wider.min_by_key(|&(_, name)| (name.split_whitespace().count(), name));
        smallest.map(|(_, name)| name.to_owned())
    }

    /// The shortest lifetime that the agent's credentials had and that is longer.
    fn longer(&self, short: &str, subject: &Subject<'_>) -> Option<String> {
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
            subject.habits.count_of(node, value) != 0
        })
    }
}
