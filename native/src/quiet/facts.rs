//! The plain part of a profile; `models.profile.Facts` and `models.watch.state.Watch`.

use super::counting::COUNTS;
use super::mixture::Mixture;
use crate::pack::{Reader, Writer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

pub const QUANTITIES: usize = 4;
const FACTS: usize = 25;
const WATCH: usize = 19;
const MOST_CREDENTIALS: usize = 16;
const MOST_VERSIONS: usize = 16;

/// What the detectors remember of one agent in one mode.
#[derive(Clone, Default)]
pub struct Watch {
    pub session: i64,
    pub before: String,
    pub disorder: f64,
    pub windows: [i64; 3],
    pub weights: [f64; 3],
    pub counts: [i64; COUNTS],
    pub rates: [f64; COUNTS],
    pub seen: Vec<i64>,
    pub out_day: i64,
    pub out_sum: i64,
    pub leaning: f64,
    pub evidence: f64,
    pub mixture: Mixture,
    pub anchored: i64,
    pub strayed: i64,
    pub shifted: String,
    definitions: Vec<u8>,
    pub hasty: i64,
    pub added: Vec<String>,
}

/// Where and when a credential was last used.
#[derive(Clone)]
pub struct CredentialUse {
    pub id: String,
    pub place: String,
    pub time_us: i64,
}

/// What was published of an agent's trust.
pub type Shown = (i64, i64, String, String, String);

/// The plain part of a profile.
#[derive(Clone, Default)]
pub struct Facts {
    pub agent_id: String,
    pub mode: String,
    pub role: String,
    version: Option<String>,
    first_us: i64,
    pub last_us: i64,
    pub events: i64,
    pub opened: i64,
    pub learn_until: i64,
    pub per_day: f64,
    pub day_events: i64,
    pub utc_hour: i64,
    pub day_bits: f64,
    pub day_learned: i64,
    daily: Vec<u8>,
    pub hour: i64,
    pub sums: [i64; QUANTITIES],
    pub credentials: Vec<CredentialUse>,
    pub versions: Vec<String>,
    pub announced: Option<String>,
    waiting: Vec<u8>,
    pub voted: bool,
    pub vote_version: i64,
    drifted_us: i64,
    pub published: Option<Shown>,
    pub watch: Watch,
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

impl Facts {
    pub fn state(&self) -> State {
        if self.opened > self.learn_until {
            State::Active
        } else if self.voted {
            State::Relearning
        } else {
            State::Learning
        }
    }

    /// Remember where a credential was used; the longest unused goes where there are too many.
    pub fn note_credential(&mut self, id: &str, place: String, time_us: i64) {
        if let Some(known) = self.credentials.iter_mut().find(|known| known.id == id) {
            (known.place, known.time_us) = (place, time_us);
        } else {
            self.credentials.push(CredentialUse { id: id.to_owned(), place, time_us });
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
        if !self.versions.iter().any(|known| known == version) {
            self.versions.push(version.to_owned());
            let over = self.versions.len().saturating_sub(MOST_VERSIONS);
            self.versions.drain(..over);
        }
    }

    pub fn write(&self, out: &mut Writer) {
        out.array(FACTS + 1);
        out.text(&self.agent_id);
        out.text(&self.mode);
        out.text(&self.role);
        optional(out, self.version.as_deref());
        for number in [self.first_us, self.last_us, self.events, self.opened, self.learn_until] {
            out.signed(number);
        }
        out.float(self.per_day);
        out.signed(self.day_events);
        out.signed(self.utc_hour);
        out.float(self.day_bits);
        out.signed(self.day_learned);
        out.out.extend(&self.daily);
        out.signed(self.hour);
        out.array(QUANTITIES);
        self.sums.iter().for_each(|&sum| out.signed(sum));
        out.map(self.credentials.len());
        for one in &self.credentials {
            out.text(&one.id);
            out.array(2);
            out.text(&one.place);
            out.signed(one.time_us);
        }
        texts(out, &self.versions);
        optional(out, self.announced.as_deref());
        out.out.extend(&self.waiting);
        out.boolean(self.voted);
        out.signed(self.vote_version);
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
        self.watch.write(out);
    }

    pub fn read(from: &mut Reader<'_>) -> PyResult<Self> {
        expect(from.array()?, FACTS + 1)?;
        let mut facts = Facts {
            agent_id: from.text()?.to_owned(),
            mode: from.text()?.to_owned(),
            role: from.text()?.to_owned(),
            version: maybe(from)?,
            first_us: from.signed()?,
            last_us: from.signed()?,
            events: from.signed()?,
            opened: from.signed()?,
            learn_until: from.signed()?,
            per_day: from.float()?,
            day_events: from.signed()?,
            utc_hour: from.signed()?,
            day_bits: from.float()?,
            day_learned: from.signed()?,
            daily: from.whole()?.to_vec(),
            hour: from.signed()?,
            ..Facts::default()
        };
        numbers(from, &mut facts.sums)?;
        for _ in 0..from.map()? {
            let id = from.text()?.to_owned();
            expect(from.array()?, 2)?;
            let (place, time_us) = (from.text()?.to_owned(), from.signed()?);
            facts.credentials.push(CredentialUse { id, place, time_us });
        }
        facts.versions = all_texts(from)?;
        facts.announced = maybe(from)?;
        facts.waiting = from.whole()?.to_vec();
        facts.voted = from.boolean()?;
        facts.vote_version = from.signed()?;
        facts.drifted_us = from.signed()?;
        if !from.skip_nil() {
            expect(from.array()?, 5)?;
            let (score, lower) = (from.signed()?, from.signed()?);
            let mut text = || -> PyResult<String> { Ok(from.text()?.to_owned()) };
            facts.published = Some((score, lower, text()?, text()?, text()?));
        }
        facts.watch = Watch::read(from)?;
        Ok(facts)
    }
}

impl Watch {
    fn write(&self, out: &mut Writer) {
        out.array(WATCH);
        out.signed(self.session);
        out.text(&self.before);
        out.float(self.disorder);
        out.array(self.windows.len());
        self.windows.iter().for_each(|&window| out.signed(window));
        floats(out, &self.weights);
        out.array(COUNTS);
        self.counts.iter().for_each(|&count| out.signed(count));
        floats(out, &self.rates);
        out.array(self.seen.len());
        self.seen.iter().for_each(|&mark| out.signed(mark));
        out.signed(self.out_day);
        out.signed(self.out_sum);
        out.float(self.leaning);
        out.float(self.evidence);
        out.map(self.mixture.len());
        for (mark, row) in &self.mixture {
            out.signed(*mark);
            out.array(row.len());
            row.iter().for_each(|&count| out.signed(count));
        }
        out.signed(self.anchored);
        out.signed(self.strayed);
        out.text(&self.shifted);
        out.out.extend(&self.definitions);
        out.signed(self.hasty);
        texts(out, &self.added);
    }

    fn read(from: &mut Reader<'_>) -> PyResult<Self> {
        expect(from.array()?, WATCH)?;
        let mut watch = Watch {
            session: from.signed()?,
            before: from.text()?.to_owned(),
            disorder: from.float()?,
            ..Watch::default()
        };
        numbers(from, &mut watch.windows)?;
        all_floats(from, &mut watch.weights)?;
        numbers(from, &mut watch.counts)?;
        all_floats(from, &mut watch.rates)?;
        for _ in 0..from.array()? {
            watch.seen.push(from.signed()?);
        }
        watch.out_day = from.signed()?;
        watch.out_sum = from.signed()?;
        watch.leaning = from.float()?;
        watch.evidence = from.float()?;
        for _ in 0..from.map()? {
            let (mark, mut row) = (from.signed()?, [0; 4]);
            numbers(from, &mut row)?;
            watch.mixture.push((mark, row));
        }
        watch.anchored = from.signed()?;
        watch.strayed = from.signed()?;
        watch.shifted = from.text()?.to_owned();
        watch.definitions = from.whole()?.to_vec();
        watch.hasty = from.signed()?;
        watch.added = all_texts(from)?;
        Ok(watch)
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

fn numbers(from: &mut Reader<'_>, out: &mut [i64]) -> PyResult<()> {
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
