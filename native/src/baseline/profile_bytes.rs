//! A profile to and from bytes; `models.baseline.profile`.

use crate::baseline::open_day::{OpenDay, SlowChange};
use crate::baseline::profile::{Profile, Sums};
use crate::baseline::session::state_error;
use crate::calibration::day_maxima::DayMaxima;
use crate::calibration::novelty_rates::Reaches;
use crate::codec::bitpacking::{BitReader, BitWriter};
use crate::codec::compact_reader::{Read, Reader};
use crate::codec::compact_writer::Writer;
use crate::features::plan::Plan;
use crate::plan_json::wrong;
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Profile {
    /// The bytes that the reference stores.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Writer::compact(vec![self.plan.constants.profile_version as u8]);
        out.array(22);
        out.text(&self.role);
        out.unsigned(self.mark);
        out.signed(self.first_us);
        out.signed(self.last_us - self.first_us);
        for number in [self.deployed_us, self.events, self.opened, self.learn_until, self.utc_hour]
        {
            out.signed(number);
        }
        match &self.published {
            Some((score, lower, level, gate, state)) => {
                out.array(5);
                out.signed(*score);
                out.signed(*lower);
                [level, gate, state].into_iter().for_each(|text| out.text(text));
            }
            None => out.nil(),
        }
        out.array(self.versions.len());
        self.versions.iter().for_each(|version| out.text(version));
        match &self.announced {
            Some(announced) => out.text(announced),
            None => out.nil(),
        }
        self.write_known(&mut out);
        out.map(self.held.len());
        for (&low, days) in &self.held {
            out.unsigned(u64::from(low));
            write_days(&mut out, days);
        }
        self.rates.write_packed(&mut out);
        self.amounts.write_packed(&mut out);
        self.maxima.write_packed(&mut out);
        out.map(self.open_days.len());
        for (&day, open) in &self.open_days {
            out.signed(day);
            open.write(&mut out);
        }
        self.slow.write(&mut out);
        write_uses(&mut out, &self.locations);
        out.map(self.credentials.len());
        for (&mark, uses) in &self.credentials {
            out.unsigned(mark);
            write_uses(&mut out, uses);
        }
        out.map(self.sole.len());
        for (&mark, days) in &self.sole {
            out.unsigned(mark);
            write_days(&mut out, days);
        }
        out.out
    }

    fn write_known(&self, out: &mut Writer) {
        let mut blocks: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        self.known.iter().for_each(|(&low, &block)| blocks.entry(block).or_default().push(low));
        out.array(3 * blocks.len());
        for (block, mut words) in blocks {
            words.sort_unstable();
            out.signed(block);
            out.unsigned(words.len() as u64);
            let mut raw = Vec::new();
            let mut bits = BitWriter::new(&mut raw);
            bits.words(&words);
            bits.end();
            out.bytes(&raw);
        }
    }

    /// Read a profile; an error where the bytes are malformed or of another version.
    pub fn load(
        py: Python<'_>,
        plan: Arc<Plan>,
        raw: &[u8],
        agent_id: String,
        mode: String,
    ) -> PyResult<Profile> {
        let id = agent_id.clone();
        Profile::read(plan, raw, agent_id, mode).map_err(|error| {
            let name = pyo3::types::PyString::new(py, &id).repr();
            let name = name.map(|name| name.to_string()).unwrap_or(id);
            let why = error.value(py);
            state_error(py, &format!("profile of agent {name} cannot be read: {why}"))
        })
    }

    fn read(plan: Arc<Plan>, raw: &[u8], agent_id: String, mode: String) -> Read<Profile> {
        let half_life = plan.constants.half_life_days;
        let mut found = Profile::new(plan, agent_id, mode);
        let mut from = Reader::compact(raw, 1);
        let parts = from.array()?;
        if parts != 22 {
            return Err(wrong(&format!("{parts} parts, expected 22")));
        }
        found.role = from.text()?.to_owned();
        found.mark = from.unsigned()?;
        found.first_us = from.signed()?;
        found.last_us = found.first_us + from.signed()?;
        found.deployed_us = from.signed()?;
        found.events = from.signed()?;
        found.opened = from.signed()?;
        found.learn_until = from.signed()?;
        found.utc_hour = from.signed()?;
        if !from.skip_nil() {
            from.array()?;
            let (score, lower) = (from.signed()?, from.signed()?);
            let mut text = || from.text().map(str::to_owned);
            found.published = Some((score, lower, text()?, text()?, text()?));
        }
        for _ in 0..from.array()? {
            found.versions.push(from.text()?.to_owned());
        }
        found.announced = if from.skip_nil() { None } else { Some(from.text()?.to_owned()) };
        for _ in 0..from.array()? / 3 {
            let (block, number) = (from.signed()?, from.unsigned()?);
            let mut bits = BitReader::new(from.bytes()?);
            let words = bits.words(number as usize).filter(|_| bits.ended());
            let words = words.ok_or_else(|| wrong("known values end too late"))?;
            found.known.extend(words.into_iter().map(|low| (low, block)));
        }
        for _ in 0..from.map()? {
            let low = from.unsigned()? as u32;
            found.held.insert(low, read_days(&mut from)?);
        }
        found.rates = Reaches::read_packed(&mut from, half_life)?;
        found.amounts = Sums::read_packed(&mut from, half_life)?;
        found.maxima = DayMaxima::read_packed(&mut from, half_life)?;
        for _ in 0..from.map()? {
            let day = from.signed()?;
            found.open_days.insert(day, OpenDay::read(&mut from)?);
        }
        found.slow = SlowChange::read(&mut from)?;
        found.locations = read_uses(&mut from)?;
        for _ in 0..from.map()? {
            let mark = from.unsigned()?;
            found.credentials.insert(mark, read_uses(&mut from)?);
        }
        for _ in 0..from.map()? {
            let mark = from.unsigned()?;
            found.sole.insert(mark, read_days(&mut from)?);
        }
        from.end()?;
        Ok(found)
    }
}

fn write_days(out: &mut Writer, days: &[i64]) {
    out.array(days.len());
    days.iter().for_each(|&day| out.signed(day));
}

fn read_days(from: &mut Reader<'_>) -> Read<Vec<i64>> {
    (0..from.array()?).map(|_| from.signed()).collect()
}

fn write_uses(out: &mut Writer, uses: &BTreeMap<String, i64>) {
    out.map(uses.len());
    for (location, &at) in uses {
        out.text(location);
        out.signed(at);
    }
}

fn read_uses(from: &mut Reader<'_>) -> Read<BTreeMap<String, i64>> {
    let mut uses = BTreeMap::new();
    for _ in 0..from.map()? {
        let location = from.text()?.to_owned();
        uses.insert(location, from.signed()?);
    }
    Ok(uses)
}
