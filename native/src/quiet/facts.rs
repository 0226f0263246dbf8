//! The plain part of a profile; `models.profile.Facts` and `models.watch.state.Watch`.

use super::counting::{self, COUNTS};
use super::mixture::Mixture;
use super::sizes::{Sizes, ROW, SIZED};
use super::week::{self, Week};
use crate::habits::FEATURES;
use crate::pack::{Reader, Writer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

pub const QUANTITIES: usize = 4;
const FACTS: usize = 27;
const WATCH: usize = 30;
/// The same before `week` was noted, and before `spent`, `tops` and `kept` were.
const WATCH_BEFORE: [usize; 2] = [29, 26];
const MOST_CREDENTIALS: usize = 16;
const MOST_VERSIONS: usize = 16;

/// What every event may move: all numbers of `Facts` and `Watch` that do.
#[derive(Default)]
pub struct Now {
    pub last_us: i64,
    pub events: i64,
    pub opened: i64,
    pub learn_until: i64,
    pub per_day: f64,
    pub day_events: i64,
    pub utc_hour: i64,
    pub day_bits: f64,
    pub day_learned: i64,
    pub hour: i64,
    pub sums: [i64; QUANTITIES],
    pub voted: bool,
    pub vote_version: i64,
    pub session: i64,
    pub disorder: f64,
    pub astray: f64,
    pub windows: [i64; 3],
    pub weights: [f64; 3],
    pub counts: [i64; COUNTS],
    pub rates: [f64; COUNTS],
    pub squares: [f64; COUNTS],
    pub seen: Vec<i64>,
    pub out_day: i64,
    pub out_sum: i64,
    pub evidence: f64,
    pub anchored: i64,
    pub strayed: i64,
    pub hasty: i64,
    pub expected: [f64; SIZED.len()],
    pub out_expected: f64,
    pub leak: f64,
    pub highs: [f64; SIZED.len() + 1],
    pub peaks: [i64; COUNTS],
    pub spent: f64,
    pub tops: [f64; FEATURES],
    pub kept: f64,
    /// What is known of the open hour; of the rest, so never stored.
    pub due: [f64; 3],
}

/// Where and when a credential was last used.
pub struct CredentialUse {
    pub id: String,
    pub place: String,
    pub time_us: i64,
}

/// What was published of an agent's trust.
pub type Shown = (i64, i64, String, String, String);

/// The plain part of a profile.
#[derive(Default)]
pub struct Facts {
    pub agent_id: String,
    pub mode: String,
    pub role: String,
    version: Option<String>,
    first_us: i64,
    pub daily: Vec<f64>,
    pub credentials: Vec<CredentialUse>,
    pub versions: Vec<String>,
    pub announced: Option<String>,
    waiting: Vec<u8>,
    pub drifted_us: i64,
    pub published: Option<Shown>,
    pub before: String,
    pub mixture: Mixture,
    pub shifted: String,
    definitions: Vec<u8>,
    pub added: Vec<String>,
    pub sizes: Sizes,
    pub week: Week,
    shown_us: i64,
    pub now: Now,
}

/// Whether an agent's habits are known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum State {
    Learning,
    Relearning,
    Active,
}

impl State {
    pub fn name(self) -> &'static str {
        ["learning", "relearning", "active"][self as usize]
    }
}

impl Now {
    /// A copy that takes the place of what else was in a list.
    pub fn copied(&self, mut seen: Vec<i64>) -> Now {
        seen.clone_from(&self.seen);
        Now { seen, ..*self }
    }

    pub fn state(&self) -> State {
        if self.opened > self.learn_until {
            State::Active
        } else if self.voted {
            State::Relearning
        } else {
            State::Learning
        }
    }
}

impl Facts {
    /// Whether a deployment has said that it brings a tool.
    pub fn brings(&self, tool: &str) -> bool {
        self.added.iter().any(|added| added == tool)
    }

    /// The last use of a credential; mostly it is the newest of those that are known.
    pub fn credential(&self, id: &str) -> Option<&CredentialUse> {
        self.credentials.iter().rev().find(|known| known.id == id)
    }

    /// Remember where a credential was used; the longest unused goes where there are too many.
    pub fn note_credential(&mut self, id: &str, place: &str, time_us: i64) {
        if let Some(known) = self.credentials.iter_mut().rev().find(|known| known.id == id) {
            known.time_us = time_us;
            if known.place != place {
                place.clone_into(&mut known.place);
            }
        } else {
            let (id, place) = (id.to_owned(), place.to_owned());
            self.credentials.push(CredentialUse { id, place, time_us });
        }
        if self.credentials.len() > MOST_CREDENTIALS {
            let oldest = self.credentials.iter().enumerate();
            let oldest =
                oldest.min_by(|(_, a), (_, b)| (a.time_us, &a.id).cmp(&(b.time_us, &b.id)));
            if let Some(at) = oldest.map(|(at, _)| at) {
                self.credentials.remove(at);
            }
        }
    }

    /// Remember a version the agent has run as.
    pub fn note_version(&mut self, version: &str) {
        if !self.versions.iter().rev().any(|known| known == version) {
            self.versions.push(version.to_owned());
            let over = self.versions.len().saturating_sub(MOST_VERSIONS);
            self.versions.drain(..over);
        }
    }

    /// Write them under a name and a mode.
    pub fn write(&self, out: &mut Writer, whose: [&str; 2]) -> PyResult<()> {
        let now = &self.now;
        out.array(FACTS);
        whose.into_iter().for_each(|text| out.text(text));
        out.text(&self.role);
        optional(out, self.version.as_deref());
        for number in [self.first_us, now.last_us, now.events, now.opened, now.learn_until] {
            out.signed(number);
        }
        out.float(now.per_day);
        out.signed(now.day_events);
        out.signed(now.utc_hour);
        out.float(now.day_bits);
        out.signed(now.day_learned);
        floats(out, &self.daily);
        out.signed(now.hour);
        numbers(out, &now.sums);
        out.map(self.credentials.len());
        for one in &self.credentials {
            out.text(&one.id);
            out.array(2);
            out.text(&one.place);
            out.signed(one.time_us);
        }
        texts(out, &self.versions);
        optional(out, self.announced.as_deref());
        out.value(&self.waiting)?;
        out.boolean(now.voted);
        out.signed(now.vote_version);
        out.signed(self.drifted_us);
        match &self.published {
            None => out.nil(),
            Some((score, lower, level, gate, state)) => {
                out.array(5);
                out.signed(*score);
                out.signed(*lower);
                [level, gate, state].into_iter().for_each(|text| out.text(text));
            }
        }
        self.write_watch(out)?;
        out.signed(self.shown_us);
        Ok(())
    }

    fn write_watch(&self, out: &mut Writer) -> PyResult<()> {
        let now = &self.now;
        out.array(WATCH);
        out.signed(now.session);
        out.text(&self.before);
        out.float(now.disorder);
        out.float(now.astray);
        numbers(out, &now.windows);
        floats(out, &now.weights);
        numbers(out, &now.counts);
        floats(out, &now.rates);
        floats(out, &now.squares);
        numbers(out, &now.seen);
        out.signed(now.out_day);
        out.signed(now.out_sum);
        out.float(now.evidence);
        out.map(self.mixture.len());
        for (mark, row) in &self.mixture {
            out.signed(*mark);
            numbers(out, row);
        }
        out.signed(now.anchored);
        out.signed(now.strayed);
        out.text(&self.shifted);
        out.value(&self.definitions)?;
        out.signed(now.hasty);
        texts(out, &self.added);
        out.map(self.sizes.len());
        for (mark, row) in &self.sizes {
            out.signed(*mark);
            floats(out, row);
        }
        floats(out, &now.expected);
        out.float(now.out_expected);
        out.float(now.leak);
        floats(out, &now.highs);
        numbers(out, &now.peaks);
        out.float(now.spent);
        let tops = || now.tops.iter().enumerate().filter(|(_, bits)| **bits != 0.0);
        out.map(tops().count());
        for (feature, bits) in tops() {
            out.signed(feature as i64);
            out.float(*bits);
        }
        out.float(now.kept);
        week::write(&self.week, out);
        Ok(())
    }

    pub fn read(from: &mut Reader<'_>) -> PyResult<Self> {
        expect(from.array()?, FACTS)?;
        let mut facts = Facts {
            agent_id: from.text()?.to_owned(),
            mode: from.text()?.to_owned(),
            role: from.text()?.to_owned(),
            version: maybe(from)?,
            first_us: from.signed()?,
            now: Now {
                last_us: from.signed()?,
                events: from.signed()?,
                opened: from.signed()?,
                learn_until: from.signed()?,
                per_day: from.float()?,
                day_events: from.signed()?,
                utc_hour: from.signed()?,
                day_bits: from.float()?,
                day_learned: from.signed()?,
                ..Now::default()
            },
            daily: some_floats(from)?,
            ..Facts::default()
        };
        facts.now.hour = from.signed()?;
        all_numbers(from, &mut facts.now.sums)?;
        for _ in 0..from.map()? {
            let id = from.text()?.to_owned();
            expect(from.array()?, 2)?;
            let (place, time_us) = (from.text()?.to_owned(), from.signed()?);
            facts.credentials.push(CredentialUse { id, place, time_us });
        }
        facts.versions = all_texts(from)?;
        facts.announced = maybe(from)?;
        facts.waiting = from.value()?;
        facts.now.voted = from.boolean()?;
        facts.now.vote_version = from.signed()?;
        facts.drifted_us = from.signed()?;
        if !from.skip_nil() {
            expect(from.array()?, 5)?;
            let (score, lower) = (from.signed()?, from.signed()?);
            let mut text = || -> PyResult<String> { Ok(from.text()?.to_owned()) };
            facts.published = Some((score, lower, text()?, text()?, text()?));
        }
        facts.read_watch(from)?;
        facts.shown_us = from.signed()?;
        Ok(facts)
    }

    fn read_watch(&mut self, from: &mut Reader<'_>) -> PyResult<()> {
        let length = from.array()?;
        expect(length, WATCH_BEFORE.into_iter().find(|&known| known == length).unwrap_or(WATCH))?;
        let now = &mut self.now;
        now.session = from.signed()?;
        self.before = from.text()?.to_owned();
        now.disorder = from.float()?;
        now.astray = from.float()?;
        all_numbers(from, &mut now.windows)?;
        all_floats(from, &mut now.weights)?;
        all_numbers(from, &mut now.counts)?;
        all_floats(from, &mut now.rates)?;
        all_floats(from, &mut now.squares)?;
        for _ in 0..from.array()? {
            now.seen.push(from.signed()?);
        }
        now.out_day = from.signed()?;
        now.out_sum = from.signed()?;
        now.evidence = from.float()?;
        for _ in 0..from.map()? {
            let (mark, mut row) = (from.signed()?, [0; 4]);
            all_numbers(from, &mut row)?;
            self.mixture.push((mark, row));
        }
        now.anchored = from.signed()?;
        now.strayed = from.signed()?;
        self.shifted = from.text()?.to_owned();
        self.definitions = from.value()?;
        now.hasty = from.signed()?;
        self.added = all_texts(from)?;
        for _ in 0..from.map()? {
            let (mark, mut row) = (from.signed()?, [0.0; ROW]);
            all_floats(from, &mut row)?;
            self.sizes.push((mark, row));
        }
        all_floats(from, &mut now.expected)?;
        now.out_expected = from.float()?;
        now.leak = from.float()?;
        all_floats(from, &mut now.highs)?;
        all_numbers(from, &mut now.peaks)?;
        if length > WATCH_BEFORE[1] {
            now.spent = from.float()?;
            for _ in 0..from.map()? {
                let (feature, bits) = (from.signed()? as usize, from.float()?);
                *now.tops.get_mut(feature).ok_or_else(|| PyValueError::new_err("feature"))? = bits;
            }
            now.kept = from.float()?;
        }
        if length == WATCH {
            self.week = week::read(from)?;
        }
        now.due = counting::expected(now, &self.week);
        Ok(())
    }
}

fn optional(out: &mut Writer, text: Option<&str>) {
    match text {
        Some(text) => out.text(text),
        None => out.nil(),
    }
}

fn maybe(from: &mut Reader<'_>) -> PyResult<Option<String>> {
    if from.skip_nil() {
        return Ok(None);
    }
    Ok(Some(from.text()?.to_owned()))
}

fn texts(out: &mut Writer, all: &[String]) {
    out.array(all.len());
    all.iter().for_each(|text| out.text(text));
}

fn all_texts(from: &mut Reader<'_>) -> PyResult<Vec<String>> {
    let length = from.array()?;
    (0..length).map(|_| Ok(from.text()?.to_owned())).collect()
}

fn floats(out: &mut Writer, all: &[f64]) {
    out.array(all.len());
    all.iter().for_each(|&value| out.float(value));
}

fn all_floats(from: &mut Reader<'_>, out: &mut [f64]) -> PyResult<()> {
    expect(from.array()?, out.len())?;
    out.iter_mut().try_for_each(|value| {
        *value = from.float()?;
        Ok(())
    })
}

fn some_floats(from: &mut Reader<'_>) -> PyResult<Vec<f64>> {
    let length = from.array()?;
    (0..length).map(|_| from.float()).collect()
}

fn numbers(out: &mut Writer, all: &[i64]) {
    out.array(all.len());
    all.iter().for_each(|&value| out.signed(value));
}

fn all_numbers(from: &mut Reader<'_>, out: &mut [i64]) -> PyResult<()> {
    expect(from.array()?, out.len())?;
    out.iter_mut().try_for_each(|value| {
        *value = from.signed()?;
        Ok(())
    })
}

/// An error unless a part has the expected length.
pub fn expect(length: usize, expected: usize) -> PyResult<()> {
    if length == expected {
        return Ok(());
    }
    Err(PyValueError::new_err(format!("profile has {length} parts, expected {expected}")))
}
