//! Amounts: how much one session does, against the largest session of past days;
//! `models.detectors.amounts`.

use crate::baseline::open_day::OpenDay;
use crate::baseline::profile::{Profile, Sums};
use crate::baseline::session::LOW32;
use crate::baseline::subject::Subject;
use crate::codec::hashing::Hasher;
use crate::detectors::moment::Moment;
use crate::detectors::novelty::NewValue;
use crate::features::conditions::{holds, Tested};
use crate::features::containers::cut;
use crate::features::fields::{record, single};
use crate::features::plan::{Added, Plan};
use crate::float_sums::{larger, power, smaller};
use crate::peers::knowledge::salt;
use crate::plan_json::Constants;
use pyo3::prelude::*;
use rustc_hash::FxHashMap;

/// What the largest session of a day of the agent has of an amount.
#[pyclass(frozen, get_all, module = "habitus_native")]
#[derive(Clone)]
pub struct Expected {
    share: f64,
    mean: f64,
    spread: f64,
    tail_weight: f64,
    tail_shape: f64,
}

#[pymethods]
impl Expected {
    /// Amount of the middle of these days.
    #[getter]
    fn typical(&self) -> f64 {
        power(2.0, self.mean) - 1.0
    }

    /// The bits of an amount: how rare any is, and how far it is off.
    fn bits(&self, amount: f64) -> f64 {
        let hurdle = -larger(smaller(self.share, 1.0), 1e-6).log2();
        let z = ((1.0 + amount).log2() - self.mean) / self.spread;
        if z > 0.0 {
            hurdle + self.tail_weight * (1.0 + z * z / self.tail_shape).log2()
        } else if hurdle >= 1.0 {
            hurdle
        } else {
            0.0
        }
    }
}

impl Expected {
    /// The same with the days of a part of them, whose spread is squared.
    fn with(self, days: [f64; 4], constants: &Constants, weight: f64) -> Expected {
        let [n, total, squares, all_days] = days;
        let Expected { share, mean, spread, .. } = self;
        let (own, own_spread) = moments(constants, n, total, squares);
        let moved = if n != 0.0 {
            n * weight / (n + weight) * (own - mean) * (own - mean) * 0.5
        } else {
            0.0
        };
        Expected {
            spread: (own_spread * n + weight * spread + moved) / (n + weight),
            mean: (n * own + weight * mean) / (n + weight),
            share: (n + weight * share) / (all_days + weight),
            ..self
        }
    }
}

/// Counts the amounts of sessions and scores them.
pub struct Amounts {
    pub fleet: Sums,
    pub pending: Sums,
    /// By the mark of the role.
    role_keys: FxHashMap<u64, u64>,
    /// What is expected of a day in a role, by the key of role and amount, until the fleet changes.
    of_roles: FxHashMap<u64, Option<Expected>>,
}

impl Amounts {
    pub fn new(half_life: i64) -> Self {
        let (fleet, pending) = (Sums::new(half_life), Sums::new(half_life));
        Amounts { fleet, pending, role_keys: Default::default(), of_roles: Default::default() }
    }

    /// Add an event to the counters of its session, and score those that grew. `content` is the
    /// mark of its arguments.
    pub fn score(
        &mut self,
        at: &mut Moment<'_, '_, '_>,
        tested: &mut Tested,
        new: &[NewValue],
        content: u64,
    ) -> PyResult<()> {
        let plan = at.plan;
        let passed = tested.passed(at.py, plan, at.fields)?;
        for counter in &plan.counters {
            let more = match &counter.added {
                Added::Distinct(name, kind, place) => {
                    let maximum = plan.constants.max_distinct;
                    let mut more = 0;
                    for text in at.fields.values(*kind, *place) {
                        let mark = at.hasher.of_parts(&["distinct", name, text]) & LOW32;
                        let known = &mut at.session.distinct;
                        if known.len() < maximum && !known.contains_key(&mark) {
                            known.insert(mark, 1);
                            more += 1;
                        }
                    }
                    f64::from(more)
                }
                Added::New(feature, origin, once) => {
                    let found = new_values(at, new, *feature, origin);
                    (if *once { found.min(1) } else { found }) as f64
                }
                Added::Repeats => repeated(at, content),
                _ if !holds(passed, &counter.when) => 0.0,
                Added::Number(place) => at.fields.numbers[*place].unwrap_or(0.0),
                Added::One => 1.0,
            };
            if more == 0.0 {
                continue;
            }
            let before = at.session.amounts.get(&counter.id).copied().unwrap_or(0.0);
            let amount = if counter.peak { larger(before, more) } else { before + more };
            if amount <= before {
                continue;
            }
            at.session.amounts.insert(counter.id, amount);
            let largest = at.open_day().largest.entry(counter.id).or_insert(0.0);
            *largest = larger(*largest, amount);
            let expected = self.expected(plan, at.hasher, at.profile, at.salt, counter.id);
            if let Some(expected) = expected {
                let bits = expected.bits(amount);
                let about = counter.about.and_then(|place| at.fields.single(place));
                let about = cut(about.unwrap_or_default(), plan.constants.max_subject).to_owned();
                at.raise(counter.id, bits, || Subject::new(bits, 0, &counter.name, 0, about));
            }
        }
        Ok(())
    }

    /// What a day of the agent has of an amount; None while the fleet is not known. `role` is the
    /// mark of the agent's role.
    pub fn expected(
        &mut self,
        plan: &Plan,
        hasher: &Hasher,
        profile: &Profile,
        role: u64,
        number: u64,
    ) -> Option<Expected> {
        let constants = &plan.constants;
        let key = self.role_key(hasher, &profile.role, role, number);
        let known = match self.of_roles.get(&key) {
            Some(known) => known.clone(),
            None => {
                let found = self.of_role(constants, key, number);
                self.of_roles.insert(key, found.clone());
                found
            }
        };
        let found = known?.with(profile.amounts.get(number), constants, constants.role_days);
        Some(Expected { spread: (found.spread + constants.min_spread).sqrt(), ..found })
    }

    /// What a day of an agent of a role has of an amount, its spread squared.
    fn of_role(&self, constants: &Constants, role: u64, number: u64) -> Option<Expected> {
        let [days, total, squares, all_days] = self.fleet.get(number);
        if all_days < constants.min_amount_days {
            return None;
        }
        let (mean, spread) = moments(constants, days, total, squares);
        let fleet = Expected {
            share: (days + 1.0) / (all_days + 2.0),
            mean,
            spread: (spread * days + constants.prior_spread) / (days + 1.0),
            tail_weight: constants.tail_weight,
            tail_shape: constants.tail_shape,
        };
        Some(fleet.with(self.fleet.get(role), constants, constants.fleet_days))
    }

    /// Note that the days of the fleet have changed.
    pub fn renew(&mut self) {
        self.of_roles.clear();
    }

    /// Learn the largest sessions of a day that is over.
    pub fn close(
        &mut self,
        plan: &Plan,
        hasher: &Hasher,
        profile: &mut Profile,
        day: i64,
        over: &OpenDay,
    ) {
        let role = salt(hasher, &profile.role);
        for counter in &plan.counters {
            let amount = over.largest.get(&counter.id).copied().unwrap_or(0.0);
            let size = ((1.0 + amount).log2() * plan.constants.step).round_ties_even() as u64;
            let numbers = [u64::from(amount > 0.0), size, size * size, 1];
            profile.amounts.add(day, counter.id, &numbers);
            self.pending.add(day, counter.id, &numbers);
            let key = self.role_key(hasher, &profile.role, role, counter.id);
            self.pending.add(day, key, &numbers);
        }
    }

    fn role_key(&mut self, hasher: &Hasher, role: &str, mark: u64, number: u64) -> u64 {
        let first = *self
            .role_keys
            .entry(mark)
            .or_insert_with(|| hasher.once(&format!("amounts\x1f{role}")) | 1 << 32);
        (first ^ number) | 1 << 32
    }
}

/// How often the session has made this call.
fn repeated(at: &mut Moment<'_, '_, '_>, content: u64) -> f64 {
    let maximum = at.plan.constants.max_distinct;
    let of = |place| at.fields.single(place).unwrap_or_default();
    let (tool, resource) = (of(single::TOOL), of(single::RESOURCE));
    let mark = at.hasher.once(&format!("{tool}\x1f{resource}\x1f{content}")) & LOW32;
    let repeats = &mut at.session.repeats;
    if repeats.len() >= maximum && !repeats.contains_key(&mark) {
        return 0.0;
    }
    let times = repeats.entry(mark).or_insert(0);
    *times += 1;
    *times as f64
}

fn new_values(at: &Moment<'_, '_, '_>, new: &[NewValue], feature: usize, origin: &str) -> usize {
    let row = &at.plan.features[feature];
    let has_origin = |one: &&NewValue| {
        let record = one.record(row, at.fields);
        origin.is_empty() || record.and_then(|one| one.get(record::ORIGIN)) == Some(origin)
    };
    let counted = new.iter().filter(|one| one.counted && one.feature == feature);
    counted.filter(has_origin).count()
}

/// Mean and variance of the logarithms, in doublings; zeros without days.
fn moments(constants: &Constants, days: f64, total: f64, squares: f64) -> (f64, f64) {
    if days == 0.0 {
        return (0.0, 0.0);
    }
    let step = constants.step;
    let mean = total / days / step;
    (mean, larger(0.0, squares / days / (step * step) - mean * mean))
}
