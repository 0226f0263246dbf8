//! The bits of one event, and their rank; `models.engine.Engine._score` and `models.watch.measure`.

use super::act::{Act, Operation, Outcome};
use super::bench::Bench;
use super::counting::{self, Counted};
use super::facts::{Facts, Now, State, QUANTITIES};
use super::meeting::previous_of;
use super::peer_levels::Levels;
use super::sizes::{self, per_mille, SIZED};
use super::subject::Subject;
use super::texts::Origin;
use super::words::{remembers, secret};
use crate::content::{Content, Session};
use crate::habits::{Calibrated, Habits, Statistics, Surprise, FEATURES, LEAST_BITS, METRICS};
use pyo3::prelude::*;
use std::f64::consts::LOG2_E;

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 86_400_000_000;
const TOOL: usize = 0;
const MARK: u64 = 0xFFFF;
const LOOKED_INTO: f64 = 3.0;
const RECURRENCE_BITS: f64 = 4.0;
const OUT_DAY: usize = 4;
const BYTES_OUT: usize = 1;
const DRIFT_BITS: f64 = 1.0;
const ASKED_BITS: f64 = 2.0;
const SPARE: f64 = 1.0;
const MOST_SPREADS: f64 = 4.0;
const SPENT: usize = 3;
const MOST_STEP: f64 = 12.0;
const MOST_SUM: f64 = 40.0;

/// What was measured of one event beside its categories.
pub struct Measures {
    pub bits: [f64; METRICS],
    pub found: [bool; METRICS],
    /// Whether this call raised the bits; else they are a reason only.
    pub risen: [bool; METRICS],
    /// Running sum of the tool's calls above the usual, with this one.
    pub leaning: Option<f64>,
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

impl Measures {
    /// The bits of every metric that the call raised.
    pub fn in_order(&self) -> [f64; METRICS] {
        std::array::from_fn(|at| if self.risen[at] { self.bits[at] } else { 0.0 })
    }
}

impl Bench<'_, '_> {
    pub fn score(
        &mut self,
        act: &Act<'_>,
        subject: &mut Subject<'_>,
        session: &mut Session,
        origin: &Origin,
    ) -> PyResult<Option<Scored>> {
        let Subject { facts, now, levels, habits, chains, texts: earlier, .. } = subject;
        let group = (subject.group, subject.group_name);
        let state = now.state();
        let before = if now.session == session.ordinal { facts.before.as_str() } else { "" };
        let previous = previous_of(session);
        if self.texts.fill(self.names, act, origin, previous, before).is_none() {
            return Ok(None);
        }
        self.texts.hash(self.names, &self.groups.hasher(), earlier);
        let renewed = state == State::Relearning;
        let known = *act.tool == *previous || renewed && facts.brings(&act.tool);
        let carries = act.argument_origins.as_ref().is_some_and(|found| !found.is_empty());
        let content = match carries || !session.purpose.is_empty() {
            true => {
                let origins = act.argument_origins.as_deref();
                Some(self.content.score(self.py, session, &act.tool, origins)?)
            }
            false => None,
        };
        if now.session != session.ordinal {
            (now.spent, now.tops, now.kept) = Default::default();
        }
        let hashes = &self.texts.hashes;
        let categories = habits.surprise_of(self.groups, group.0, &now.tops, hashes, chains);
        let intent = content.as_ref().and_then(|content| content.unasked).filter(|_| !known);
        let order = (session.ordinal, categories.order, intent);
        let Some(measures) = self.measure(act, facts, now, levels, order, group.1)? else {
            return Ok(None);
        };
        let sent = act.amounts()[BYTES_OUT].is_some();
        if now.leak >= self.config.leak && sent && state == State::Active {
            return Ok(None);
        }
        let changing =
            state == State::Relearning || state == State::Learning && facts.announced.is_some();
        if state == State::Active && now.kept != 0.0 && categories.rarest >= now.kept {
            return Ok(None);
        }
        for (feature, excess) in categories.far() {
            now.tops[feature] = excess.max(now.tops[feature]);
        }
        now.session = session.ordinal;
        let volume = self.rarest(&measures, group.0, renewed.then_some(facts));
        let statistics = [
            content.as_ref().map(accounted),
            Some(categories.total),
            Some(categories.peak),
            Some(volume),
        ];
        let mut tested = statistics;
        if changing {
            let steady = self.steady(&act.tool, facts, habits, &categories, group.0);
            tested = [content.as_ref().and_then(carried), None, steady, Some(volume)];
        } else if state == State::Learning && !self.groups.has_names(group.0, 0) {
            tested = [None, None, None, Some(volume)];
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

    /// Stands for the tool.
    pub fn tool_mark(&self) -> i64 {
        (self.texts.tool(self.names) & MARK) as i64
    }

    /// The rarity of what a new version leaves as it is; `models.changing.steady_bits`.
    fn steady(
        &self,
        tool: &str,
        facts: &Facts,
        habits: &Habits,
        categories: &Surprise,
        group: usize,
    ) -> Option<f64> {
        if facts.brings(tool) {
            return None;
        }
        let first = categories.each().next().filter(|(found, _)| found.index == TOOL);
        let first = first.filter(|_| !facts.added.is_empty() && categories.again >> TOOL & 1 == 0);
        let Some((found, bits)) = first else { return Some(categories.steady) };
        let uniform = self.groups.places.all[TOOL].uniform;
        let strange = -self.groups.chain(group, TOOL, found.value, -1, uniform).log2();
        let excess = bits.min(strange) - habits.usual[TOOL];
        Some(categories.steady.max(self.groups.weighted(group, TOOL, excess)))
    }

    /// Measure how much, how often and in which order; `models.watch.measure`.
    fn measure(
        &mut self,
        act: &Act<'_>,
        facts: &Facts,
        now: &mut Now,
        levels: &mut Levels,
        (session, order, intent): (i64, f64, Option<f64>),
        group: &str,
    ) -> PyResult<Option<Measures>> {
        let (py, metrics) = (self.py, self.metrics);
        let mut out = Measures {
            bits: [0.0; METRICS],
            found: [false; METRICS],
            risen: [true; METRICS],
            leaning: None,
        };
        let mut put = |metric: usize, bits: f64| {
            if bits != 0.0 {
                (out.bits[metric], out.found[metric]) = (bits, true);
            }
        };
        let (amounts, mut leaning) = (act.amounts(), None);
        let mut risen = [true; SIZED.len() + 1];
        let tool = self.tool_mark();
        let same_hour = now.hour == act.time_us.div_euclid(HOUR_US);
        let asked = &*self.asked;
        let peers = self.levels.seen_by(group);
        let bits_of = |levels: &Levels, at: usize, value: f64| -> PyResult<f64> {
            let own = levels[at].unwrap_or_default();
            own.bits(value, peers.of(at), |freedom, t| asked.stdtr(py, freedom, t))
        };
        for (at, amount) in amounts.iter().enumerate() {
            let Some(amount) = *amount else { continue };
            let before = if same_hour { now.sums[at] } else { 0 };
            let total = (before.max(0) + amount) as f64;
            let mut compared = 0.0;
            let slot = sizes::slot_of(at);
            if let Some(slot) = slot {
                let mut expected = sizes::usual(&facts.sizes, tool, slot, amount);
                expected += if same_hour { now.expected[slot] } else { 0.0 };
                compared = per_mille(total, expected);
            }
            let compared = if compared != 0.0 { compared } else { total };
            let mut bits = bits_of(levels, at, compared)?;
            if at == SPENT {
                bits = bits.max(spend(now, sizes::beyond(&facts.sizes, tool, amount)));
            }
            put(at, bits);
            if let Some(slot) = slot.filter(|_| bits != 0.0) {
                risen[slot] = rises(now, slot, bits, !same_hour);
            }
        }
        let sent = amounts[BYTES_OUT];
        let usual = sent.map_or(0.0, |sent| sizes::usual(&facts.sizes, tool, 0, sent));
        let day = act.time_us.div_euclid(DAY_US);
        if let Some((total, sent)) = add_out(now, levels, day, sent, usual).zip(sent) {
            let compared = per_mille(total, now.out_expected);
            let bits = bits_of(levels, OUT_DAY, compared)?;
            put(metrics.out_day, bits);
            if bits != 0.0 {
                risen[SIZED.len()] = rises(now, SIZED.len(), bits, usual == now.out_expected);
            }
            let sum = sizes::leaning(&facts.sizes, tool, sent);
            now.leak = sum.unwrap_or(0.0);
            put(metrics.drift, now.leak);
            leaning = sum;
        }
        let resource = act.resource.as_ref().map_or("", |resource| &resource.id);
        let Some(secret) = secret(&act.tool, resource) else { return Ok(None) };
        let operation = match act.operation {
            Operation::Unknown => self.asked.operation(py, &act.tool)?,
            known => known,
        };
        let mark = self.texts.resource(self.names).map(|hash| hash & MARK);
        let counted = Counted {
            failed: matches!(act.outcome, Some(Outcome::Denied | Outcome::Error)),
            deleted: operation == Operation::Delete,
            mark: mark.map(|mark| mark as i64),
            secret,
            remembered: matches!(
                operation,
                Operation::Write | Operation::Delete | Operation::Admin
            ) && remembers(&act.tool, resource),
        };
        let mut counted_on = [true; counting::COUNTS];
        counting::count(now, &counted, |index, bits, risen| {
            put(metrics.counted[index], bits);
            counted_on[index] = risen;
        });
        let (disorder, order_rose) = add_up(now, session, order);
        put(metrics.disorder, disorder);
        let mut astray_rose = true;
        if let Some(intent) = intent {
            let (astray, rose) = stray(now, session, intent);
            put(metrics.astray, astray);
            astray_rose = rose;
        }
        out.leaning = leaning;
        (out.risen[metrics.disorder], out.risen[metrics.astray]) = (order_rose, astray_rose);
        for (index, risen) in counted_on.into_iter().enumerate() {
            out.risen[metrics.counted[index]] = risen;
        }
        for (slot, risen) in risen.into_iter().enumerate() {
            out.risen[SIZED.get(slot).copied().unwrap_or(metrics.out_day)] = risen;
        }
        Ok(Some(out))
    }

    /// Rarity among the peers of the rarest metric; `renewed` of an agent that has a new version.
    fn rarest(&self, measures: &Measures, group: usize, renewed: Option<&Facts>) -> f64 {
        let mut rarest = 0.0f64;
        for (metric, &bits) in measures.bits.iter().enumerate() {
            let shifts = renewed.is_some_and(|facts| self.metrics.shifts(metric, facts));
            let left = if shifts { bits - self.config.shift_bits } else { bits };
            let told = measures.found[metric] && measures.risen[metric];
            if told && left >= LEAST_BITS && metric != self.metrics.drift {
                rarest = rarest.max(self.groups.weighted(group, FEATURES + metric, left));
            }
        }
        rarest
    }
}

/// Whether this call has raised the bits of a window; notes the most. `anew`: it begins the window.
fn rises(now: &mut Now, slot: usize, bits: f64, anew: bool) -> bool {
    let rises = anew || bits > now.highs[slot];
    if rises {
        now.highs[slot] = bits;
    }
    rises
}

/// Add bytes out to the day's sum, learning the day before; gives the sum.
fn add_out(
    now: &mut Now,
    levels: &mut Levels,
    day: i64,
    amount: Option<i64>,
    usual: f64,
) -> Option<f64> {
    if day > now.out_day {
        if now.out_day >= 0 && now.out_sum >= 0 {
            let value = per_mille(now.out_sum as f64, now.out_expected);
            levels[OUT_DAY].get_or_insert_default().learn(value);
        }
        (now.out_day, now.out_sum, now.out_expected) = (day, -1, 0.0);
    }
    let amount = amount.filter(|_| day >= now.out_day)?;
    now.out_sum = now.out_sum.max(0) + amount;
    now.out_expected += usual;
    Some(now.out_sum as f64)
}

/// Add a call to the running sum of its session; gives the sum, and whether it rose.
fn add_up(now: &mut Now, session: i64, excess: f64) -> (f64, bool) {
    let before = if now.session == session { now.disorder } else { 0.0 };
    now.disorder = summed(before, excess, DRIFT_BITS);
    (now.disorder, now.disorder > before)
}

/// Add a call to the running sum of what its session's request does not call for.
fn stray(now: &mut Now, session: i64, intent: f64) -> (f64, bool) {
    let before = if now.session == session { now.astray } else { 0.0 };
    now.astray = summed(before, intent, ASKED_BITS);
    (now.astray, now.astray > before)
}

/// Add a call to the running sum of what its session cost beyond the usual; gives its bits.
fn spend(now: &mut Now, spreads: f64) -> f64 {
    now.spent = (now.spent + spreads.min(MOST_SPREADS) - SPARE).max(0.0);
    (2.0 * SPARE * LOG2_E * now.spent).min(MOST_SUM)
}

fn summed(before: f64, bits: f64, usual: f64) -> f64 {
    (before + bits.min(MOST_STEP) - usual).clamp(0.0, MOST_SUM)
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
