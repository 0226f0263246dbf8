//! The methods that the kernel calls on agents it holds: part of `models.baseline.frequency_model`.

use crate::baseline::frequency_bytes;
use crate::baseline::frequency_model::one_action::Weighed;
use crate::baseline::frequency_model::FrequencyModel;
use crate::baseline::surprise::Surprise;
use crate::calibration::p_values::{Calibrated, Statistics, Whose};
use crate::calibration::score_window::{bin_of, Window};
use crate::config::Config;
use crate::features::feature_slots::Category;
use crate::features::{FEATURES, TEXTS};
use crate::peers::groups::Groups;
use crate::peers::last_values::Chains;
use crate::ranked::STATISTICS;
use pyo3::prelude::*;

impl FrequencyModel {
    /// Prefetch all that an event may need.
    pub fn prefetch(&self) {
        self.counts.prefetch();
        self.windows.iter().for_each(Window::prefetch);
    }

    pub fn surprise_of(
        &self,
        groups: &Groups,
        group: usize,
        tops: &[f64; FEATURES],
        hashes: &[Option<u64>; TEXTS],
        chains: &mut Chains,
    ) -> Surprise {
        chains.renew(groups, group);
        let mut found = Weighed::of(*tops, chains);
        let (mut all, mut length) = ([Category::default(); FEATURES], 0);
        groups.slots.each(hashes, &mut |one| {
            all[length] = self.placed(groups, one);
            length += 1;
        });
        // After all lookups, so that no lookup waits for another.
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

    /// Add an event's statistics to the windows. `uncapped` adds them unchanged to those of the peers.
    pub fn enter(
        &mut self,
        groups: &mut Groups,
        group: usize,
        statistics: &Statistics,
        calibrated: &Calibrated,
        gate: f64,
        uncapped: bool,
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
            entered[length] = (index, if uncapped { bin_of(value) } else { cell });
            length += 1;
        }
        groups.enter(group, &entered[..length]);
    }

    /// Add an action to the peers' windows with a vote, and update the typical bits.
    pub fn learn_typical(
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
            self.move_typical(found.index, bits);
        }
    }

    /// Count a scored action, and vote for it.
    pub fn count_categories<'a>(
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
        let parts = frequency_bytes::read(raw)?;
        let mut rows = parts.counts.rows().iter();
        Ok(FrequencyModel {
            waiting: rows.any(|row| row.published >= 0),
            counts: parts.counts,
            typical_bits: parts.typical_bits,
            windows: parts.windows,
            half_life_days: config.half_life_days,
            cap: config.daily_cap,
        })
    }

    pub fn written(&self) -> Vec<u8> {
        frequency_bytes::write(&self.counts, &self.typical_bits, &self.windows)
    }
}
