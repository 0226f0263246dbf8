//! Votes and score windows of the peer groups, and contributions that await publication.

use crate::baseline::counts::fades;
use crate::baseline::frequency_bytes::expect_windows;
use crate::calibration::p_values::{Statistics, PRIOR_SCORES, SUM, VOLUME};
use crate::calibration::score_window::{bin_of, UNBOUNDED};
use crate::codec::compact_reader::Reader;
use crate::codec::compact_writer::Writer;
use crate::codec::hashing::Hasher;
use crate::config::Config;
use crate::features::feature_slots::FeatureSlots;
use crate::features::FEATURES;
use crate::peers::counts::PeerCounts;
use crate::peers::group::{expect, name_of, read_vote, small, write_pending, Group, AFTER};
use crate::peers::view::View;
use crate::ranked::{MIN_BITS, STATISTICS, WINDOWS};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustc_hash::FxHashMap;
use std::hint::black_box;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub const FLEET: usize = 0;
/// Scores of learning agents.
pub const NEWCOMERS: usize = 1;
/// Their group, and their pool.
pub const NEWCOMERS_NAME: &str = "newcomers";
pub const FLEET_NAME: &str = "";
/// Most characters kept of the name of a value.
pub const MAX_NAME: usize = 256;

/// All groups of one stream.
#[pyclass]
pub struct Groups {
    hasher: Mutex<Hasher>,
    pub slots: FeatureSlots,
    pub config: Config,
    /// Bits that a feature or metric shares with others of its type.
    shared_bits: [f64; WINDOWS - STATISTICS],
    pub weights: Vec<i64>,
    pub groups: Vec<Group>,
    index: FxHashMap<Box<str>, usize>,
    day: i64,
    /// How much waits.
    #[pyo3(get)]
    size: u64,
    /// Waiting votes, in stored form.
    votes: Writer,
    waiting: usize,
    /// Number of stored ones, and their bytes.
    written: (usize, usize),
    /// Version of the votes. It increases when votes are published, decay or are read.
    pub votes_taken: u64,
}

impl Groups {
    pub fn hasher(&self) -> MutexGuard<'_, Hasher> {
        self.hasher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn group(&mut self, name: &str) -> usize {
        if let Some(&known) = self.index.get(name) {
            return known;
        }
        let role = name.rsplit_once('/').filter(|(_, mode)| !mode.is_empty());
        let above = role.map(|(role, _)| self.group(&format!("{role}/")));
        self.groups.push(Group::new(name, self.config.peer_window));
        let at = self.groups.len() - 1;
        self.groups[at].above = above;
        self.index.insert(name.into(), at);
        at
    }

    /// Groups that a contribution of one of them goes to.
    fn both(group: usize) -> impl Iterator<Item = usize> {
        let fleet = (group != NEWCOMERS).then_some(FLEET);
        fleet.into_iter().chain((group != FLEET).then_some(group))
    }

    /// Let an agent vote for a value; `node` is the index of a feature, or `AFTER` and a node.
    pub fn cast(&mut self, group: usize, node: u32, value: u32, name: &str, days: (i64, i64)) {
        let name = name.char_indices().nth(MAX_NAME).map_or(name, |(end, _)| &name[..end]);
        self.votes.array(6);
        self.votes.text(&self.groups[group].name);
        self.votes.unsigned(u64::from(node));
        self.votes.unsigned(u64::from(value));
        self.votes.text(name);
        self.votes.signed(days.0);
        self.votes.signed(days.1);
        self.waiting += 1;
        self.size += 2;
    }

    pub fn enter(&mut self, group: usize, entered: &[(usize, u16)]) {
        for at in Self::both(group) {
            let cells = self.groups[at].scores.entered();
            for &(statistic, cell) in entered {
                cells[statistic].add(cell, 1);
            }
        }
        self.size += 1;
    }

    /// Add the statistics of an agent's first days to the window of newcomers, where its role is
    /// known. Those of an agent without peers go to the window of the fleet, once there is one.
    pub fn enter_new(&mut self, group: usize, statistics: &Statistics) {
        let (group, at, to) = match statistics[SUM] {
            None => (FLEET, VOLUME, FLEET),
            Some(_) if group == FLEET => return,
            Some(_) => (group, SUM, NEWCOMERS),
        };
        if self.groups[group].windows[at].n() < self.config.pool_minimum {
            return;
        }
        let cells = statistics.iter().enumerate();
        let entered: Vec<_> =
            cells.filter_map(|(at, value)| Some((at, bin_of((*value)?)))).collect();
        self.enter(to, &entered);
    }

    /// Rarity of so many bits of a feature or metric among the peers, in bits.
    pub fn rarity(&self, group: usize, channel: usize, bits: f64) -> f64 {
        let at = STATISTICS + channel;
        if bits < MIN_BITS || at >= WINDOWS {
            return 0.0;
        }
        let fleet = &self.groups[FLEET].windows[at];
        if fleet.n() < self.config.pool_minimum {
            return 0.0;
        }
        let rare = fleet.rarity(bits);
        let window = &self.groups[group].windows[at];
        let n = window.n() as f64;
        if group == FLEET || n == 0.0 {
            return rare;
        }
        let share = black_box(2f64).powf(-rare);
        let rank = (window.above(bits) as f64 + PRIOR_SCORES * share) / (n + PRIOR_SCORES);
        -rank.max(share.min(1.0 / (n + 1.0))).log2()
    }

    /// Whether the fleet has enough scores of a feature or metric to rank it.
    pub fn has_scores(&self, channel: usize) -> bool {
        self.groups[FLEET].windows[STATISTICS + channel].n() >= self.config.pool_minimum
    }

    /// The rarity less the shared bits, for the maximum over features and metrics.
    pub fn weighted(&self, group: usize, channel: usize, bits: f64) -> f64 {
        let shared = self.shared_bits.get(channel).copied().unwrap_or_default();
        (self.rarity(group, channel, bits) - shared).max(0.0)
    }

    pub fn chain(
        &self,
        group: usize,
        feature: usize,
        value: u32,
        own_day: i64,
        uniform: f64,
    ) -> f64 {
        self.levels(group, |group| group.nodes[feature].as_ref())
            .fold(uniform, |q, node| node.probability(&self.weights, value, own_day, q))
    }

    /// P(value) after a context among the peers.
    pub fn after(&self, group: usize, context_node: u32, value: u32, parent: f64) -> f64 {
        self.levels(group, |group| group.after.get(&context_node))
            .fold(parent, |q, node| node.probability(&self.weights, value, -1, q))
    }

    /// The votes of one node, from general to specific.
    fn levels<'a>(
        &'a self,
        group: usize,
        node: impl Fn(&'a Group) -> Option<&'a PeerCounts>,
    ) -> impl Iterator<Item = &'a PeerCounts> {
        let at = |at: usize| node(&self.groups[at]);
        let own = (group != FLEET).then(|| at(group)).flatten();
        // The group of a role in all modes counts only where other modes add votes.
        let role = self.groups[group].above.and_then(at);
        let role = role.filter(|role| own.is_none_or(|own| role.total() > own.total()));
        [at(FLEET), role, own].into_iter().flatten()
    }

    /// How much waits.
    pub fn waiting_size(&self) -> u64 {
        self.size
    }

    pub fn hash(&self, text: &str) -> u64 {
        self.hasher().of(text)
    }

    /// Whether the name of some value of a feature is known in a group.
    pub fn has_names(&self, group: usize, feature: usize) -> bool {
        self.names(group, feature).next().is_some()
    }

    /// Whether a group has votes on a feature, or its role in another mode.
    pub fn knows(&self, group: usize, feature: usize) -> bool {
        let role = self.groups[group].above;
        self.has_names(group, feature) || role.is_some_and(|role| self.has_names(role, feature))
    }

    /// The known names of a feature's values in a group, with these.
    pub fn names(&self, group: usize, feature: usize) -> impl Iterator<Item = (u32, &str)> {
        let node = self.groups[group].nodes[feature].as_ref();
        let ballots = node.into_iter().flat_map(|node| &node.values);
        ballots.filter_map(|(value, ballot)| Some((*value, ballot.name.as_deref()?)))
    }

    /// Node of a feature, and the hashed value of a text.
    pub fn value_at(&self, feature: usize, text: &str) -> (u32, u32) {
        (self.slots.all[feature].node, self.hash(text) as u32)
    }

    fn take_votes(&mut self) -> PyResult<()> {
        self.votes_taken += 1;
        self.written = (0, 0);
        let raw = std::mem::take(&mut self.votes.out);
        let mut reader = Reader::new(&raw);
        for _ in 0..std::mem::take(&mut self.waiting) {
            let vote = read_vote(&mut reader)?;
            let group = self.group(vote.group);
            let above = self.groups[group].above;
            let role_only = vote.node >= AFTER && group != FLEET;
            for at in Self::both(group).chain(above).filter(|at| *at != FLEET || !role_only) {
                let group = &mut self.groups[at];
                let Some(node) = group.node_mut(vote.node) else { continue };
                node.roll(&self.weights, self.day);
                node.replace(&self.weights, vote.value, vote.name, vote.old, vote.new);
                group.changed = true;
            }
        }
        Ok(())
    }
}

#[pymethods]
impl Groups {
    #[new]
    fn new(config: &Bound<'_, PyAny>, key: &[u8]) -> PyResult<Self> {
        let hasher = Hasher::new(key)?;
        let slots = FeatureSlots::declared(config.py(), &hasher)?;
        let shared = config.py().import("models.ranked")?.getattr("SHARED_BITS")?;
        let config = Config::of(config)?;
        let mut groups = Groups {
            shared_bits: shared.extract()?,
            hasher: Mutex::new(hasher),
            slots,
            weights: fades(config.half_life_days),
            config,
            groups: Vec::new(),
            index: FxHashMap::default(),
            day: 0,
            size: 0,
            votes: Writer::default(),
            waiting: 0,
            written: (0, 0),
            votes_taken: 1,
        };
        groups.group(FLEET_NAME);
        groups.group(NEWCOMERS_NAME);
        Ok(groups)
    }

    /// The groups as an agent of one of them sees them.
    fn view(slf: Bound<'_, Self>, name: &str) -> View {
        let group = slf.borrow_mut().group(name);
        View { groups: slf.unbind(), group }
    }

    /// Let an agent vote for a value, in its group and the fleet; `old` is -1 for none.
    fn vote(
        &mut self,
        group: &str,
        feature: u64,
        value: u32,
        text: &str,
        old: i64,
        new: i64,
    ) -> PyResult<()> {
        let node = name_of(feature)?;
        let group = self.group(group);
        self.cast(group, node, value, text, (old, new));
        Ok(())
    }

    /// Contribute an event's (statistic, bin) to the windows of group and fleet. Scores of
    /// newcomers do not enter those of the fleet.
    fn score(&mut self, group: &str, entered: Vec<(usize, u16)>) -> PyResult<()> {
        if let Some((statistic, _)) = entered.iter().find(|(index, _)| *index >= WINDOWS) {
            let text = format!("statistic is {statistic}, expected under {WINDOWS}");
            return Err(PyValueError::new_err(text));
        }
        let group = self.group(group);
        self.enter(group, &entered);
        Ok(())
    }

    /// Decay votes to a day, and publish the waiting contributions.
    fn publish(&mut self, day: i64) -> PyResult<()> {
        self.roll(day);
        self.take_votes()?;
        for group in &mut self.groups {
            let waiting = &group.scores.cells;
            for (at, (window, cells)) in group.windows.iter_mut().zip(waiting).enumerate() {
                // Metrics are unbounded. Small windows keep all scores.
                let bounded = at >= STATISTICS + FEATURES && window.n() >= self.config.pool_minimum;
                let far = bounded && cells.beyond(UNBOUNDED);
                let maximum = if far { window.reach() } else { u16::MAX };
                for (cell, times) in cells.each() {
                    window.add_cell(cell.min(maximum), times);
                }
            }
            group.changed |= group.scores.clear();
        }
        self.size = 0;
        Ok(())
    }

    /// Decay every vote to a later day. An earlier day changes nothing.
    fn roll(&mut self, day: i64) {
        if day > self.day {
            self.day = day;
            self.votes_taken += 1;
            for group in &mut self.groups {
                group.roll(&self.weights, day);
            }
        }
    }

    /// Name the groups that changed since the last call.
    fn changed(&mut self) -> Vec<String> {
        let changed = self.groups.iter().filter(|group| group.changed);
        let mut names: Vec<String> = changed.map(|group| group.name.to_string()).collect();
        self.groups.iter_mut().for_each(|group| group.changed = false);
        names.sort_unstable();
        names
    }

    /// Write a group.
    fn dump_group<'py>(&mut self, py: Python<'py>, name: &str) -> Bound<'py, PyBytes> {
        let at = self.group(name);
        PyBytes::new(py, &self.groups[at].write())
    }

    /// Read what `dump_group` wrote.
    fn load_group(&mut self, name: &str, raw: &[u8]) -> PyResult<()> {
        let at = self.group(name);
        self.votes_taken += 1;
        self.groups[at].read(raw, &self.weights, self.day)
    }

    /// Write the waiting contributions: all, or with `since` those since `written_pending`.
    #[pyo3(signature = (*, since = false))]
    fn dump_pending<'py>(&self, py: Python<'py>, since: bool) -> Bound<'py, PyBytes> {
        let (votes, bytes) = if since { self.written } else { (0, 0) };
        let votes = (self.waiting - votes, &self.votes.out[bytes..]);
        PyBytes::new(py, &write_pending(votes, &self.groups, self.size, since))
    }

    /// Note that all waiting contributions are stored.
    fn written_pending(&mut self) {
        self.written = (self.waiting, self.votes.out.len());
        self.groups.iter_mut().for_each(|group| group.scores.written());
    }

    /// Replace the waiting contributions by what `dump_pending` wrote.
    fn load_pending(&mut self, raw: &[u8]) -> PyResult<()> {
        self.votes = Writer::default();
        (self.waiting, self.written) = (0, (0, 0));
        for group in &mut self.groups {
            group.scores.clear();
        }
        self.add_pending(raw)
    }

    /// Add what `dump_pending` wrote.
    fn add_pending(&mut self, raw: &[u8]) -> PyResult<()> {
        let mut reader = Reader::new(raw);
        expect(reader.array()?, 3)?;
        for _ in 0..reader.array()? {
            let vote = read_vote(&mut reader)?;
            let group = self.group(vote.group);
            self.cast(group, vote.node, vote.value, vote.name, (vote.old, vote.new));
        }
        for _ in 0..reader.array()? {
            expect(reader.array()?, 2)?;
            let group = self.group(reader.text()?);
            expect_windows(&mut reader)?;
            for cells in self.groups[group].scores.entered() {
                for _ in 0..reader.array()? / 2 {
                    cells.add(small(reader.unsigned()?)?, small(reader.unsigned()?)?);
                }
            }
        }
        self.size = reader.unsigned()?;
        reader.end()
    }
}
