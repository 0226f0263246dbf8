//! The numbers of a trust answer at an event;
//! `models.trust.response.trust_answer`.
//!
//! Only for agents without negative evidence, and not shortly before the fall of a level. The
//! reference answers for all others.

use crate::baseline::counts::power_of_two;
use crate::r#loop::agent::Agent;
use crate::trust::update::{Policy, Trust};
use crate::units::DAY_US;
use pyo3::prelude::*;

const LONGEST_DAYS: i64 = 3_650;
/// Relative distance to a bound within which the reference decides; `models.trust.beta_bounds`.
const TOO_CLOSE: f64 = 1e-6;

/// A bound of the cautious score, and the least sum of clean days that reaches it.
pub struct Bound {
    lower: f64,
    needed: f64,
}

/// Parameters of `models.trust.policy.TrustPolicy` for answers.
pub struct Answers {
    /// Bounds of the levels above the lowest, without and with the margin of a rise.
    held: [Bound; 3],
    steady: [Bound; 3],
    horizon_us: i64,
    patience_days: i64,
    policy: Py<PyAny>,
    reaches: Py<PyAny>,
}

/// Trust of an agent at an instant: clean days, cautious score, level, clean days to the next
/// level, and validity in microseconds.
pub struct View {
    pub positive: f64,
    pub lower: f64,
    pub level: usize,
    pub days: Option<i64>,
    pub ttl_us: i64,
}

/// An agent's state where it changed, then the parts of its view.
pub type AnswerParts = (Option<&'static str>, f64, f64, usize, Option<i64>, i64);

pub fn parts_of(agent: &Agent, view: &View) -> AnswerParts {
    let state = agent.unsynced.any.then(|| agent.facts.now.state().name());
    (state, view.positive, view.lower, view.level, view.days, view.ttl_us)
}

impl Answers {
    pub fn of(policy: &pyo3::Bound<'_, PyAny>, parts: &Policy) -> PyResult<Self> {
        let py = policy.py();
        let reaching = py.import("models.trust.beta_bounds")?;
        let needed = reaching.getattr("needed")?;
        let bound = |lower: f64| -> PyResult<Bound> {
            Ok(Bound { lower, needed: needed.call1((lower, policy))?.extract()? })
        };
        let [a, b, c] = parts.bounds;
        let stale_us = policy.getattr("stale_after_s")?.extract::<i64>()? * 1_000_000;
        let ttl_us: i64 = policy.call_method1("ttl_us", (py.None(),))?.extract()?;
        Ok(Answers {
            held: [bound(a)?, bound(b)?, bound(c)?],
            steady: [bound(a + parts.margin)?, bound(b + parts.margin)?, bound(c + parts.margin)?],
            horizon_us: ttl_us.min(stale_us),
            patience_days: (parts.rise_us as f64 / DAY_US as f64).ceil() as i64,
            policy: policy.clone().unbind(),
            reaches: reaching.getattr("reaches")?.unbind(),
        })
    }

    /// The trust of an agent at an instant. None where its level may fall before the answer
    /// expires.
    pub fn view(
        &self,
        py: Python<'_>,
        policy: &Policy,
        trust: &Trust,
        at_us: i64,
    ) -> PyResult<Option<View>> {
        let positive = trust.positive(policy, at_us);
        let lower = policy.caution(py, positive)?;
        let (level, since) = trust.advanced(policy, lower, at_us);
        let Some(ttl_us) = self.ttl_us(py, policy, trust, (positive, level, since), at_us)? else {
            return Ok(None);
        };
        let days = match self.steady.get(level) {
            Some(next) => self.days_until(py, policy, positive, next, at_us)?,
            None => None,
        };
        let days = days.map(|days| days + self.patience_days);
        Ok(Some(View { positive, lower, level, days, ttl_us }))
    }

    fn reaches(&self, py: Python<'_>, positive: f64, bound: &Bound) -> PyResult<bool> {
        if (positive - bound.needed).abs() > TOO_CLOSE * (1.0 + bound.needed) {
            return Ok(positive > bound.needed);
        }
        self.reaches.bind(py).call1((positive, 0.0, bound.lower, &self.policy))?.extract()
    }

    /// `models.trust.levels.next_change_us`, as a length of time.
    fn ttl_us(
        &self,
        py: Python<'_>,
        policy: &Policy,
        trust: &Trust,
        (positive, level, since): (f64, usize, [Option<i64>; 3]),
        at_us: i64,
    ) -> PyResult<Option<i64>> {
        if self.horizon_us <= 0 {
            return Ok(Some(0));
        }
        let above = since[level.min(3)..].iter().flatten();
        let rise = above.map(|start| start + policy.rise_us).min();
        let end = rise.map_or(at_us + self.horizon_us, |rise| rise.min(at_us + self.horizon_us));
        if level > 0 {
            let (today, last) = (at_us.div_euclid(DAY_US), end.div_euclid(DAY_US));
            if trust.days.iter().any(|&(day, _)| today < day && day <= last) {
                return Ok(None);
            }
            let span = end - at_us;
            let half_us = policy.half_days * DAY_US as f64;
            let faded = positive * power_of_two(-(span as f64) / half_us);
            let forgotten = (span.div_euclid(DAY_US) + 2) as f64 * power_of_two(-policy.forgotten);
            if !self.reaches(py, (faded - forgotten).max(0.0), &self.held[level - 1])? {
                return Ok(None);
            }
        }
        let change = rise.filter(|rise| *rise == end).map(|_| at_us.max(end));
        Ok(Some(change.map_or(self.horizon_us, |change| self.horizon_us.min(change - at_us))))
    }

    /// `models.trust.opinion.days_until`, throughout the day.
    fn days_until(
        &self,
        py: Python<'_>,
        policy: &Policy,
        positive: f64,
        bound: &Bound,
        at_us: i64,
    ) -> PyResult<Option<i64>> {
        let half = policy.half_days;
        let of_day = at_us.rem_euclid(DAY_US) as f64 / DAY_US as f64;
        let wait = 1.0 - of_day;
        let now = positive * power_of_two(-wait / half);
        let limit = power_of_two(-(of_day + wait) / half) / (1.0 - power_of_two(-1.0 / half));
        let there = |days: i64| -> PyResult<bool> {
            let fade = power_of_two(-(days as f64) / half);
            self.reaches(py, now * fade + limit * (1.0 - fade), bound)
        };
        let (left, reachable) = (limit - bound.needed, limit - now);
        if 0.0 < left && left < reachable {
            let about = (half * (reachable / left).log2()).ceil() as i64;
            if there(about)? && (about == 0 || !there(about - 1)?) {
                return Ok(Some(about));
            }
        }
        let (mut low, mut high) = (-1, 16);
        while !there(high)? {
            (low, high) = (high, high * 2);
            if low >= LONGEST_DAYS {
                return Ok(None);
            }
        }
        while high - low > 1 {
            let middle = (low + high).div_euclid(2);
            (low, high) = if there(middle)? { (low, middle) } else { (middle, high) };
        }
        Ok(Some(high))
    }
}
