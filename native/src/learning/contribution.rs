//! What one shard adds to a snapshot, and the parts of it as bytes;
//! `models.learning.shared.Contribution`.

use crate::baseline::profile::Sums;
use crate::calibration::novelty_rates::Reaches;
use crate::calibration::rate_tables::RateTables;
use crate::codec::compact_reader::{Read, Reader};
use crate::codec::compact_writer::Writer;
use crate::detectors::relations::Report;
use crate::detectors::spread::Young;
use crate::detectors::traces::Trace;
use crate::plan_json::{wrong, Constants};
use std::collections::{BTreeMap, BTreeSet};

/// Day since 1970, and marks of the agents that acted.
pub type Active = BTreeMap<i64, BTreeSet<u64>>;

const PARTS: usize = 9;

/// Sums and sets, so that their order does not matter.
pub struct Contribution {
    pub rates: RateTables,
    pub combined: RateTables,
    pub novelty: Reaches,
    pub amounts: Sums,
    pub known: BTreeSet<(u64, u64)>,
    pub spread: BTreeMap<u64, Young>,
    pub reports: BTreeMap<u64, Report>,
    pub traces: BTreeMap<u64, Trace>,
    pub active: Active,
}

impl Contribution {
    pub fn write(&self, out: &mut Writer) {
        out.array(PARTS);
        self.rates.write(out);
        self.combined.write(out);
        self.novelty.write(out);
        self.amounts.write(out);
        out.array(self.known.len());
        for &(value, agent) in &self.known {
            out.array(2);
            out.unsigned(value);
            out.unsigned(agent);
        }
        write_young(out, &self.spread);
        out.map(self.reports.len());
        for (&mark, report) in &self.reports {
            out.unsigned(mark);
            write_report(out, report);
        }
        write_traces(out, &self.traces);
        write_active(out, &self.active);
    }

    pub fn read(raw: &[u8], constants: &Constants) -> Read<Contribution> {
        let half_life = constants.half_life_days;
        let mut from = Reader::new(raw);
        let parts = from.array()?;
        if parts != PARTS {
            return Err(wrong(&format!("contribution has {parts} parts, expected {PARTS}")));
        }
        let found = Contribution {
            rates: RateTables::read(&mut from, half_life)?,
            combined: RateTables::read(&mut from, constants.combined_days)?,
            novelty: Reaches::read(&mut from, half_life)?,
            amounts: Sums::read(&mut from, half_life)?,
            known: read_pairs(&mut from)?,
            spread: read_young(&mut from)?,
            reports: read_reports(&mut from)?,
            traces: read_traces(&mut from)?,
            active: read_active(&mut from)?,
        };
        from.end()?;
        Ok(found)
    }
}

fn read_pairs(from: &mut Reader<'_>) -> Read<BTreeSet<(u64, u64)>> {
    let mut all = BTreeSet::new();
    for _ in 0..from.array()? {
        from.array()?;
        all.insert((from.unsigned()?, from.unsigned()?));
    }
    Ok(all)
}

pub fn write_numbers(out: &mut Writer, all: impl ExactSizeIterator<Item = u64>) {
    out.array(all.len());
    all.for_each(|one| out.unsigned(one));
}

pub fn read_numbers(from: &mut Reader<'_>) -> Read<Vec<u64>> {
    (0..from.array()?).map(|_| from.unsigned()).collect()
}

pub fn write_young(out: &mut Writer, all: &BTreeMap<u64, Young>) {
    out.map(all.len());
    for (&mark, young) in all {
        out.unsigned(mark);
        out.array(3);
        out.signed(young.first_us);
        write_numbers(out, young.roles.iter().copied());
        write_numbers(out, [young.keys.0, young.keys.1].into_iter());
    }
}

pub fn read_young(from: &mut Reader<'_>) -> Read<BTreeMap<u64, Young>> {
    let mut all = BTreeMap::new();
    for _ in 0..from.map()? {
        let mark = from.unsigned()?;
        from.array()?;
        let (first_us, roles) = (from.signed()?, read_numbers(from)?);
        from.array()?;
        let keys = (from.unsigned()?, from.unsigned()?);
        all.insert(mark, Young { first_us, roles, keys });
    }
    Ok(all)
}

pub fn write_report(out: &mut Writer, report: &Report) {
    out.array(2);
    out.signed(report.last_us);
    out.signed(report.sessions);
}

pub fn read_report(from: &mut Reader<'_>) -> Read<Report> {
    from.array()?;
    Ok(Report { last_us: from.signed()?, sessions: from.signed()? })
}

fn read_reports(from: &mut Reader<'_>) -> Read<BTreeMap<u64, Report>> {
    let mut all = BTreeMap::new();
    for _ in 0..from.map()? {
        let mark = from.unsigned()?;
        all.insert(mark, read_report(from)?);
    }
    Ok(all)
}

pub fn write_traces(out: &mut Writer, all: &BTreeMap<u64, Trace>) {
    out.map(all.len());
    for (&mark, trace) in all {
        out.unsigned(mark);
        out.array(2);
        out.signed(trace.last_us);
        write_numbers(out, trace.agents.iter().copied());
    }
}

pub fn read_traces(from: &mut Reader<'_>) -> Read<BTreeMap<u64, Trace>> {
    let mut all = BTreeMap::new();
    for _ in 0..from.map()? {
        let mark = from.unsigned()?;
        from.array()?;
        all.insert(mark, Trace { last_us: from.signed()?, agents: read_numbers(from)? });
    }
    Ok(all)
}

pub fn write_active(out: &mut Writer, all: &Active) {
    out.map(all.len());
    for (&day, who) in all {
        out.signed(day);
        write_numbers(out, who.iter().copied());
    }
}

pub fn read_active(from: &mut Reader<'_>) -> Read<Active> {
    let mut all = Active::new();
    for _ in 0..from.map()? {
        let day = from.signed()?;
        all.insert(day, read_numbers(from)?.into_iter().collect());
    }
    Ok(all)
}
