//! A cache of the peers' votes on the last value of each feature: part of `models.peers.groups`.
//! The next action mostly has the same value, and votes rarely change.

use crate::features::FEATURES;
use crate::peers::groups::Groups;

/// A value, the day of the agent's own vote for it, and its probability among the peers.
#[derive(Clone, Copy)]
struct Chain {
    value: u32,
    own_day: i64,
    q: f64,
}

impl Default for Chain {
    fn default() -> Self {
        Chain { value: 0, own_day: i64::MIN, q: 0.0 } // no vote is of that day
    }
}

/// The last chains of one agent, for one state of the votes.
#[derive(Default)]
pub struct Chains {
    group: usize,
    votes: u64,
    last: [Chain; FEATURES],
}

impl Chains {
    /// Clear the cache if the votes have changed.
    pub fn renew(&mut self, groups: &Groups, group: usize) {
        if (self.group, self.votes) != (group, groups.votes_taken) {
            *self = Chains { group, votes: groups.votes_taken, ..Chains::default() };
        }
    }

    /// P(value) among the peers, as `Groups::chain` gives it.
    #[inline]
    pub fn of(
        &mut self,
        groups: &Groups,
        feature: usize,
        (value, own_day): (u32, i64),
        uniform: f64,
    ) -> f64 {
        let last = &mut self.last[feature];
        if (last.value, last.own_day) != (value, own_day) {
            let q = groups.chain(self.group, feature, value, own_day, uniform);
            *last = Chain { value, own_day, q };
        }
        last.q
    }
}
