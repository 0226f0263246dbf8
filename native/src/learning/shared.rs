//! What the agents share, published in snapshots that several shards build alike;
//! `models.learning.shared`.

use crate::calibration::fading::FadingCounts;
use crate::calibration::novelty_rates::NoveltyRates;
use crate::calibration::rate_tables::RateTables;
use crate::calibration::rates::Rates;
use crate::codec::compact_reader::{Read, Reader};
use crate::codec::compact_writer::Writer;
use crate::detectors::amounts::Amounts;
use crate::detectors::relations::{self, Relations};
use crate::detectors::spread::Spread;
use crate::detectors::traces::{self, Traces};
use crate::float_sums::larger;
use crate::learning::change_log::{KeyedTable, Parts};
use crate::learning::contribution::{
    read_active, read_numbers, read_report, read_traces, read_young, write_active, write_traces,
    write_young, Active, Contribution,
};
use crate::learning::rows::{merge, read_counts};
use crate::peers::knowledge::SharedKnowledge;
use crate::plan_json::Constants;
use crate::units::DAY_US;
use std::collections::BTreeSet;
use std::slice::from_ref;

const HEAD: &str = "head";
const RATES: &str = "day_rates";
const PENDING: &str = "pending";

/// Where the stream is.
#[derive(Clone, Copy, Default)]
pub struct HeadState {
    pub watermark_us: i64,
    pub published_us: i64,
    pub version: i64,
}

/// Published tables, and what waits for the next snapshot.
pub struct SharedBehaviour {
    pub rates: Rates,
    pub combined: Rates,
    pub knowledge: SharedKnowledge,
    pub novelty: NoveltyRates,
    pub amounts: Amounts,
    pub spread: Spread,
    pub relations: Relations,
    pub traces: Traces,
    cases_per_day: f64,
    active: Active,
    pending_active: Active,
    changed: bool,
    written_pending: Vec<u8>,
    known: KeyedTable,
    of_novelty: KeyedTable,
    of_amounts: KeyedTable,
    reports: KeyedTable,
}

impl SharedBehaviour {
    pub fn new(
        constants: &Constants,
        series: &[crate::plan_json::SeriesRow],
        combination: &crate::plan_json::SeriesRow,
        cases_per_day: f64,
    ) -> Self {
        let half_life = constants.half_life_days;
        SharedBehaviour {
            rates: Rates::new(constants, series, half_life),
            combined: Rates::new(constants, from_ref(combination), constants.combined_days),
            knowledge: SharedKnowledge::new(constants.max_knowers),
            novelty: NoveltyRates::new(half_life),
            amounts: Amounts::new(half_life),
            spread: Spread::new(half_life),
            relations: Relations::default(),
            traces: Traces::default(),
            cases_per_day,
            active: Active::new(),
            pending_active: Active::new(),
            changed: false,
            written_pending: Vec::new(),
            known: KeyedTable::new("known"),
            of_novelty: KeyedTable::new("novelty"),
            of_amounts: KeyedTable::new("amounts"),
            reports: KeyedTable::new("reports"),
        }
    }

    /// Whether any day is known, so that return periods mean something.
    pub fn calibrated(&self) -> bool {
        self.combined.tables.any()
    }

    /// Whether enough days are known to tell a rare session from a new fleet.
    pub fn knows_rarity(&self, constants: &Constants) -> bool {
        self.combined.known_days() as f64 >= constants.noted_after_days
    }

    pub fn note_active(&mut self, day: i64, agent: u64) {
        self.pending_active.entry(day).or_default().insert(agent);
    }

    /// The mean number of agents that acted on one of the last days on which anybody did; today's
    /// where they are more, and without past days all days that are known.
    pub fn active_agents(&self, constants: &Constants, today: i64) -> f64 {
        let mean_until = |end: i64| {
            let past = self.active.range(..end).rev().take(constants.active_days);
            let add = |(days, sum), (_, who): (&i64, &BTreeSet<u64>)| (days + 1, sum + who.len());
            let (days, agents) = past.fold((0, 0), add);
            Some(agents as f64 / f64::from(days)).filter(|_| days != 0)
        };
        let mean = mean_until(today).or_else(|| mean_until(i64::MAX)).unwrap_or(0.0);
        let now = self.active.get(&today).map_or(0, BTreeSet::len);
        larger(larger(1.0, mean), now as f64)
    }

    /// The days with activity after a day, up to another one, which counts as active.
    pub fn active_days(&self, after: i64, until: i64) -> i64 {
        if until <= after {
            return 0;
        }
        1 + self.active.range(after + 1..until).count() as i64
    }

    /// Take what has waited since the last snapshot.
    pub fn take_waiting(&mut self, constants: &Constants) -> Contribution {
        let half_life = constants.half_life_days;
        let swap_tables = |tables: &mut RateTables, half_life| {
            std::mem::replace(tables, RateTables::new(half_life))
        };
        let novelty = &mut self.novelty.pending;
        let amounts = &mut self.amounts.pending;
        Contribution {
            rates: swap_tables(&mut self.rates.pending, half_life),
            combined: swap_tables(&mut self.combined.pending, constants.combined_days),
            novelty: std::mem::replace(novelty, FadingCounts::new(half_life)),
            amounts: std::mem::replace(amounts, FadingCounts::new(half_life)),
            known: std::mem::take(&mut self.knowledge.pending).into_iter().collect(),
            spread: std::mem::take(&mut self.spread.pending),
            reports: std::mem::take(&mut self.relations.pending),
            traces: std::mem::take(&mut self.traces.pending),
            active: std::mem::take(&mut self.pending_active),
        }
    }

    /// Set what waits for the next snapshot.
    pub fn wait(&mut self, found: Contribution) {
        (self.rates.pending, self.combined.pending) = (found.rates, found.combined);
        (self.novelty.pending, self.amounts.pending) = (found.novelty, found.amounts);
        self.knowledge.pending = found.known.into_iter().collect();
        (self.spread.pending, self.relations.pending) = (found.spread, found.reports);
        (self.traces.pending, self.pending_active) = (found.traces, found.active);
    }

    /// Make the contributions of all shards count, as of the watermark.
    pub fn publish(&mut self, constants: &Constants, head: &mut HeadState, all: &[Contribution]) {
        head.published_us = head.watermark_us;
        head.version += 1;
        let today = head.watermark_us.div_euclid(DAY_US);
        let mut rates = RateTables::new(constants.half_life_days);
        let mut combined = RateTables::new(constants.combined_days);
        let mut known: Vec<(u64, u64)> = Vec::new();
        for one in all {
            rates.merge(&one.rates);
            combined.merge(&one.combined);
            known.extend(&one.known);
            merge(&mut self.of_novelty, &mut self.novelty.counts, &one.novelty);
            merge(&mut self.of_amounts, &mut self.amounts.fleet, &one.amounts);
            if !one.amounts.cells.is_empty() {
                self.amounts.renew();
            }
            self.spread.apply(&one.spread);
            for (&mark, &value) in &one.reports {
                relations::join(&mut self.relations.reports, mark, value);
            }
            self.reports.changed.extend(one.reports.keys());
            for (&mark, value) in &one.traces {
                traces::join(&mut self.traces.open, mark, value, constants.max_agents);
            }
            for (&day, who) in &one.active {
                self.active.entry(day).or_default().extend(who);
            }
        }
        self.rates.apply(constants, &rates, today, constants.rare_bits);
        let clip_bits = self.clip_bits(constants, today);
        self.combined.apply(constants, &combined, today, clip_bits);
        if all.len() > 1 {
            known.sort_unstable();
            known.dedup();
        }
        self.known.changed.extend(self.knowledge.apply(known));
        self.spread.close(head.watermark_us);
        self.traces.close(head.watermark_us);
        while self.active.len() > 2 * constants.active_days {
            self.active.pop_first();
        }
        self.changed = true;
    }

    fn clip_bits(&self, constants: &Constants, today: i64) -> f64 {
        let rarity = (self.active_agents(constants, today) / self.cases_per_day).log2();
        larger(0.0, rarity) + constants.beyond_case_bits
    }

    /// Write what changed since the last call.
    pub fn dump(
        &mut self,
        constants: &Constants,
        head: HeadState,
        whole: bool,
    ) -> Vec<(String, Vec<u8>)> {
        let mut first = Writer::default();
        first.array(3);
        [head.watermark_us, head.published_us, head.version]
            .into_iter()
            .for_each(|number| first.signed(number));
        let mut out = vec![(HEAD.to_owned(), first.out)];
        let waiting = self.take_waiting(constants);
        let mut pending = Writer::default();
        waiting.write(&mut pending);
        self.wait(waiting);
        if whole || pending.out != self.written_pending {
            self.written_pending.clone_from(&pending.out);
            out.push((PENDING.to_owned(), pending.out));
        }
        if whole || self.changed {
            self.changed = false;
            let mut small = Writer::default();
            small.array(6);
            self.rates.tables.write(&mut small);
            self.combined.tables.write(&mut small);
            write_young(&mut small, &self.spread.young);
            self.spread.counts.write(&mut small);
            write_traces(&mut small, &self.traces.open);
            write_active(&mut small, &self.active);
            out.push((RATES.to_owned(), small.out));
        }
        out.extend(self.known.write(&self.knowledge, whole));
        out.extend(self.of_novelty.write(&self.novelty.counts, whole));
        out.extend(self.of_amounts.write(&self.amounts.fleet, whole));
        out.extend(self.reports.write(&self.relations, whole));
        out
    }

    /// Read what `dump` wrote.
    pub fn load(&mut self, constants: &Constants, head: &mut HeadState, parts: &Parts) -> Read<()> {
        if let Some(raw) = parts.get(HEAD) {
            let mut from = Reader::new(raw);
            from.array()?;
            head.watermark_us = from.signed()?;
            head.published_us = from.signed()?;
            head.version = from.signed()?;
            from.end()?;
        }
        let today = head.published_us.div_euclid(DAY_US);
        if let Some(raw) = parts.get(RATES) {
            let mut from = Reader::new(raw);
            from.array()?;
            let rates = RateTables::read(&mut from, constants.half_life_days)?;
            let combined = RateTables::read(&mut from, constants.combined_days)?;
            let young = read_young(&mut from)?;
            let counts = FadingCounts::read(&mut from, constants.half_life_days)?;
            self.spread.load(young, counts);
            self.traces.open = read_traces(&mut from)?;
            self.active = read_active(&mut from)?;
            from.end()?;
            self.rates.load(constants, rates, today, constants.rare_bits);
            let clip_bits = self.clip_bits(constants, today);
            self.combined.load(constants, combined, today, clip_bits);
        }
        if let Some(raw) = parts.get(PENDING) {
            self.wait(Contribution::read(raw, constants)?);
            self.written_pending.clone_from(raw);
        }
        self.load_tables(parts)
    }

    fn load_tables(&mut self, parts: &Parts) -> Read<()> {
        let mut knowers = rustc_hash::FxHashMap::default();
        let found = self.known.read(parts, |key, from| {
            match from {
                Some(from) => drop(knowers.insert(key, read_numbers(from)?)),
                None => drop(knowers.remove(&key)),
            }
            Ok(())
        })?;
        if found.is_some() {
            self.knowledge.knowers = knowers;
        }
        read_counts(&mut self.of_novelty, parts, &mut self.novelty.counts)?;
        read_counts(&mut self.of_amounts, parts, &mut self.amounts.fleet)?;
        self.amounts.renew();
        let mut reports = std::collections::BTreeMap::new();
        let found = self.reports.read(parts, |key, from| {
            match from {
                Some(from) => drop(reports.insert(key, read_report(from)?)),
                None => drop(reports.remove(&key)),
            }
            Ok(())
        })?;
        if found.is_some() {
            self.relations.reports = reports;
        }
        Ok(())
    }
}
