//! Scores, counts and votes of one action, by category: part of `models.baseline.frequency_model`.

use crate::baseline::counts::mixed;
use crate::baseline::frequency_model::FrequencyModel;
use crate::baseline::surprise::Surprise;
use crate::calibration::p_values::Pools;
use crate::calibration::score_window::bin_of;
use crate::features::feature_slots::Category;
use crate::features::{FEATURES, METRICS};
use crate::peers::group::{AFTER, VOTED_FOR_DAYS};
use crate::peers::groups::{Groups, FLEET, NEWCOMERS};
use crate::peers::last_values::Chains;
use crate::peers::view::View;
use crate::ranked::{MIN_BITS, STATISTICS, WINDOWS};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

const OFTEN: i64 = 8 * 4_096;
const TYPICAL_RATE: f64 = 0.05;

/// Votes of an action for one category.
#[derive(Clone, Copy, Default)]
pub(super) struct Votes {
    /// Day of the replaced vote (-1: none), where there is a vote to cast.
    replaced: Option<i64>,
    /// Whether it is the first of the day after its context.
    after: bool,
}

impl Votes {
    pub(super) fn any(self) -> bool {
        self.after || self.replaced.is_some()
    }
}

impl FrequencyModel {
    pub(super) fn pools<'a>(&'a self, groups: &'a Groups, group: usize) -> Pools<'a> {
        Pools {
            own: &self.windows,
            group: (group != FLEET).then(|| groups.groups[group].windows.as_slice()),
            fleet: &groups.groups[FLEET].windows,
            newcomers: &groups.groups[NEWCOMERS].windows,
            minimum: groups.config.pool_minimum,
        }
    }

    /// A category with the indices of its counts.
    pub(super) fn placed(&self, groups: &Groups, mut found: Category) -> Category {
        let slot = &groups.slots.all[found.index];
        if slot.extends.is_none() {
            found.at[0] = self.counts.index_of(slot.node);
        }
        if found.context_node != 0 {
            found.at[1] = self.counts.index_of(found.context_node);
        }
        found
    }

    /// P(value) of one category, given those of the earlier features.
    ///
    /// `chain`: P(value) among the peers by the day of the own vote.
    pub(super) fn chance(
        &self,
        groups: &Groups,
        group: usize,
        found: Category,
        before: &[f64; FEATURES],
        chain: impl FnOnce(i64) -> f64,
    ) -> f64 {
        let Category { index, value, context_node, at } = found;
        let slot = &groups.slots.all[index];
        let mut q;
        if let Some(extends) = slot.extends {
            q = before[extends];
        } else {
            let node = self.counts.node_at(at[0]);
            let row = node.and_then(|node| node.row(value));
            let own_day = row.map_or(-1, |row| row.own_day());
            q = chain(own_day);
            if let Some(node) = node.filter(|node| node.total != 0) {
                q = mixed(node.probability(row, q), q);
            }
        }
        if context_node != 0 {
            if slot.together {
                q = groups.after(group, context_node, value, q);
            }
            if let Some(node) = self.counts.node_at(at[1]).filter(|node| node.total != 0) {
                q = mixed(node.probability(node.row(value), q), q);
            }
        }
        q
    }

    /// Count one category, and vote for its value. Gives the votes to cast.
    ///
    /// `order` is the node of the tool after the one before it.
    pub(super) fn count_one(
        &mut self,
        groups: &Groups,
        found: Category,
        order: &mut u32,
        vote: bool,
    ) -> Votes {
        let mut votes = Votes::default();
        let slot = &groups.slots.all[found.index];
        if slot.extends.is_some() {
            let known = self.counts.node(*order).map_or(0, |node| node.total);
            if found.context_node != 0 && known >= OFTEN {
                self.counts.add(found.context_node, found.at[1], found.value, self.cap);
            }
            return votes;
        }
        if found.index == 0 {
            *order = found.context_node;
        }
        if found.context_node != 0 {
            let had = vote && slot.together && self.counts.today(found.context_node, found.value);
            let added = self.counts.add(found.context_node, found.at[1], found.value, self.cap);
            votes.after = vote && slot.together && !had && added;
        }
        let node = slot.node;
        if vote {
            votes.replaced = self.counts.add_and_vote(node, found.at[0], found.value, self.cap);
        } else {
            self.counts.add(node, found.at[0], found.value, self.cap);
        }
        votes
    }

    /// Contribute the votes of an action for a value.
    pub(super) fn cast(
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
            groups.cast(group, AFTER | found.context_node, found.value, name, (-1, day));
        }
        if let Some(day) = votes.replaced {
            self.waiting = true;
            groups.cast(group, found.index as u32, found.value, name, (day, today));
        }
    }

    pub(super) fn learn_named(
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
            Some(x) => x.get_item(groups.slots.name(x.py(), found.index))?,
            None => None,
        };
        let text = text.as_ref().map(|text| text.cast::<PyString>()).transpose()?;
        let name = text.map_or_else(Default::default, |text| text.to_string_lossy());
        self.cast(groups, view.group, found, &name, votes);
        Ok(())
    }

    /// Add the bits of one category, after those of the earlier features.
    pub(super) fn weigh(
        &self,
        groups: &Groups,
        group: usize,
        found: Category,
        all: &mut Weighed<'_>,
    ) {
        let index = found.index;
        let slot = &groups.slots.all[index];
        let q = self.chance(groups, group, found, &all.chances, |own_day| {
            all.chains.of(groups, index, (found.value, own_day), slot.uniform)
        });
        all.chances[index] = q;
        let mut bits = -q.log2();
        if bits - self.typical_bits[index] >= MIN_BITS {
            for (value, off) in slot.neighbours(found.value) {
                let neighbours = Category { value, context_node: 0, ..found };
                let q = self.chance(groups, group, neighbours, &all.chances, |own_day| {
                    groups.chain(group, index, value, own_day, slot.uniform)
                });
                bits = bits.min(off - q.log2());
            }
        }
        all.out.push(found, bits, slot.extends.is_none());
        let excess = bits - self.typical_bits[index];
        if slot.extends.is_some() {
            all.out.order = excess;
        }
        if slot.alone && excess >= MIN_BITS {
            let rarity = groups.weighted(group, index, excess);
            all.out.rare(index, excess, rarity, slot.steady, all.tops[index]);
        }
    }

    /// Add excess bits of features and bits of metrics to the peers' windows.
    pub(super) fn contribute(
        &self,
        groups: &mut Groups,
        group: usize,
        surprise: &Surprise,
        metrics: &[f64],
    ) {
        let mut entered = [(0, 0); WINDOWS];
        for (at, one) in entered.iter_mut().take(FEATURES).enumerate() {
            one.0 = STATISTICS + at;
        }
        for (found, bits) in surprise.each() {
            if surprise.repeated >> found.index & 1 == 0 {
                entered[found.index].1 = bin_of(bits - self.typical_bits[found.index]);
            }
        }
        let mut length = FEATURES;
        for (at, bits) in metrics.iter().take(METRICS).enumerate() {
            entered[length] = (STATISTICS + FEATURES + at, bin_of(*bits));
            length += 1;
        }
        groups.enter(group, &entered[..length]);
    }

    pub(super) fn move_typical(&mut self, index: usize, bits: f64) {
        let typical_bits = &mut self.typical_bits[index];
        *typical_bits += TYPICAL_RATE * (bits - *typical_bits);
    }
}

/// The categories of an action scored so far.
pub(super) struct Weighed<'a> {
    chances: [f64; FEATURES],
    tops: [f64; FEATURES],
    chains: &'a mut Chains,
    pub(super) out: Surprise,
}

impl<'a> Weighed<'a> {
    pub(super) fn of(tops: [f64; FEATURES], chains: &'a mut Chains) -> Self {
        Weighed { chances: [0.0; FEATURES], tops, chains, out: Surprise::default() }
    }
}
