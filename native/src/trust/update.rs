//! Hourly update of trust, in event time; `models.trust.update.refresh_level`.
//!
//! Only for agents without negative evidence. Python evaluates trust for all other agents.

use crate::baseline::counts::power_of_two;
use crate::baseline::profile::PublishedTrust;
use crate::float_sums::{exact_sum, floor_division};
use crate::units::DAY_US;
use pyo3::prelude::*;

const FULL_DAY: i64 = 20;
const STRUCK: i64 = 127;
const LEVELS: [&str; 4] = ["restricted", "watch", "normal", "trusted"];
const GATE: &str = "open";

/// Parameters of `models.trust.policy.TrustPolicy`.
pub struct Policy {
    prior: f64,
    rate: f64,
    quantile: f64,
    pub half_days: f64,
    pub forgotten: f64,
    by_age: Vec<f64>,
    pub bounds: [f64; 3],
    pub margin: f64,
    pub rise_us: i64,
    /// Inverse of the regularised incomplete beta function.
    inverse: Py<PyAny>,
}

/// Clean days by day since 1970, in the order of the ledger; level, and since when each level
/// above the lowest has been reached with a margin.
pub struct Trust {
    pub days: Vec<(i64, i64)>,
    pub level: usize,
    pub since: [Option<i64>; 3],
}

impl Policy {
    pub fn of(policy: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = policy.py();
        let number = |name: &str| -> PyResult<f64> { policy.getattr(name)?.extract() };
        let half_days = number("positive_half_life_days")?;
        let fade = py.import("models.trust.evidence")?.getattr("fade_by_day")?;
        let forgotten = py.import("models.trust.policy")?.getattr("FORGOTTEN_HALF_LIVES")?;
        let mut bounds = [0.0; 3];
        for (bound, level) in bounds.iter_mut().zip(&LEVELS[1..]) {
            *bound = policy.call_method1("bound", (*level,))?.extract()?;
        }
        Ok(Policy {
            prior: number("prior_weight")?,
            rate: number("base_rate")?,
            quantile: number("quantile")?,
            half_days,
            forgotten: forgotten.extract()?,
            by_age: fade.call1((half_days,))?.extract()?,
            bounds,
            margin: number("margin")?,
            rise_us: policy.getattr("rise_us")?.extract()?,
            inverse: py.import("scipy.special.cython_special")?.getattr("betaincinv")?.unbind(),
        })
    }

    /// The cautious score, 0..100, of a sum of clean days.
    pub fn caution(&self, py: Python<'_>, positive: f64) -> PyResult<f64> {
        let alpha = positive + self.rate * self.prior;
        let beta = 0.0 + (1.0 - self.rate) * self.prior;
        let found: f64 = self.inverse.bind(py).call1((alpha, beta, self.quantile))?.extract()?;
        Ok(100.0 * found)
    }
}

impl Trust {
    /// Count clean events of a day.
    pub fn count(&mut self, day: i64, number: i64) {
        // The newest day is nearly always the last.
        match self.days.iter_mut().rev().find(|(known, _)| *known == day) {
            Some((_, count)) if *count < FULL_DAY => *count = FULL_DAY.min(*count + number),
            Some(_) => {}
            None => self.days.push((day, FULL_DAY.min(number))),
        }
    }

    /// Update the level to the agent's last instant. Gives the published values.
    pub fn refresh(
        &mut self,
        py: Python<'_>,
        policy: &Policy,
        time_us: i64,
        last_us: i64,
        state: &str,
    ) -> PyResult<PublishedTrust> {
        self.prune(policy, time_us);
        let positive = self.positive(policy, last_us);
        let lower = policy.caution(py, positive)?;
        (self.level, self.since) = self.advanced(policy, lower, last_us);
        let prior = policy.prior;
        let score = 100.0 * (positive + policy.rate * prior) / (positive + 0.0 + prior);
        let level = LEVELS[self.level].to_owned();
        let score = score.round_ties_even() as i64;
        Ok((score, lower as i64, level, GATE.to_owned(), state.to_owned()))
    }

    fn prune(&mut self, policy: &Policy, at_us: i64) {
        let oldest = at_us as f64 - policy.forgotten * policy.half_days * DAY_US as f64;
        let old = |day: i64| ((day * DAY_US) as f64) < oldest;
        let sorted = self.days.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if !sorted || self.days.first().is_some_and(|&(day, _)| old(day)) {
            self.days.sort_unstable();
            self.days.retain(|&(day, _)| !old(day));
        }
    }

    /// Weight of its clean days at an instant.
    pub fn positive(&self, policy: &Policy, at_us: i64) -> f64 {
        let (today, since_midnight) = (at_us.div_euclid(DAY_US), at_us.rem_euclid(DAY_US) as f64);
        let (half, day_us) = (policy.half_days, DAY_US as f64);
        let fade = power_of_two(-since_midnight / (half * day_us));
        let reach = floor_division(policy.forgotten * half * day_us - since_midnight, day_us);
        let oldest = today - reach as i64;
        let counted = self
            .days
            .iter()
            .filter(|&&(day, count)| oldest <= day && day <= today && count != STRUCK);
        exact_sum(counted.map(|&(day, count)| {
            count as f64 / FULL_DAY as f64 * (fade * policy.by_age[(today - day) as usize])
        }))
    }

    /// Level at an instant, and since when; `models.trust.levels.advance`.
    pub fn advanced(&self, policy: &Policy, lower: f64, at_us: i64) -> (usize, [Option<i64>; 3]) {
        let (mut by_itself, mut reached, mut since) = (0, 0, self.since);
        for (at, &bound) in policy.bounds.iter().enumerate() {
            let steady = lower >= bound + policy.margin;
            since[at] = steady.then(|| since[at].unwrap_or(at_us));
            if lower >= bound {
                by_itself = at + 1;
            }
            if since[at].is_some_and(|start| at_us - start >= policy.rise_us) {
                reached = at + 1;
            }
        }
        (self.level.min(by_itself).max(reached), since)
    }
}
