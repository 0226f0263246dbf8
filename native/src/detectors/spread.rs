//! Spread: several roles begin to use a value that nobody knew, within a day;
//! `models.detectors.spread`.

use crate::baseline::subject::Subject;
use crate::calibration::fading::FadingCounts;
use crate::detectors::moment::Moment;
use crate::detectors::novelty::{phrase, NewValue};
use crate::features::fields::record;
use crate::peers::knowledge::NEW_TO_ALL;
use crate::plan_json::Constants;
use crate::units::DAY_US;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

pub const MAX_ROLES: usize = 8;

/// A value that nobody knew a day ago.
#[derive(Clone)]
pub struct Young {
    pub first_us: i64,
    /// Marks of the roles that have used it, in order.
    pub roles: Vec<u64>,
    pub keys: (u64, u64),
}

/// Follows new values for a day.
pub struct Spread {
    pub young: BTreeMap<u64, Young>,
    pub counts: FadingCounts<MAX_ROLES>,
    pub pending: BTreeMap<u64, Young>,
    /// First uses of values, the earliest first.
    first: BinaryHeap<Reverse<(i64, u64)>>,
}

fn join(table: &mut BTreeMap<u64, Young>, mark: u64, value: &Young) {
    let Some(known) = table.get_mut(&mark) else {
        table.insert(mark, value.clone());
        return;
    };
    known.first_us = known.first_us.min(value.first_us);
    known.roles.extend(&value.roles);
    known.roles.sort_unstable();
    known.roles.dedup();
}

impl Spread {
    pub fn new(half_life: i64) -> Self {
        let counts = FadingCounts::new(half_life);
        let (young, pending, first) = Default::default();
        Spread { young, counts, pending, first }
    }

    /// Add uses, of this or another shard.
    pub fn apply(&mut self, pending: &BTreeMap<u64, Young>) {
        for (&mark, value) in pending {
            self.first.push(Reverse((value.first_us, mark)));
            join(&mut self.young, mark, value);
        }
    }

    /// Replace the values, and how many roles take one up.
    pub fn load(&mut self, young: BTreeMap<u64, Young>, counts: FadingCounts<MAX_ROLES>) {
        self.first = young.iter().map(|(&mark, one)| Reverse((one.first_us, mark))).collect();
        (self.young, self.counts) = (young, counts);
    }

    /// Raise the session's bits by new values that other roles use, too.
    pub fn score(&self, at: &mut Moment<'_, '_, '_>, new: &[NewValue]) {
        let (plan, role) = (at.plan, at.salt);
        for one in new {
            let feature = &plan.features[one.feature];
            if !feature.spreads || !one.counted {
                continue;
            }
            let Some(young) = self.young.get(&one.mark) else { continue };
            if at.time_us - young.first_us >= DAY_US {
                continue;
            }
            let roles = young.roles.len() + usize::from(!young.roles.contains(&role));
            if roles < 2 {
                continue;
            }
            let bits = self.bits(&plan.constants, young.keys, roles.min(MAX_ROLES));
            let (series, _) = plan.roles.spread;
            if at.raise_bits(series, bits) {
                let record = one.record(feature, at.fields);
                let text = phrase(plan, feature, at.fields, record);
                let subject = Subject::new(bits, roles as i64, &feature.name, one.mark, text);
                at.session.subjects.insert(series, subject);
            }
        }
    }

    /// Note the use of values that nobody knew a day ago.
    pub fn learn(&mut self, at: &Moment<'_, '_, '_>, new: &[NewValue]) {
        for one in new {
            let feature = &at.plan.features[one.feature];
            if !feature.spreads || !one.counted {
                continue;
            }
            match self.young.get(&one.mark) {
                None if one.level < NEW_TO_ALL => continue,
                Some(young) if at.time_us - young.first_us >= DAY_US => continue,
                _ => {}
            }
            let record = one.record(feature, at.fields);
            let key = record.and_then(|record| record.get(record::KEY)).unwrap_or_default();
            let of = |parts: &[&str]| at.hasher.of_parts(parts);
            let name = feature.name.as_str();
            let keys = (of(&["spread", name]), of(&["spread", name, key]));
            let value = Young { first_us: at.time_us, roles: vec![at.salt], keys };
            join(&mut self.pending, one.mark, &value);
        }
    }

    fn bits(&self, constants: &Constants, keys: (u64, u64), roles: usize) -> f64 {
        let mut rate = constants.spread_rate / constants.spread_step.powi(roles as i32 - 2);
        for (key, weight) in [(keys.0, constants.feature_values), (keys.1, constants.key_values)] {
            let counts = self.counts.get(key);
            rate = (counts[roles - 1] + weight * rate) / (counts[0] + weight);
        }
        -rate.log2()
    }

    /// Count the values that are a day old.
    pub fn close(&mut self, watermark_us: i64) {
        while let Some(&Reverse((first_us, mark))) = self.first.peek() {
            if watermark_us - first_us < DAY_US {
                return;
            }
            self.first.pop();
            let Some(value) = self.young.remove(&mark) else { continue };
            let roles = value.roles.len().min(MAX_ROLES);
            let numbers = std::array::from_fn(|place| u64::from(place < roles));
            let day = value.first_us.div_euclid(DAY_US);
            self.counts.add(day, value.keys.0, &numbers);
            self.counts.add(day, value.keys.1, &numbers);
        }
    }
}
