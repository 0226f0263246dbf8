//! How the plain part of a profile is stored: part of `models.baseline.profile`.

use crate::baseline::profile::{expect, CredentialUse, Facts, Now};
use crate::codec::compact_reader::Reader;
use crate::codec::compact_writer::Writer;
use crate::watch::sizes::ROW;
use crate::watch::{counting, week};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

const FACTS: usize = 23;
const WATCH: usize = 30;

impl Facts {
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
        out.signed(now.hour);
        numbers(out, &now.sums);
        out.map(self.credentials.len());
        for one in &self.credentials {
            out.text(&one.id);
            out.array(2);
            out.text(&one.location);
            out.signed(one.time_us);
        }
        texts(out, &self.versions);
        optional(out, self.announced.as_deref());
        out.value(&self.waiting)?;
        out.boolean(now.voted);
        out.signed(now.vote_version);
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
        out.signed(self.contributed_us);
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
                ..Now::default()
            },
            ..Facts::default()
        };
        facts.now.hour = from.signed()?;
        all_numbers(from, &mut facts.now.sums)?;
        for _ in 0..from.map()? {
            let id = from.text()?.to_owned();
            expect(from.array()?, 2)?;
            let (location, time_us) = (from.text()?.to_owned(), from.signed()?);
            facts.credentials.push(CredentialUse { id, location, time_us });
        }
        facts.versions = all_texts(from)?;
        facts.announced = maybe(from)?;
        facts.waiting = from.value()?;
        facts.now.voted = from.boolean()?;
        facts.now.vote_version = from.signed()?;
        if !from.skip_nil() {
            expect(from.array()?, 5)?;
            let (score, lower) = (from.signed()?, from.signed()?);
            let mut text = || -> PyResult<String> { Ok(from.text()?.to_owned()) };
            facts.published = Some((score, lower, text()?, text()?, text()?));
        }
        facts.read_watch(from)?;
        facts.contributed_us = from.signed()?;
        Ok(facts)
    }

    fn read_watch(&mut self, from: &mut Reader<'_>) -> PyResult<()> {
        expect(from.array()?, WATCH)?;
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
        now.spent = from.float()?;
        for _ in 0..from.map()? {
            let (feature, bits) = (from.signed()? as usize, from.float()?);
            *now.tops.get_mut(feature).ok_or_else(|| PyValueError::new_err("feature"))? = bits;
        }
        now.kept = from.float()?;
        self.week = week::read(from)?;
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
