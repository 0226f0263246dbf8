//! One vote per agent and value, whatever the number of events.

use crate::baseline::counts::{interpolate, DISCOUNT, HORIZON_DAYS};
use rustc_hash::FxHashMap;

const MAX_VALUES: usize = 4_096;
const MAX_NAMES: usize = 512;

/// Votes for one value.
#[derive(Default)]
pub struct Ballot {
    count: i64,
    /// (day, agents that last used the value then), in order of the days.
    pub days: Vec<(i64, u32)>,
    pub name: Option<Box<str>>,
}

/// The votes of one group on one feature, with the sums that scoring needs, as of one day.
pub struct PeerCounts {
    pub values: FxHashMap<u32, Ballot>,
    names: usize,
    day: i64,
    total: i64,
    discounted: i64,
}

impl Default for PeerCounts {
    fn default() -> Self {
        PeerCounts { values: FxHashMap::default(), names: 0, day: -1, total: 0, discounted: 0 }
    }
}

fn discount_of(count: i64) -> i64 {
    count.min(i64::from(DISCOUNT))
}

fn weight(weights: &[i64], today: i64, day: i64) -> i64 {
    let age = today - day;
    if age <= HORIZON_DAYS {
        weights[age.max(0) as usize]
    } else {
        0
    }
}

fn weigh(weights: &[i64], today: i64, days: &[(i64, u32)]) -> i64 {
    days.iter().map(|&(day, number)| weight(weights, today, day) * i64::from(number)).sum()
}

impl PeerCounts {
    /// Weight of all votes.
    pub fn total(&self) -> i64 {
        self.total
    }

    /// P(value) without the asking agent's own vote of a day, -1 for none.
    #[inline]
    pub fn probability(&self, weights: &[i64], value: u32, own_day: i64, parent: f64) -> f64 {
        let mut count = self.values.get(&value).map_or(0, |ballot| ballot.count);
        let (mut total, mut discounted) = (self.total, self.discounted);
        if own_day >= 0 && count > 0 {
            let own = weight(weights, self.day, own_day).min(count);
            discounted += discount_of(count - own) - discount_of(count);
            count -= own;
            total -= own;
        }
        if total <= 0 {
            return parent;
        }
        interpolate(count, total, discounted, parent)
    }

    /// Replace an agent's vote for a value by one of a later day; `old_day` is -1 for none.
    pub fn replace(&mut self, weights: &[i64], value: u32, name: &str, old_day: i64, new_day: i64) {
        let ballot = self.values.entry(value).or_default();
        if let Ok(at) = ballot.days.binary_search_by_key(&old_day, |&(day, _)| day) {
            ballot.days[at].1 -= 1;
            if ballot.days[at].1 == 0 {
                ballot.days.remove(at);
            }
        }
        match ballot.days.binary_search_by_key(&new_day, |&(day, _)| day) {
            Ok(at) => ballot.days[at].1 += 1,
            Err(at) => ballot.days.insert(at, (new_day, 1)),
        }
        if self.names < MAX_NAMES && ballot.name.is_none() {
            ballot.name = Some(name.into());
            self.names += 1;
        }
        let before = ballot.count;
        ballot.count = weigh(weights, self.day, &ballot.days);
        self.total += ballot.count - before;
        self.discounted += discount_of(ballot.count) - discount_of(before);
    }

    /// Load a value's stored votes. `roll` computes the sums.
    pub fn put(&mut self, value: u32, name: Option<&str>, days: Vec<(i64, u32)>) {
        self.names += usize::from(name.is_some());
        self.values.insert(value, Ballot { count: 0, days, name: name.map(Into::into) });
    }

    /// Recompute the sums for another day and forget votes beyond the horizon.
    pub fn roll(&mut self, weights: &[i64], day: i64) {
        if day <= self.day {
            return;
        }
        self.day = day;
        self.values.retain(|_, ballot| {
            ballot.days.retain(|&(cast, _)| day - cast <= HORIZON_DAYS);
            ballot.count = weigh(weights, day, &ballot.days);
            !ballot.days.is_empty()
        });
        if self.values.len() > MAX_VALUES {
            let mut order: Vec<_> = self.values.iter().map(|(&v, b)| (b.count, v)).collect();
            order.sort_unstable();
            for (_, value) in &order[..order.len() - MAX_VALUES] {
                self.values.remove(value);
            }
        }
        self.names = self.values.values().filter(|ballot| ballot.name.is_some()).count();
        self.total = self.values.values().map(|ballot| ballot.count).sum();
        self.discounted = self.values.values().map(|ballot| discount_of(ballot.count)).sum();
    }
}
