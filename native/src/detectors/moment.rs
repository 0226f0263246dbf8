//! One event of a session, as the detectors see it; `models.detectors.moment`.

use crate::baseline::open_day::OpenDay;
use crate::baseline::profile::Profile;
use crate::baseline::session::{Ordered, SessionScores};
use crate::baseline::subject::Subject;
use crate::codec::hashing::Hasher;
use crate::features::fields::Fields;
use crate::features::plan::Plan;
use crate::features::reading::Facts;
use pyo3::prelude::*;
use rustc_hash::FxHashMap;

/// One event of a session.
pub struct Moment<'a, 'py, 't> {
    pub py: Python<'py>,
    pub plan: &'a Plan,
    pub hasher: &'a Hasher,
    pub profile: &'a mut Profile,
    pub session: &'a mut SessionScores,
    pub fields: &'a mut Fields<'t>,
    pub facts: &'a Facts<'t>,
    pub time_us: i64,
    pub day: i64,
    /// A day that is over: what is done now counts nowhere.
    pub over: &'a mut Option<OpenDay>,
    pub state: Option<&'a str>,
    /// What makes a value one of the agent's role.
    pub salt: u64,
    pub raised: &'a mut Ordered<u64, f64>,
    /// Bits that the event itself shows, whether its session has shown more before.
    pub shown: FxHashMap<u64, f64>,
}

impl Moment<'_, '_, '_> {
    /// What the agent has done on the day of the event.
    pub fn open_day(&mut self) -> &mut OpenDay {
        match self.over {
            Some(over) => over,
            None => {
                let state = self.state;
                let days = &mut self.profile.open_days;
                days.entry(self.day).or_insert_with(|| OpenDay::of(state))
            }
        }
    }

    /// Note bits that the event itself shows.
    pub fn show(&mut self, series: u64, bits: f64) {
        if bits > self.shown.get(&series).copied().unwrap_or(0.0) {
            self.shown.insert(series, bits);
        }
    }

    /// Show bits of a series; raise those of the session.
    pub fn raise_bits(&mut self, series: u64, bits: f64) -> bool {
        self.show(series, bits);
        if bits <= self.session.bits.get(&series).copied().unwrap_or(0.0) {
            return false;
        }
        self.session.bits.insert(series, bits);
        self.raised.insert(series, bits);
        true
    }

    /// The same with what the bits are about.
    pub fn raise(&mut self, series: u64, bits: f64, subject: impl FnOnce() -> Subject) {
        if self.raise_bits(series, bits) {
            self.session.subjects.insert(series, subject());
        }
    }
}
