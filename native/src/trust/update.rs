//! Hourly update of trust, in event time; `models.trust.update`.

use crate::baseline::profile::Published;
use crate::float_sums::{exact_sum, floor_division, power};
use crate::units::DAY_US;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rustc_hash::{FxHashMap, FxHashSet};

const FULL_DAY: i64 = 20;
const STRUCK: i64 = 127;
const LEVELS: [&str; 4] = ["restricted", "watch", "normal", "trusted"];
const GATE: &str = "open";

/// Parameters of `models.trust.policy.TrustPolicy`.
pub struct Policy {
    policy: Py<PyAny>,
    prior: f64,
    rate: f64,
    quantile: f64,
    half_days: f64,
    item_days: f64,
    confirmed_days: f64,
    impact: FxHashMap<String, f64>,
    longest_days: i64,
    forgotten: f64,
    by_age: Vec<f64>,
    bounds: [f64; 3],
    margin: f64,
    rise_us: i64,
    /// Inverse of the regularised incomplete beta function, once it is needed.
    inverse: Option<Py<PyAny>>,
    level_state: Py<PyAny>,
}

/// One piece of evidence against an agent; `models.trust.ledger.Item`.
#[derive(FromPyObject)]
struct Item {
    at_us: i64,
    first_us: Option<i64>,
    severity: String,
    confidence: f64,
    status: String,
}

type Since = (Option<i64>, Option<i64>, Option<i64>);

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
            policy: policy.clone().unbind(),
            prior: number("prior_weight")?,
            rate: number("base_rate")?,
            quantile: number("quantile")?,
            half_days,
            item_days: number("negative_half_life_days")?,
            confirmed_days: number("confirmed_half_life_days")?,
            impact: policy.getattr("impact")?.extract()?,
            longest_days: py
                .import("models.trust.ledger")?
                .getattr("LONGEST_SPAN_DAYS")?
                .extract()?,
            forgotten: forgotten.extract()?,
            by_age: fade.call1((half_days,))?.extract()?,
            bounds,
            margin: number("margin")?,
            rise_us: policy.getattr("rise_us")?.extract()?,
            inverse: None,
            level_state: py.import("models.trust.levels")?.getattr("LevelState")?.unbind(),
        })
    }

    /// Update the level of an agent at an event of a new hour. Gives the published values.
    pub fn refresh(
        &mut self,
        trust: &Bound<'_, PyAny>,
        time_us: i64,
        last_us: i64,
        state: &str,
    ) -> PyResult<Published> {
        let py = trust.py();
        let ledger = trust.getattr(intern!(py, "ledger"))?;
        let (mut days, mut items) = (days_of(&ledger)?, items_of(&ledger)?);
        if self.prunes(&days, &items, time_us) {
            ledger.call_method1(intern!(py, "prune"), (time_us, &self.policy))?;
            (days, items) = (days_of(&ledger)?, items_of(&ledger)?);
        }
        let (negative, struck) = self.negative(&items, last_us);
        let positive = self.positive(&days, &struck, last_us);
        let lower = self.caution(py, positive, negative)?;
        let known = trust.getattr(intern!(py, "level_state"))?;
        let name: String = known.getattr(intern!(py, "level"))?.extract()?;
        let level = LEVELS.iter().position(|one| *one == name).unwrap_or_default();
        let since: Since = known.getattr(intern!(py, "above_since_us"))?.extract()?;
        let found = self.advanced(level, since, lower, last_us);
        if found != (level, since) {
            let next = self.level_state.bind(py).call1((LEVELS[found.0], found.1, GATE))?;
            trust.setattr(intern!(py, "level_state"), next)?;
        }
        let score =
            100.0 * (positive + self.rate * self.prior) / (positive + negative + self.prior);
        let (score, level) = (score.round_ties_even() as i64, LEVELS[found.0].to_owned());
        Ok((score, lower as i64, level, GATE.to_owned(), state.to_owned()))
    }

    /// The cautious score, 0..100, of these sums of evidence.
    fn caution(&mut self, py: Python<'_>, positive: f64, negative: f64) -> PyResult<f64> {
        let alpha = positive + self.rate * self.prior;
        let beta = negative + (1.0 - self.rate) * self.prior;
        let inverse = match &self.inverse {
            Some(inverse) => inverse,
            None => {
                let found = py.import("scipy.special.cython_special")?.getattr("betaincinv")?;
                self.inverse.insert(found.unbind())
            }
        };
        let found: f64 = inverse.bind(py).call1((alpha, beta, self.quantile))?.extract()?;
        Ok(100.0 * found)
    }

    fn half_life_us(&self, item: &Item) -> f64 {
        let days = if item.status == "confirmed" { self.confirmed_days } else { self.item_days };
        days * DAY_US as f64
    }

    /// Whether evidence is not in order, or too old to count.
    fn prunes(&self, days: &[(i64, i64)], items: &[(String, Item)], at_us: i64) -> bool {
        let oldest = at_us as f64 - self.forgotten * self.half_days * DAY_US as f64;
        let sorted = days.windows(2).all(|pair| pair[0].0 < pair[1].0)
            && items.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let old =
            |item: &Item| (at_us - item.at_us) as f64 > self.forgotten * self.half_life_us(item);
        !sorted
            || days.first().is_some_and(|&(day, _)| ((day * DAY_US) as f64) < oldest)
            || items.iter().any(|(_, item)| old(item))
    }

    /// Weight of items at an instant, and the days that they strike; `models.trust.evidence`.
    fn negative(&self, items: &[(String, Item)], at_us: i64) -> (f64, FxHashSet<i64>) {
        let (mut weights, mut struck) = (Vec::new(), FxHashSet::default());
        for (_, item) in items {
            let since_us = item.first_us.unwrap_or(item.at_us);
            if item.status == "dismissed" || since_us > at_us {
                continue;
            }
            let lives = (at_us - item.at_us).max(0) as f64 / self.half_life_us(item);
            if lives <= self.forgotten {
                let weight = self.impact[&item.severity] * item.confidence;
                weights.push(weight * power(2.0, -lives));
                let last = item.at_us.div_euclid(DAY_US);
                struck.extend(since_us.div_euclid(DAY_US).max(last - self.longest_days)..=last);
            }
        }
        (exact_sum(weights.into_iter()), struck)
    }

    /// Weight of clean days at an instant.
    fn positive(&self, days: &[(i64, i64)], struck: &FxHashSet<i64>, at_us: i64) -> f64 {
        let (today, since_midnight) = (at_us.div_euclid(DAY_US), at_us.rem_euclid(DAY_US) as f64);
        let (half, day_us) = (self.half_days, DAY_US as f64);
        let fade = power(2.0, -since_midnight / (half * day_us));
        let reach = floor_division(self.forgotten * half * day_us - since_midnight, day_us);
        let oldest = today - reach as i64;
        let counts = |&&(day, count): &&(i64, i64)| {
            oldest <= day && day <= today && count != STRUCK && !struck.contains(&day)
        };
        exact_sum(days.iter().filter(counts).map(|&(day, count)| {
            count as f64 / FULL_DAY as f64 * (fade * self.by_age[(today - day) as usize])
        }))
    }

    /// Level at an instant, and since when; `models.trust.levels.advance`.
    fn advanced(&self, level: usize, known: Since, lower: f64, at_us: i64) -> (usize, Since) {
        let (mut risen, mut reached) = (0, 0);
        let mut since = [known.0, known.1, known.2];
        for (at, &bound) in self.bounds.iter().enumerate() {
            let steady = lower >= bound + self.margin;
            since[at] = steady.then(|| since[at].unwrap_or(at_us));
            if lower >= bound {
                risen = at + 1;
            }
            if since[at].is_some_and(|start| at_us - start >= self.rise_us) {
                reached = at + 1;
            }
        }
        (level.min(risen).max(reached), (since[0], since[1], since[2]))
    }
}

/// Clean events by day, in the order of the ledger.
fn days_of(ledger: &Bound<'_, PyAny>) -> PyResult<Vec<(i64, i64)>> {
    let days = ledger.getattr(intern!(ledger.py(), "days"))?;
    days.cast::<PyDict>()?
        .iter()
        .map(|(day, count)| Ok((day.extract()?, count.extract()?)))
        .collect()
}

/// Items by key, in the order of the ledger.
fn items_of(ledger: &Bound<'_, PyAny>) -> PyResult<Vec<(String, Item)>> {
    let items = ledger.getattr(intern!(ledger.py(), "items"))?;
    items
        .cast::<PyDict>()?
        .iter()
        .map(|(key, item)| Ok((key.extract()?, item.extract()?)))
        .collect()
}
