//! The bits of one event, and their rank; `models.engine.Engine._score` and `models.watch.measure`.

use super::act::{Act, Operation, Outcome};
use super::bench::{previous_of, Bench};
use super::counting::{self, Counted};
use super::facts::{Facts, Now, State, QUANTITIES};
use super::level::{Level, LEAST_WINDOWS};
use super::peer_levels::Levels;
use super::texts::Origin;
use super::words::secret;
use crate::content::{Content, Session};
use crate::habits::{Calibrated, Habits, Statistics, Surprise, FEATURES, LEAST_BITS, METRICS};
use pyo3::prelude::*;

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 86_400_000_000;
pub const MARK: u64 = 0xFFFF;
const LOOKED_INTO: f64 = 3.0;
const RECURRENCE_BITS: f64 = 4.0;
const OUT_DAY: usize = 4;
const BYTES_OUT: usize = 1;
const SLACK: f64 = 0.5;
const MOST_STEP: f64 = 3.0;
const DRIFT_BITS: f64 = 1.0;
const MOST_DISORDER: f64 = 12.0;

/// What was measured of one event beside its categories.
pub struct Measures {
    pub bits: [f64; METRICS],
    pub found: [bool; METRICS],
}

/// A scored event.
pub struct Scored {
    pub categories: Surprise,
    pub content: Option<Content>,
    pub measures: Measures,
    pub statistics: Statistics,
    pub calibrated: Calibrated,
    pub total: f64,
}

impl Bench<'_, '_> {
    #[allow(clippy::too_many_arguments)] // the parts of an agent
    pub fn score(
        &mut self,
        act: &Act<'_>,
        facts: &Facts,
        now: &mut Now,
        levels: &mut Levels,
        habits: &Habits,
        session: &mut Session,
        group: (usize, &str),
        origin: &Origin,
    ) -> PyResult<Option<Scored>> {
        let state = now.state();
        let before = if now.session == session.ordinal { facts.before.as_str() } else { "" };
        let previous = previous_of(session);
        if self.texts.fill(self.names, act, origin, previous, before).is_none() {
            return Ok(None);
        }
        let carries = act.argument_origins.as_ref().is_some_and(|found| !found.is_empty());
        let content = match carries || !session.purpose.is_empty() {
            true => {
                let origins = act.argument_origins.as_deref();
                Some(self.content.score(self.py, session, &act.tool, origins)?)
            }
            false => None,
        };
        let texts = &*self.texts;
        let categories = habits.surprise_of(self.groups, group.0, |at| texts.get(at));
        let measures =
            self.measure(act, now, levels, session.ordinal, categories.order, group.1)?;
        let Some(measures) = measures else { return Ok(None) };
        now.session = session.ordinal;
        let volume = self.rarest(&measures, group.0, state);
        let statistics = [
            content.as_ref().map(accounted),
            Some(categories.total),
            Some(categories.peak),
            Some(volume),
        ];
        let mut tested = statistics;
        if state == State::Relearning {
            let added = facts.added.iter().any(|tool| **tool == *act.tool);
            let steady = (!added).then_some(categories.steady);
            tested = [content.as_ref().and_then(carried), None, steady, Some(volume)];
        }
        let u = self.hashes.uniform_of(act.id.as_bytes());
        let calibrated =
            habits.calibrated(self.groups, group.0, &tested, u, state == State::Active);
        let mut total = categories.total;
        for (bits, found) in measures.bits.iter().zip(measures.found).take(QUANTITIES) {
            total += if found { *bits } else { 0.0 };
        }
        total += content.as_ref().map_or(0.0, |content| content.score);
        Ok(Some(Scored { categories, content, measures, statistics, calibrated, total }))
    }

    /// Measure how much, how often and in which order; `models.watch.measure`.
    fn measure(
        &mut self,
        act: &Act<'_>,
        now: &mut Now,
        levels: &mut Levels,
        session: i64,
        order: f64,
        group: &str,
    ) -> PyResult<Option<Measures>> {
        let (py, metrics) = (self.py, self.metrics);
        let mut out = Measures { bits: [0.0; METRICS], found: [false; METRICS] };
        let mut put = |metric: usize, bits: f64| {
            if bits != 0.0 {
                (out.bits[metric], out.found[metric]) = (bits, true);
            }
        };
        let amounts = act.amounts();
        let same_hour = now.hour == act.time_us.div_euclid(HOUR_US);
        let asked = &*self.asked;
        let peers = &*self.levels;
        let bits_of = |levels: &Levels, at: usize, value: f64| -> PyResult<f64> {
            let own = levels[at].unwrap_or_default();
            own.bits(value, peers.of(group, at), |freedom, t| asked.stdtr(py, freedom, t))
        };
        for (at, amount) in amounts.iter().enumerate() {
            let Some(amount) = *amount else { continue };
            let before = if same_hour { now.sums[at] } else { 0 };
            let total = (before.max(0) + amount) as f64;
            put(at, bits_of(levels, at, total)?);
        }
        if let Some(out) = add_out(now, levels, act.time_us.div_euclid(DAY_US), amounts[BYTES_OUT])
        {
            put(metrics.out_day, bits_of(levels, OUT_DAY, out)?);
        }
        put(metrics.drift, now.leaning);
        let resource = act.resource.as_ref().map_or("", |resource| &resource.id);
        let Some(secret) = secret(&act.tool, resource) else { return Ok(None) };
        let operation = match act.operation {
            Operation::Unknown => self.asked.operation(py, &act.tool)?,
            known => known,
        };
        let mark = self.texts.resource_text(self.names).map(|text| self.groups.hash(text) & MARK);
        let counted = Counted {
            failed: matches!(act.outcome, Some(Outcome::Denied | Outcome::Error)),
            deleted: operation == Operation::Delete,
            mark: mark.map(|mark| mark as i64),
            secret,
        };
        counting::count(now, &counted, |index, bits| put(metrics.counted[index], bits));
        put(metrics.disorder, add_up(now, session, order));
        Ok(Some(out))
    }

    /// Rarity among the peers of the rarest metric.
    fn rarest(&self, measures: &Measures, group: usize, state: State) -> f64 {
        let mut rarest = 0.0f64;
        for (metric, &bits) in measures.bits.iter().enumerate() {
            let skipped = state == State::Relearning && self.metrics.shifting.contains(&metric);
            if measures.found[metric] && bits >= LEAST_BITS && !skipped {
                rarest = rarest.max(self.groups.rarity(group, FEATURES + metric, bits));
            }
        }
        rarest
    }
}

/// Add bytes out to the day's sum, closing the day before; gives the sum.
fn add_out(now: &mut Now, levels: &mut Levels, day: i64, amount: Option<i64>) -> Option<f64> {
    let watch = now;
    if day > watch.out_day {
        if watch.out_day >= 0 && watch.out_sum >= 0 {
            let value = watch.out_sum as f64;
            if let Some(level) = levels[OUT_DAY].filter(|level| level.n as f64 >= LEAST_WINDOWS) {
                let z = Level::distance(value, level.usual(None));
                let step = z.clamp(-MOST_STEP, MOST_STEP);
                watch.leaning = (watch.leaning + step - SLACK).max(0.0);
            }
            levels[OUT_DAY].get_or_insert_default().learn(value);
        }
        (watch.out_day, watch.out_sum) = (day, -1);
    }
    let amount = amount.filter(|_| day >= watch.out_day)?;
    watch.out_sum = watch.out_sum.max(0) + amount;
    Some(watch.out_sum as f64)
}

/// Add a call to the running sum of its session; gives the sum.
fn add_up(now: &mut Now, session: i64, excess: f64) -> f64 {
    let watch = now;
    if watch.session != session {
        watch.disorder = 0.0;
    }
    watch.disorder = (watch.disorder + excess.min(MOST_DISORDER) - DRIFT_BITS).max(0.0);
    watch.disorder
}

/// Content bits that decide on an alert: without what recurrence adds along a usual way.
fn accounted(content: &Content) -> f64 {
    let Some(carrier) = content.carrier.as_ref().filter(|_| content.score >= LOOKED_INTO) else {
        return content.score;
    };
    if carrier.flow_level != 0 || carrier.recurrences == 0 {
        return content.score;
    }
    let whole = carrier.bits + content.intent.unwrap_or(0.0);
    let again = RECURRENCE_BITS * f64::from(carrier.recurrences) / carrier.value_bits;
    content.score * (1.0 - again * carrier.bits / whole)
}

/// Content bits of what an event carries, without those of its tool's choice.
fn carried(content: &Content) -> Option<f64> {
    let carrier = content.carrier.as_ref().filter(|carrier| carrier.flow_level != 0)?;
    let whole = carrier.bits + content.intent.unwrap_or(0.0);
    (whole != 0.0).then(|| content.score * carrier.bits / whole)
}
