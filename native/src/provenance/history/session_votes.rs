//! What sessions said of how usual news is, by the value that made them unusual;
//!.

use crate::codec::compact_reader::Reader;
use crate::codec::compact_writer::Writer;
use crate::provenance::session_uses::{exactly, Vote};
use pyo3::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

const MOST_DOUBTED: usize = 256;
const MOST_OF_ONE: usize = 32;

/// The votes of one session.
pub struct Ballot {
    /// On which they were cast.
    pub day: i64,
    /// Of a vote: below 1 while the role is young.
    pub weight: f64,
    pub votes: Vec<Vote>,
}

impl Ballot {
    pub fn write(&self, out: &mut Writer) {
        out.array(3);
        out.signed(self.day);
        out.float(self.weight);
        out.array(self.votes.len());
        self.votes.iter().for_each(|vote| vote.write(out));
    }

    pub fn read(from: &mut Reader<'_>) -> PyResult<Self> {
        exactly(from.array()?, 3)?;
        let (day, weight) = (from.signed()?, from.float()?);
        let votes = (0..from.array()?).map(|_| Vote::read(from)).collect::<PyResult<_>>()?;
        Ok(Ballot { day, weight, votes })
    }
}

/// Ballots by the value that made their sessions unusual; notes which of them changed.
#[derive(Default)]
pub struct Ballots {
    kept: FxHashMap<u64, Vec<Ballot>>,
    changed: FxHashSet<u64>,
}

impl Ballots {
    /// Adds one; bounded, those of the values that came up longest ago go first.
    pub fn keep(&mut self, value: u64, ballot: Ballot) {
        let kept = self.kept.entry(value).or_default();
        kept.push(ballot);
        kept.drain(..kept.len().saturating_sub(MOST_OF_ONE));
        self.changed.insert(value);
        if self.kept.len() > MOST_DOUBTED {
            let last = |ballots: &Vec<Ballot>| ballots.last().map_or(i64::MIN, |one| one.day);
            let each = self.kept.iter();
            let mut order: Vec<(i64, u64)> = each.map(|(&value, b)| (last(b), value)).collect();
            order.sort_unstable();
            for &(_, value) in &order[..MOST_DOUBTED / 4] {
                self.take(value);
            }
        }
    }

    /// Takes out those of a value.
    pub fn take(&mut self, value: u64) -> Vec<Ballot> {
        let found = self.kept.remove(&value);
        if found.is_some() {
            self.changed.insert(value);
        }
        found.unwrap_or_default()
    }

    /// The values in order.
    pub fn values(&self) -> Vec<u64> {
        in_order(self.kept.keys())
    }

    /// Writes those that changed, or all; of a value that is gone, none.
    pub fn write(&self, out: &mut Writer, whole: bool) {
        let values = if whole { self.values() } else { in_order(self.changed.iter()) };
        out.array(values.len());
        for value in values {
            out.array(2);
            out.unsigned(value);
            let ballots = self.kept.get(&value).map_or(&[][..], Vec::as_slice);
            out.array(ballots.len());
            ballots.iter().for_each(|ballot| ballot.write(out));
        }
    }

    /// Takes in what `write` wrote.
    pub fn read(&mut self, from: &mut Reader<'_>) -> PyResult<()> {
        for _ in 0..from.array()? {
            exactly(from.array()?, 2)?;
            let value = from.unsigned()?;
            let ballots: Vec<Ballot> =
                (0..from.array()?).map(|_| Ballot::read(from)).collect::<PyResult<_>>()?;
            self.kept.remove(&value);
            if !ballots.is_empty() {
                self.kept.insert(value, ballots);
            }
        }
        Ok(())
    }

    /// Notes that everything is stored.
    pub fn stored(&mut self) {
        self.changed.clear();
    }
}

fn in_order<'a>(values: impl Iterator<Item = &'a u64>) -> Vec<u64> {
    let mut values: Vec<u64> = values.copied().collect();
    values.sort_unstable();
    values
}
