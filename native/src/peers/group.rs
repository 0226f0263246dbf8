//! One peer group, and the bytes of groups and of their waiting contributions.

use crate::baseline::frequency_bytes::{read_windows, write_windows};
use crate::calibration::score_window::Window;
use crate::codec::compact_reader::Reader;
use crate::codec::compact_writer::Writer;
use crate::features::FEATURES;
use crate::peers::counts::PeerCounts;
use crate::ranked::WINDOWS;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use rustc_hash::FxHashMap;

/// Flag of a node after a context: the votes for values that follow it; `models.peers.group`.
pub const AFTER: u32 = 1 << 31;
/// Votes after a context are dated to the first of so many days.
pub const VOTED_FOR_DAYS: i64 = 7;
const MAX_CONTEXTS: usize = 512;

/// Waiting scores of one statistic: times by bin, up to the last used one.
#[derive(Clone, Default)]
pub struct Cells(Vec<u32>);

impl Cells {
    /// Count a score on the grid, `times` over.
    #[inline]
    pub fn add(&mut self, cell: u16, times: u32) {
        let at = usize::from(cell);
        if at >= self.0.len() {
            self.0.resize(at + 1, 0);
        }
        self.0[at] += times;
    }

    /// Whether a score lies above a bin.
    pub fn beyond(&self, cell: u16) -> bool {
        self.0.len() > usize::from(cell) + 1
    }

    /// Bins with a score and how many, in order of the bins.
    pub fn each(&self) -> impl Iterator<Item = (u16, u32)> + '_ {
        self.beside(&[])
    }

    /// The same without earlier ones.
    fn beside<'a>(&'a self, before: &'a [u32]) -> impl Iterator<Item = (u16, u32)> + 'a {
        let known = before.iter().copied().chain(std::iter::repeat(0));
        let all = self.0.iter().zip(known).enumerate();
        let more = all.map(|(cell, (&times, known))| (cell as u16, times - known));
        more.filter(|&(_, times)| times != 0)
    }
}

/// Waiting scores by statistic. Their memory is reused.
pub struct Scores {
    pub cells: [Cells; WINDOWS],
    /// Whether there are any.
    any: bool,
    /// Whether some are not stored yet.
    unsaid: bool,
    /// The stored ones; empty without any.
    written: Option<Box<[Cells; WINDOWS]>>,
}

impl Scores {
    fn new() -> Self {
        let cells = std::array::from_fn(|_| Cells::default());
        Scores { cells, any: false, unsaid: false, written: None }
    }

    /// The cells, to add scores.
    pub fn entered(&mut self) -> &mut [Cells; WINDOWS] {
        (self.any, self.unsaid) = (true, true);
        &mut self.cells
    }

    /// Remove all. True if there were any.
    pub fn clear(&mut self) -> bool {
        self.cells.iter_mut().for_each(|cells| cells.0.clear());
        self.written = None;
        self.unsaid = false;
        std::mem::take(&mut self.any)
    }

    /// Note that all are stored.
    pub fn written(&mut self) {
        if std::mem::take(&mut self.unsaid) {
            match &mut self.written {
                Some(known) => {
                    known
                        .iter_mut()
                        .zip(&self.cells)
                        .for_each(|(old, new)| old.0.clone_from(&new.0));
                }
                None => self.written = Some(Box::new(self.cells.clone())),
            }
        }
    }

    /// Bins and counts by statistic: all, or the later ones. None without any.
    fn said(&self, since: bool) -> Option<Vec<Vec<(u16, u32)>>> {
        if !(if since { self.unsaid } else { self.any }) {
            return None;
        }
        let before = self.written.as_deref().filter(|_| since);
        let of = |at: usize| before.map_or(&[][..], |known| &known[at].0);
        let all: Vec<Vec<_>> = self
            .cells
            .iter()
            .enumerate()
            .map(|(at, cells)| cells.beside(of(at)).collect())
            .collect();
        let some = before.is_none() || all.iter().any(|cells| !cells.is_empty());
        some.then_some(all)
    }
}

/// One peer group, or the fleet.
pub struct Group {
    pub name: Box<str>,
    /// The group of the role in all its modes, for a group of one mode.
    pub above: Option<usize>,
    pub nodes: [Option<PeerCounts>; FEATURES],
    /// Votes after a context, by node.
    pub after: FxHashMap<u32, PeerCounts>,
    pub windows: [Window; WINDOWS],
    pub scores: Scores,
    pub changed: bool,
}

impl Group {
    pub fn new(name: &str, window: u64) -> Self {
        let windows = std::array::from_fn(|_| Window::new(window));
        Group {
            name: name.into(),
            above: None,
            nodes: Default::default(),
            after: FxHashMap::default(),
            windows,
            scores: Scores::new(),
            changed: false,
        }
    }

    /// The node of a vote. None where there are too many contexts.
    pub fn node_mut(&mut self, name: u32) -> Option<&mut PeerCounts> {
        if name < AFTER {
            return Some(self.nodes[name as usize].get_or_insert_with(PeerCounts::default));
        }
        let known = self.nodes.iter().flatten().count() + self.after.len();
        let context_node = name & !AFTER;
        if known >= MAX_CONTEXTS && !self.after.contains_key(&context_node) {
            return None;
        }
        Some(self.after.entry(context_node).or_default())
    }

    /// Decay every vote to a later day.
    pub fn roll(&mut self, weights: &[i64], day: i64) {
        self.nodes.iter_mut().flatten().for_each(|node| node.roll(weights, day));
        self.after.values_mut().for_each(|node| node.roll(weights, day));
        self.after.retain(|_, node| node.total() != 0);
    }

    pub fn write(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.array(2);
        out.array(self.nodes.iter().flatten().count() + self.after.len());
        for (index, node) in self.nodes.iter().enumerate() {
            let Some(node) = node else { continue };
            out.array(2);
            out.unsigned(index as u64);
            write_node(&mut out, node);
        }
        let mut after: Vec<_> = self.after.iter().collect();
        after.sort_unstable_by_key(|(context_node, _)| **context_node);
        for (&context_node, node) in after {
            out.array(2);
            out.unsigned(u64::from(AFTER | context_node));
            write_node(&mut out, node);
        }
        write_windows(&mut out, &self.windows);
        out.out
    }

    /// Become what `write` wrote, as of a day.
    pub fn read(&mut self, raw: &[u8], weights: &[i64], day: i64) -> PyResult<()> {
        let mut reader = Reader::new(raw);
        expect(reader.array()?, 2)?;
        let mut nodes: [Option<PeerCounts>; FEATURES] = Default::default();
        let mut after = FxHashMap::default();
        for _ in 0..reader.array()? {
            expect(reader.array()?, 2)?;
            let name = name_of(reader.unsigned()?)?;
            let mut node = read_node(&mut reader)?;
            node.roll(weights, day);
            if name < AFTER {
                nodes[name as usize] = Some(node);
            } else {
                after.insert(name & !AFTER, node);
            }
        }
        let windows = read_windows(&mut reader)?;
        reader.end()?;
        self.nodes = nodes;
        self.after = after;
        self.windows = windows;
        Ok(())
    }
}

fn write_node(out: &mut Writer, node: &PeerCounts) {
    let mut rows: Vec<_> = node.values.iter().collect();
    rows.sort_unstable_by_key(|(value, _)| **value);
    out.array(rows.len());
    for (&value, ballot) in rows {
        out.array(3);
        out.unsigned(u64::from(value));
        match &ballot.name {
            Some(name) => out.text(name),
            None => out.nil(),
        }
        out.array(2 * ballot.days.len());
        for &(day, number) in &ballot.days {
            out.signed(day);
            out.unsigned(u64::from(number));
        }
    }
}

fn read_node(reader: &mut Reader<'_>) -> PyResult<PeerCounts> {
    let mut node = PeerCounts::default();
    for _ in 0..reader.array()? {
        expect(reader.array()?, 3)?;
        let value = small(reader.unsigned()?)?;
        let name = if reader.skip_nil() { None } else { Some(reader.text()?) };
        let mut days = Vec::new();
        for _ in 0..reader.array()? / 2 {
            days.push((reader.signed()?, small(reader.unsigned()?)?));
        }
        days.sort_unstable();
        node.put(value, name, days);
    }
    Ok(node)
}

/// Write the waiting contributions: votes in stored form, and scores, all or the later ones.
pub fn write_pending(votes: (usize, &[u8]), groups: &[Group], size: u64, since: bool) -> Vec<u8> {
    let mut out = Writer::default();
    out.array(3);
    out.array(votes.0);
    out.out.extend(votes.1);
    let said = groups.iter().filter_map(|g| Some((&*g.name, g.scores.said(since)?)));
    let mut scores: Vec<_> = said.collect();
    scores.sort_unstable_by_key(|(name, _)| *name);
    out.array(scores.len());
    for (name, statistics) in scores {
        out.array(2);
        out.text(name);
        out.array(WINDOWS);
        for cells in statistics {
            out.array(2 * cells.len());
            for (cell, times) in cells {
                out.unsigned(u64::from(cell));
                out.unsigned(u64::from(times));
            }
        }
    }
    out.unsigned(size);
    out.out
}

/// A waiting vote.
pub struct Vote<'a> {
    pub group: &'a str,
    /// Index of a feature, or `AFTER` and a node after a context.
    pub node: u32,
    pub value: u32,
    pub name: &'a str,
    pub old: i64,
    pub new: i64,
}

pub fn read_vote<'a>(reader: &mut Reader<'a>) -> PyResult<Vote<'a>> {
    expect(reader.array()?, 6)?;
    Ok(Vote {
        group: reader.text()?,
        node: name_of(reader.unsigned()?)?,
        value: small(reader.unsigned()?)?,
        name: reader.text()?,
        old: reader.signed()?,
        new: reader.signed()?,
    })
}

pub fn expect(length: usize, expected: usize) -> PyResult<()> {
    if length == expected {
        return Ok(());
    }
    Err(PyValueError::new_err(format!("group has {length} parts, expected {expected}")))
}

/// Check the key of a node: the index of a feature, or `AFTER` and a node after a context.
pub fn name_of(name: u64) -> PyResult<u32> {
    match u32::try_from(name) {
        Ok(name) if name >= AFTER => Ok(name),
        _ => Ok(feature_of(name)? as u32),
    }
}

pub fn feature_of(index: u64) -> PyResult<usize> {
    let text = || PyValueError::new_err(format!("feature is {index}, expected under {FEATURES}"));
    usize::try_from(index).ok().filter(|&index| index < FEATURES).ok_or_else(text)
}

pub fn small<T: TryFrom<u64>>(number: u64) -> PyResult<T> {
    T::try_from(number).map_err(|_| PyValueError::new_err(format!("{number} is out of range")))
}
