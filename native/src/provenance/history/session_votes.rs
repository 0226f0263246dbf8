//! The votes of anomalous sessions, retained by the value that made them anomalous.

use crate::codec::compact_reader::Reader;
use crate::codec::compact_writer::Writer;
use crate::provenance::session_uses::{exactly, Vote};
use pyo3::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

const MAX_RETAINED_VALUES: usize = 256;
const MAX_VOTES_OF_VALUE: usize = 32;

/// The votes of one session.
pub struct SessionVotes {
    /// Day of the votes, counted from 1970.
    pub day: i64,
    /// Weight of each vote, 0 .. 1; below 1 while the role has few sessions.
    pub weight: f64,
    pub votes: Vec<Vote>,
}

impl SessionVotes {
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
        Ok(SessionVotes { day, weight, votes })
    }
}

/// Votes of sessions by value, with the set of changed values; a table of bounded size.
#[derive(Default)]
pub struct RetainedVotes {
    kept: FxHashMap<u64, Vec<SessionVotes>>,
    changed: FxHashSet<u64>,
}

impl RetainedVotes {
    /// Adds the votes of a session; evicts the values with the oldest votes.
    pub fn keep(&mut self, value: u64, session_votes: SessionVotes) {
        let kept = self.kept.entry(value).or_default();
        kept.push(session_votes);
        kept.drain(..kept.len().saturating_sub(MAX_VOTES_OF_VALUE));
        self.changed.insert(value);
        if self.kept.len() > MAX_RETAINED_VALUES {
            let last = |retained_votes: &Vec<SessionVotes>| {
                retained_votes.last().map_or(i64::MIN, |one| one.day)
            };
            let each = self.kept.iter();
            let mut order: Vec<(i64, u64)> = each.map(|(&value, b)| (last(b), value)).collect();
            order.sort_unstable();
            for &(_, value) in &order[..MAX_RETAINED_VALUES / 4] {
                self.take(value);
            }
        }
    }

    /// Removes and gives the votes of a value.
    pub fn take(&mut self, value: u64) -> Vec<SessionVotes> {
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

    /// Writes the changed values, or all; a removed value has no votes.
    pub fn write(&self, out: &mut Writer, whole: bool) {
        let values = if whole { self.values() } else { in_order(self.changed.iter()) };
        out.array(values.len());
        for value in values {
            out.array(2);
            out.unsigned(value);
            let retained_votes = self.kept.get(&value).map_or(&[][..], Vec::as_slice);
            out.array(retained_votes.len());
            retained_votes.iter().for_each(|session_votes| session_votes.write(out));
        }
    }

    /// Reads the bytes of `write`.
    pub fn read(&mut self, from: &mut Reader<'_>) -> PyResult<()> {
        for _ in 0..from.array()? {
            exactly(from.array()?, 2)?;
            let value = from.unsigned()?;
            let retained_votes: Vec<SessionVotes> =
                (0..from.array()?).map(|_| SessionVotes::read(from)).collect::<PyResult<_>>()?;
            self.kept.remove(&value);
            if !retained_votes.is_empty() {
                self.kept.insert(value, retained_votes);
            }
        }
        Ok(())
    }

    /// Marks all data as stored.
    pub fn stored(&mut self) {
        self.changed.clear();
    }
}

fn in_order<'a>(values: impl Iterator<Item = &'a u64>) -> Vec<u64> {
    let mut values: Vec<u64> = values.copied().collect();
    values.sort_unstable();
    values
}
