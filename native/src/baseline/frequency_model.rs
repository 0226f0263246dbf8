//! Frequency model of one agent in one mode: the methods that run for every event.

mod kernel_access;
mod one_action;

use crate::baseline::counts::{Counts, MISSING};
use crate::baseline::frequency_model::one_action::Weighed;
use crate::baseline::surprise::Surprise;
use crate::calibration::p_values::{Calibrated, Statistics, Whose, Windows};
use crate::calibration::score_window::Window;
use crate::config::Config;
use crate::features::FEATURES;
use crate::peers::last_values::Chains;
use crate::peers::view::View;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyType};
use std::collections::HashMap;

/// Expected behaviour of one agent in one mode.
#[pyclass]
pub struct FrequencyModel {
    counts: Counts,
    /// Whether a vote awaits publication.
    waiting: bool,
    pub typical_bits: [f64; FEATURES],
    windows: Windows,
    half_life_days: f64,
    cap: i64,
}

#[pymethods]
impl FrequencyModel {
    #[new]
    fn new(config: &Bound<'_, PyAny>) -> PyResult<Self> {
        let config = Config::of(config)?;
        Ok(FrequencyModel {
            counts: Counts::default(),
            waiting: false,
            typical_bits: [0.0; FEATURES],
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
    fn typical_bits(&self) -> Vec<f64> {
        self.typical_bits.to_vec()
    }

    /// Start the counts of a new agent on a day.
    fn start(&mut self, day: i64) {
        self.counts.day = day;
    }

    /// Decay the counts to a later day. An earlier day changes nothing.
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

    /// The bits of each declared category of an action. It changes nothing.
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
        groups.slots.of(&groups.hasher(), x, |one| {
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

    /// Add an event's statistics to the windows. `uncapped` adds them unchanged to those of the peers.
    #[pyo3(signature = (view, statistics, calibrated, gate, *, uncapped = false))]
    fn add_scores(
        &mut self,
        view: &Bound<'_, View>,
        statistics: Statistics,
        calibrated: &Bound<'_, Calibrated>,
        gate: f64,
        uncapped: bool,
    ) {
        let mut groups = view.get().groups.bind(view.py()).borrow_mut();
        self.enter(&mut groups, view.get().group, &statistics, calibrated.get(), gate, uncapped);
    }

    /// Add the statistics of an agent's first days.
    #[staticmethod]
    fn add_newcomer_scores(view: &Bound<'_, View>, statistics: Statistics) {
        let mut groups = view.get().groups.bind(view.py()).borrow_mut();
        groups.enter_new(view.get().group, &statistics);
    }

    /// Add excess bits of the features and bits of the metrics to the peers' windows.
    #[pyo3(signature = (view, surprise, metrics = Vec::new()))]
    fn contribute_scores(
        &self,
        view: &Bound<'_, View>,
        surprise: &Bound<'_, Surprise>,
        metrics: Vec<f64>,
    ) {
        let mut groups = view.get().groups.bind(view.py()).borrow_mut();
        self.contribute(&mut groups, view.get().group, surprise.get(), &metrics);
    }

    /// Count a scored action, vote for it, and update the typical bits. A vote also adds it to the
    /// peers' windows.
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
            self.move_typical(found.index, bits);
            self.learn_named(view.get(), &mut groups, found, &mut order, vote.then_some(x))?;
        }
        Ok(())
    }

    /// Count an action that was held until now, and vote for it.
    #[pyo3(signature = (view, x, *, vote))]
    fn count(&mut self, view: &Bound<'_, View>, x: &Bound<'_, PyDict>, vote: bool) -> PyResult<()> {
        let mut groups = view.get().groups.bind(x.py()).borrow_mut();
        let mut all = Vec::with_capacity(FEATURES);
        groups.slots.of(&groups.hasher(), x, |found| all.push(found))?;
        let mut order = 0;
        for found in all {
            self.learn_named(view.get(), &mut groups, found, &mut order, vote.then_some(x))?;
        }
        Ok(())
    }

    /// Count one value at a node. False when the value reached its daily cap.
    fn add(&mut self, node: u32, value: u32) -> bool {
        self.counts.add(node, MISSING, value, self.cap)
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

    /// Write the model. Equal models give equal bytes.
    fn dump<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.written())
    }

    /// Read what `dump` wrote.
    #[classmethod]
    fn load(_cls: &Bound<'_, PyType>, raw: &[u8], config: &Bound<'_, PyAny>) -> PyResult<Self> {
        FrequencyModel::read(raw, config)
    }
}
