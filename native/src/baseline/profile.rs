//! The profile of one agent in one mode: what it knows and how much it does, to and from bytes;
//! `models.baseline.profile`.

use crate::baseline::open_day::{OpenDay, SlowChange};
use crate::calibration::day_maxima::DayMaxima;
use crate::calibration::fading::FadingCounts;
use crate::calibration::novelty_rates::Reaches;
use crate::features::plan::Plan;
use crate::units::DAY_US;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `models.baseline.profile.SUMS`.
pub type Sums = FadingCounts<4>;
pub type Published = (i64, i64, String, String, String);

/// One agent in one mode.
#[pyclass(module = "habitus_native")]
pub struct Profile {
    pub plan: Arc<Plan>,
    #[pyo3(get)]
    pub agent_id: String,
    #[pyo3(get)]
    pub mode: String,
    #[pyo3(get, set)]
    pub role: String,
    #[pyo3(get, set)]
    pub mark: u64,
    #[pyo3(get, set)]
    pub first_us: i64,
    #[pyo3(get, set)]
    pub last_us: i64,
    #[pyo3(get, set)]
    pub deployed_us: i64,
    #[pyo3(get, set)]
    pub events: i64,
    #[pyo3(get, set)]
    pub opened: i64,
    #[pyo3(get, set)]
    pub learn_until: i64,
    #[pyo3(get, set)]
    pub utc_hour: i64,
    #[pyo3(get, set)]
    pub published: Option<Published>,
    #[pyo3(get, set)]
    pub versions: Vec<String>,
    #[pyo3(get, set)]
    pub announced: Option<String>,
    pub known: FxHashMap<u32, i64>,
    pub held: BTreeMap<u32, Vec<i64>>,
    pub rates: Reaches,
    pub amounts: Sums,
    pub maxima: DayMaxima,
    pub open_days: BTreeMap<i64, OpenDay>,
    pub slow: SlowChange,
    pub locations: BTreeMap<String, i64>,
    pub credentials: BTreeMap<u64, BTreeMap<String, i64>>,
    pub sole: BTreeMap<u64, Vec<i64>>,
    /// The latest value of each feature with its mark; not stored.
    pub latest: Vec<(String, u64)>,
}

#[pymethods]
impl Profile {
    /// The state of the agent's learning.
    pub fn state(&self) -> &'static str {
        if self.opened > self.learn_until {
            "active"
        } else if self.announced.is_none() {
            "learning"
        } else {
            "relearning"
        }
    }

    /// Known values, each with the block of days of the last use.
    #[getter]
    fn known(&self) -> BTreeMap<u32, i64> {
        self.known.iter().map(|(&low, &block)| (low, block)).collect()
    }

    /// Values that wait, each with its days of use.
    #[getter]
    fn held(&self) -> BTreeMap<u32, Vec<i64>> {
        self.held.clone()
    }

    /// Whether the agent knows a value.
    #[pyo3(name = "knows")]
    fn knows_value(&self, mark: u64) -> bool {
        self.knows(mark)
    }

    /// Note the use of a value that the agent knows from now on.
    #[pyo3(name = "know")]
    fn know_value(&mut self, mark: u64, day: i64) {
        self.know(mark, day);
    }

    /// Note the use of a value that waits; after so many days the agent knows it.
    #[pyo3(name = "hold")]
    fn hold_value(&mut self, mark: u64, day: i64, days: i64) {
        self.hold(mark, day, days);
    }

    /// Forget one value, whether it is known or waits.
    fn forget(&mut self, mark: u64) {
        self.known.remove(&(mark as u32));
        self.held.remove(&(mark as u32));
    }

    fn dump<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.bytes())
    }
}

impl Profile {
    pub fn new(plan: Arc<Plan>, agent_id: String, mode: String) -> Self {
        let constants = &plan.constants;
        let half_life = constants.half_life_days;
        Profile {
            agent_id,
            mode,
            role: String::new(),
            mark: 0,
            first_us: 0,
            last_us: 0,
            deployed_us: -constants.state_days * DAY_US,
            events: 0,
            opened: 0,
            learn_until: 0,
            utc_hour: -1,
            published: None,
            versions: Vec::new(),
            announced: None,
            known: FxHashMap::default(),
            held: BTreeMap::new(),
            rates: Reaches::new(half_life),
            amounts: Sums::new(half_life),
            maxima: DayMaxima::new(half_life),
            open_days: BTreeMap::new(),
            slow: SlowChange::default(),
            locations: BTreeMap::new(),
            credentials: BTreeMap::new(),
            sole: BTreeMap::new(),
            latest: Vec::new(),
            plan,
        }
    }

    /// The special state of the agent at a time, as the plan names it.
    pub fn special_state<'a>(&self, plan: &'a Plan, time_us: i64) -> Option<&'a str> {
        let span_us = plan.constants.state_days * DAY_US;
        if time_us - self.first_us < span_us {
            return Some(&plan.words.new);
        }
        let since_us = time_us - self.deployed_us;
        Some(plan.words.deployed.as_str()).filter(|_| (0..span_us).contains(&since_us))
    }

    #[inline]
    pub fn knows(&self, mark: u64) -> bool {
        self.known.contains_key(&(mark as u32))
    }

    /// Note the use of a value that the agent knows from now on.
    pub fn know(&mut self, mark: u64, day: i64) {
        let low = mark as u32;
        let block = day.div_euclid(self.plan.constants.block_days);
        if block > self.known.get(&low).copied().unwrap_or(-1) {
            self.known.insert(low, block);
        }
        if !self.held.is_empty() {
            self.held.remove(&low);
        }
    }

    /// Note the use of a value that waits; after so many days the agent knows it.
    pub fn hold(&mut self, mark: u64, day: i64, days: i64) {
        let used = self.held.entry(mark as u32).or_default();
        if !used.contains(&day) {
            used.push(day);
        }
        if used.len() as i64 >= days {
            self.know(mark, day);
        } else if self.held.len() > self.plan.constants.max_held {
            let oldest = self.held.iter().map(|(&low, days)| (days.last().copied(), low)).min();
            oldest.map(|(_, low)| self.held.remove(&low));
        }
    }

    /// Forget values without use for long, and the oldest beyond the maximum.
    pub fn forget_values(&mut self, day: i64) {
        let constants = &self.plan.constants;
        let oldest = (day - constants.known_days).div_euclid(constants.block_days);
        self.known.retain(|_, block| *block >= oldest);
        if self.known.len() > constants.max_known {
            let mut all: Vec<(i64, u32)> =
                self.known.iter().map(|(&low, &block)| (-block, low)).collect();
            all.sort_unstable();
            all.truncate(constants.max_known);
            self.known = all.into_iter().map(|(block, low)| (low, -block)).collect();
        }
        let since = day - constants.known_days;
        self.held.retain(|_, days| days.last().is_some_and(|&last| last >= since));
    }
}
