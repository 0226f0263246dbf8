//! The habits of one agent in one mode: what runs for every event; `models.habits`.

use super::calibrate::{Calibrated, Pools, Statistics, Whose, Windows};
use super::chains::Chains;
use super::counts::{mixed, Counts, NOWHERE};
use super::group::{AFTER, VOTED_FOR_DAYS};
use super::groups::{Groups, FLEET, NEWCOMERS};
use super::places::Category;
use super::surprise::Surprise;
use super::view::View;
use super::window::{bin_of, Window};
use super::{stored, Config, FEATURES, LEAST_BITS, METRICS, PLACES, STATISTICS, WINDOWS};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyType};
use std::collections::HashMap;

const OFTEN: i64 = 8 * 4_096;
const USUAL_RATE: f64 = 0.05;

/// What an act votes for, of one category.
#[derive(Clone, Copy, Default)]
struct Votes {
    /// Day of the vote that this one replaces (-1: none), where there is one to cast.
    replaced: Option<i64>,
    /// Whether it is the first of the day after its context.
    after: bool,
}

impl Votes {
    fn any(self) -> bool {
        self.after || self.replaced.is_some()
    }
}

/// How one agent usually acts, in one mode.
#[pyclass]
pub struct Habits {
    counts: Counts,
    /// Whether some vote is not published.
    waiting: bool,
    pub usual: [f64; FEATURES],
    windows: Windows,
    half_life_days: f64,
    cap: i64,
}

impl Habits {
    fn pools<'a>(&'a self, groups: &'a Groups, group: usize) -> Pools<'a> {
        Pools {
            own: &self.windows,
            group: (group != FLEET).then(|| groups.groups[group].windows.as_slice()),
            fleet: &groups.groups[FLEET].windows,
            newcomers: &groups.groups[NEWCOMERS].windows,
            least: groups.config.pool_minimum,
        }
    }

    /// A category with where its counts are.
    fn placed(&self, groups: &Groups, mut found: Category) -> Category {
        let place = &groups.places.all[found.index];
        if place.under.is_none() {
            found.at[0] = self.counts.place(place.node);
        }
        if found.inside != 0 {
            found.at[1] = self.counts.place(found.inside);
        }
        found
    }

    /// P(value) of one category, given those of the features before it.
    ///
    /// `chain`: P(value) among the peers by the day of the own vote.
    fn chance(
        &self,
        groups: &Groups,
        group: usize,
        found: Category,
        before: &[f64; FEATURES],
        chain: impl FnOnce(i64) -> f64,
    ) -> f64 {
        let Category { index, value, inside, at } = found;
        let place = &groups.places.all[index];
        let mut q;
        if let Some(under) = place.under {
            q = before[under];
        } else {
            let node = self.counts.node_at(at[0]);
            let row = node.and_then(|node| node.row(value));
            let own_day = row.map_or(-1, |row| row.own_day());
            q = chain(own_day);
            if let Some(node) = node.filter(|node| node.total != 0) {
                q = mixed(node.probability(row, q), q);
            }
        }
        if inside != 0 {
            if place.together {
                q = groups.after(group, inside, value, q);
            }
            if let Some(node) = self.counts.node_at(at[1]).filter(|node| node.total != 0) {
                q = mixed(node.probability(node.row(value), q), q);
            }
        }
        q
    }

    /// Count one category, and vote for its value; gives the votes to cast.
    ///
    /// `order` is the node of the tool after the one before it.
    fn count_one(
        &mut self,
        groups: &Groups,
        found: Category,
        order: &mut u32,
        vote: bool,
    ) -> Votes {
        let mut votes = Votes::default();
        let place = &groups.places.all[found.index];
        if place.under.is_some() {
            let known = self.counts.node(*order).map_or(0, |node| node.total);
            if found.inside != 0 && known >= OFTEN {
                self.counts.add(found.inside, found.at[1], found.value, self.cap);
            }
            return votes;
        }
        if found.index == 0 {
            *order = found.inside;
        }
        if found.inside != 0 {
            let had = vote && place.together && self.counts.today(found.inside, found.value);
            let added = self.counts.add(found.inside, found.at[1], found.value, self.cap);
            votes.after = vote && place.together && !had && added;
        }
        let node = place.node;
        if vote {
            votes.replaced = self.counts.add_and_vote(node, found.at[0], found.value, self.cap);
        } else {
            self.counts.add(node, found.at[0], found.value, self.cap);
        }
        votes
    }

    /// Let the peers know of an act's votes for a value.
    fn cast(
        &mut self,
        groups: &mut Groups,
        group: usize,
        found: Category,
        name: &str,
        votes: Votes,
    ) {
        let today = self.counts.day;
        if votes.after {
            let day = today - today % VOTED_FOR_DAYS;
            groups.cast(group, AFTER | found.inside, found.value, name, (-1, day));
        }
        if let Some(day) = votes.replaced {
            self.waiting = true;
            groups.cast(group, found.index as u32, found.value, name, (day, today));
        }
    }

    fn learn_named(
        &mut self,
        view: &View,
        groups: &mut Groups,
        found: Category,
        order: &mut u32,
        x: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let votes = self.count_one(groups, found, order, x.is_some());
        if !votes.any() {
            return Ok(());
        }
        let text = match x {
            Some(x) => x.get_item(groups.places.name(x.py(), found.index))?,
            None => None,
        };
        let text = text.as_ref().map(|text| text.cast::<PyString>()).transpose()?;
        let name = text.map_or_else(Default::default, |text| text.to_string_lossy());
        self.cast(groups, view.group, found, &name, votes);
        Ok(())
    }

    /// Take in the bits of one category, after those of the features before it.
    fn weigh(&self, groups: &Groups, group: usize, found: Category, all: &mut Weighed<'_>) {
        let index = found.index;
        let place = &groups.places.all[index];
        let q = self.chance(groups, group, found, &all.chances, |own_day| {
            all.chains.of(groups, index, (found.value, own_day), place.uniform)
        });
        all.chances[index] = q;
        let mut bits = -q.log2();
        if bits - self.usual[index] >= LEAST_BITS {
            for (value, off) in place.beside(found.value) {
                let beside = Category { value, inside: 0, ..found };
                let q = self.chance(groups, group, beside, &all.chances, |own_day| {
                    groups.chain(group, index, value, own_day, place.uniform)
                });
                bits = bits.min(off - q.log2());
            }
        }
        all.out.push(found, bits, place.under.is_none());
        let excess = bits - self.usual[index];
        if place.under.is_some() {
            all.out.order = excess;
        }
        if place.alone && excess >= LEAST_BITS {
            let rarity = groups.weighted(group, index, excess);
            all.out.rare(index, excess, rarity, place.steady, all.tops[index]);
        }
    }

    /// Excess bits of features and bits of metrics enter the peers' windows.
    fn contribute(&self, groups: &mut Groups, group: usize, surprise: &Surprise, metrics: &[f64]) {
        let mut entered = [(0, 0); WINDOWS];
        for (at, one) in entered.iter_mut().take(FEATURES).enumerate() {
            one.0 = STATISTICS + at;
        }
        for (found, bits) in surprise.each() {
            if surprise.again >> found.index & 1 == 0 {
                entered[found.index].1 = bin_of(bits - self.usual[found.index]);
            }
        }
        let mut length = FEATURES;
        for (at, bits) in metrics.iter().take(METRICS).enumerate() {
            entered[length] = (STATISTICS + FEATURES + at, bin_of(*bits));
            length += 1;
        }
        groups.enter(group, &entered[..length]);
    }

    fn move_usual(&mut self, index: usize, bits: f64) {
        let usual = &mut self.usual[index];
        *usual += USUAL_RATE * (bits - *usual);
    }
}

/// What the kernel asks of the habits of an agent it holds itself.
impl Habits {
    /// Ask for the memory of all an event may need.
    pub fn ask(&self) {
        self.counts.ask();
        self.windows.iter().for_each(Window::ask);
    }

    pub fn surprise_of(
        &self,
        groups: &Groups,
        group: usize,
        tops: &[f64; FEATURES],
        hashes: &[Option<u64>; PLACES],
        chains: &mut Chains,
    ) -> Surprise {
        chains.renew(groups, group);
        let mut found = Weighed::of(*tops, chains);
        let (mut all, mut length) = ([Category::default(); FEATURES], 0);
        groups.places.each(hashes, &mut |one| {
            all[length] = self.placed(groups, one);
            length += 1;
        });
        // Only now: where all of them are is looked up without one waiting for the other.
        for one in &all[..length] {
            self.weigh(groups, group, *one, &mut found);
        }
        found.out
    }

    pub fn calibrated(
        &self,
        groups: &Groups,
        group: usize,
        statistics: &Statistics,
        u: f64,
        whose: Whose,
    ) -> Calibrated {
        self.pools(groups, group).calibrate(statistics, u, whose)
    }

    /// Let an event's statistics enter the windows; `whole`: those of the peers as they are.
    pub fn enter(
        &mut self,
        groups: &mut Groups,
        group: usize,
        statistics: &Statistics,
        calibrated: &Calibrated,
        gate: f64,
        whole: bool,
    ) {
        let below = calibrated.p.is_some_and(|p| p < gate);
        let mut entered = [(0, 0); STATISTICS];
        let mut length = 0;
        for (index, value) in statistics.iter().enumerate() {
            let Some(value) = *value else { continue };
            let cell = match calibrated.each[index] {
                Some(p) if below || p < gate => {
                    self.pools(groups, group).entered(index, value, gate)
                }
                _ => bin_of(value),
            };
            self.windows[index].add_cell(cell, 1);
            entered[length] = (index, if whole { bin_of(value) } else { cell });
            length += 1;
        }
        groups.enter(group, &entered[..length]);
    }

    /// Let the peers see how far an act goes, with a vote, and move what is ordinary.
    pub fn shown(
        &mut self,
        groups: &mut Groups,
        group: usize,
        surprise: &Surprise,
        vote: bool,
        metrics: &[f64],
    ) {
        if vote {
            self.contribute(groups, group, surprise, metrics);
        }
        for (found, bits) in surprise.each() {
            self.move_usual(found.index, bits);
        }
    }

    /// Count an act that was scored, and vote for it.
    pub fn counted<'a>(
        &mut self,
        groups: &mut Groups,
        group: usize,
        surprise: &Surprise,
        vote: bool,
        text: impl Fn(usize) -> Option<&'a str>,
    ) {
        let mut order = 0;
        for (found, _) in surprise.each() {
            let votes = self.count_one(groups, found, &mut order, vote);
            if votes.any() {
                self.cast(groups, group, found, text(found.index).unwrap_or_default(), votes);
            }
        }
    }

    pub fn read(raw: &[u8], config: &Bound<'_, PyAny>) -> PyResult<Self> {
        let config = Config::of(config)?;
        let parts = stored::read(raw)?;
        let mut rows = parts.counts.rows().iter();
        Ok(Habits {
            waiting: rows.any(|row| row.published >= 0),
            counts: parts.counts,
            usual: parts.usual,
            windows: parts.windows,
            half_life_days: config.half_life_days,
            cap: config.daily_cap,
        })
    }

    pub fn written(&self) -> Vec<u8> {
        stored::write(&self.counts, &self.usual, &self.windows)
    }
}

/// The categories of an act weighed so far.
struct Weighed<'a> {
    chances: [f64; FEATURES],
    tops: [f64; FEATURES],
    chains: &'a mut Chains,
    out: Surprise,
}

impl<'a> Weighed<'a> {
    fn of(tops: [f64; FEATURES], chains: &'a mut Chains) -> Self {
        Weighed { chances: [0.0; FEATURES], tops, chains, out: Surprise::default() }
    }
}

#[pymethods]
impl Habits {
    #[new]
    fn new(config: &Bound<'_, PyAny>) -> PyResult<Self> {
        let config = Config::of(config)?;
        Ok(Habits {
            counts: Counts::default(),
            waiting: false,
            usual: [0.0; FEATURES],
            windows: std::array::from_fn(|_| Window::new(config.agent_window)),
            half_life_days: config.half_life_days,
            cap: config.daily_cap,
        })
    }

    /// Day of the stream that the counts are valid for.
    #[getter]
    pub fn day(&self) -> i64 {
        self.counts.day
    }

    /// Mean bits of each feature.
    #[getter]
    fn usual(&self) -> Vec<f64> {
        self.usual.to_vec()
    }

    /// Let the counts of an agent not seen before begin on a day.
    fn start(&mut self, day: i64) {
        self.counts.day = day;
    }

    /// Let the counts fade to a later day; an earlier day changes nothing.
    pub fn roll(&mut self, day: i64) {
        self.counts.roll(day, self.half_life_days);
    }

    /// Multiply every count.
    fn scale(&mut self, factor: f64) {
        self.counts.scale(factor);
    }

    /// Note that all votes of the agent are published.
    pub fn published(&mut self) {
        if std::mem::take(&mut self.waiting) {
            self.counts.published();
        }
    }

    /// The bits of each declared category of an act; changes nothing.
    fn surprise(
        &self,
        view: &Bound<'_, View>,
        x: &Bound<'_, PyDict>,
        tops: HashMap<usize, f64>,
    ) -> PyResult<Surprise> {
        let view = view.get();
        let groups = view.groups.bind(x.py()).borrow();
        let tops = std::array::from_fn(|index| tops.get(&index).copied().unwrap_or_default());
        let mut chains = Chains::default();
        chains.renew(&groups, view.group);
        let mut found = Weighed::of(tops, &mut chains);
        groups.places.of(&groups.hasher(), x, |one| {
            self.weigh(&groups, view.group, self.placed(&groups, one), &mut found);
        })?;
        Ok(found.out)
    }

    /// Rank an event's statistics among past ones.
    #[pyo3(signature = (view, statistics, u, *, own, new = false))]
    fn calibrate(
        &self,
        view: &Bound<'_, View>,
        statistics: Statistics,
        u: f64,
        own: bool,
        new: bool,
    ) -> Calibrated {
        let groups = view.get().groups.bind(view.py()).borrow();
        let whose = match (own, new) {
            (true, _) => Whose::Own,
            (false, true) => Whose::New,
            (false, false) => Whose::Peers,
        };
        self.pools(&groups, view.get().group).calibrate(&statistics, u, whose)
    }

    /// Let an event's statistics enter the windows; with `whole` the peers' as they are.
    #[pyo3(signature = (view, statistics, calibrated, gate, *, whole = false))]
    fn take_in(
        &mut self,
        view: &Bound<'_, View>,
        statistics: Statistics,
        calibrated: &Bound<'_, Calibrated>,
        gate: f64,
        whole: bool,
    ) {
        let mut groups = view.get().groups.bind(view.py()).borrow_mut();
        self.enter(&mut groups, view.get().group, &statistics, calibrated.get(), gate, whole);
    }

    /// Let what is ranked of an agent's first days enter.
    #[staticmethod]
    fn take_in_new(view: &Bound<'_, View>, statistics: Statistics) {
        let mut groups = view.get().groups.bind(view.py()).borrow_mut();
        groups.enter_new(view.get().group, &statistics);
    }

    /// Let the peers' windows see the excess bits of an act's features and its metrics' bits.
    #[pyo3(signature = (view, surprise, metrics = Vec::new()))]
    fn show(&self, view: &Bound<'_, View>, surprise: &Bound<'_, Surprise>, metrics: Vec<f64>) {
        let mut groups = view.get().groups.bind(view.py()).borrow_mut();
        self.contribute(&mut groups, view.get().group, surprise.get(), &metrics);
    }

    /// Count an act that `surprise` has seen, vote for it, and move what is ordinary.
    /// With a vote, the peers' windows see it.
    #[pyo3(signature = (view, surprise, x, *, vote, metrics = Vec::new()))]
    fn learn(
        &mut self,
        view: &Bound<'_, View>,
        surprise: &Bound<'_, Surprise>,
        x: &Bound<'_, PyDict>,
        vote: bool,
        metrics: Vec<f64>,
    ) -> PyResult<()> {
        let mut groups = view.get().groups.bind(x.py()).borrow_mut();
        if vote {
            self.contribute(&mut groups, view.get().group, surprise.get(), &metrics);
        }
        let mut order = 0;
        for (found, bits) in surprise.get().each() {
            self.move_usual(found.index, bits);
            self.learn_named(view.get(), &mut groups, found, &mut order, vote.then_some(x))?;
        }
        Ok(())
    }

    /// Count an act that was held until now, and vote for it.
    #[pyo3(signature = (view, x, *, vote))]
    fn count(&mut self, view: &Bound<'_, View>, x: &Bound<'_, PyDict>, vote: bool) -> PyResult<()> {
        let mut groups = view.get().groups.bind(x.py()).borrow_mut();
        let mut all = Vec::with_capacity(FEATURES);
        groups.places.of(&groups.hasher(), x, |found| all.push(found))?;
        let mut order = 0;
        for found in all {
            self.learn_named(view.get(), &mut groups, found, &mut order, vote.then_some(x))?;
        }
        Ok(())
    }

    /// Count one value at a node; false when it has had its share of the day.
    fn add(&mut self, node: u32, value: u32) -> bool {
        self.counts.add(node, NOWHERE, value, self.cap)
    }

    /// Decayed count of a value at a node, in units of 1/4096 event.
    pub fn count_of(&self, node: u32, value: u32) -> u32 {
        self.counts.row(node, value).map_or(0, |row| row.count)
    }

    /// Decayed count of all values at a node, in units of 1/4096 event.
    pub fn total_of(&self, node: u32) -> i64 {
        self.counts.node(node).map_or(0, |node| node.total)
    }

    /// P(value) at a node, given the parent level's probability.
    fn probability(&self, node: u32, value: u32, parent: f64) -> f64 {
        let node = self.counts.node(node);
        node.map_or(parent, |node| node.probability(node.row(value), parent))
    }

    /// Day of the agent's own published vote for a value, -1 without one.
    fn own_day(&self, node: u32, value: u32) -> i64 {
        self.counts.row(node, value).map_or(-1, |row| row.own_day())
    }

    /// (key, count, today, day of the vote + 1, published day + 1) in order of the keys.
    fn rows(&self) -> Vec<(u64, u32, u16, u32, i32)> {
        let rows = self.counts.nodes().flat_map(|node| {
            node.rows.iter().map(move |row| (u64::from(node.id) << 32 | u64::from(row.value), row))
        });
        rows.map(|(key, row)| (key, row.count, row.today, row.vote, row.published)).collect()
    }

    /// Write the habits; the same habits give the same bytes.
    fn dump<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.written())
    }

    /// Read what `dump` wrote.
    #[classmethod]
    fn load(_cls: &Bound<'_, PyType>, raw: &[u8], config: &Bound<'_, PyAny>) -> PyResult<Self> {
        Habits::read(raw, config)
    }
}
