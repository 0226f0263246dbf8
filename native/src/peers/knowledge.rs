//! What is known: which agents of a role, and of the fleet, know a value; `models.peers.knowledge`.

use crate::codec::hashing::Hasher;
use rustc_hash::{FxHashMap, FxHashSet};

pub const NEW_TO_AGENT: u8 = 1;
pub const NEW_TO_ROLE: u8 = 2;
pub const NEW_TO_ALL: u8 = 3;

/// Values of the roles and of the fleet, each with the agents that know it.
#[derive(Default)]
pub struct SharedKnowledge {
    pub knowers: FxHashMap<u64, Vec<u64>>,
    pub pending: FxHashSet<(u64, u64)>,
    max_knowers: usize,
}

/// The number that makes a value one of a role.
pub fn salt(hasher: &Hasher, role: &str) -> u64 {
    hasher.of_parts(&["role", role])
}

impl SharedKnowledge {
    pub fn new(max_knowers: usize) -> Self {
        SharedKnowledge { max_knowers, ..SharedKnowledge::default() }
    }

    /// Add values that an agent knows now; `salt` is that of its role.
    pub fn learn(&mut self, salt: u64, agent: u64, values: &[u64]) {
        for &value in values {
            for mark in [value, value ^ salt] {
                if self.has_room(mark, agent) {
                    self.pending.insert((mark, agent));
                }
            }
        }
    }

    fn has_room(&self, mark: u64, agent: u64) -> bool {
        let known = self.knowers.get(&mark).map(Vec::as_slice).unwrap_or_default();
        !known.contains(&agent) && known.len() < self.max_knowers
    }

    /// Add pairs of a value and an agent, in order; give the marks that changed.
    pub fn apply(&mut self, pending: impl IntoIterator<Item = (u64, u64)>) -> Vec<u64> {
        let mut changed = Vec::new();
        for (value, agent) in pending {
            if self.has_room(value, agent) {
                self.knowers.entry(value).or_insert_with(|| Vec::with_capacity(1)).push(agent);
                changed.push(value);
            }
        }
        changed
    }

    /// How new a value is that the agent does not know.
    pub fn level(&self, salt: u64, agent: u64, value: u64) -> u8 {
        if self.others(value ^ salt, agent) {
            NEW_TO_AGENT
        } else if self.others(value, agent) {
            NEW_TO_ROLE
        } else {
            NEW_TO_ALL
        }
    }

    fn others(&self, value: u64, agent: u64) -> bool {
        let known = self.knowers.get(&value).map(Vec::as_slice).unwrap_or_default();
        known.len() > usize::from(known.contains(&agent))
    }
}
