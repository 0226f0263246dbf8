//! The groups as one agent sees them; `models.peers.groups.View`.

use crate::peers::group::feature_of;
use crate::peers::groups::Groups;
use pyo3::prelude::*;
use std::collections::BTreeMap;

/// The groups as one agent sees them: its own first, then the fleet.
#[pyclass(frozen)]
pub struct View {
    pub groups: Py<Groups>,
    pub group: usize,
}

#[pymethods]
impl View {
    /// P(value) of a feature among fleet and group, without the own vote of a day (-1: none).
    fn probability(
        &self,
        py: Python<'_>,
        feature: u64,
        value: u32,
        own_day: i64,
        uniform: f64,
    ) -> f64 {
        match feature_of(feature) {
            Ok(feature) => {
                self.groups.borrow(py).chain(self.group, feature, value, own_day, uniform)
            }
            Err(_) => uniform,
        }
    }

    /// P(value) after a context among the peers.
    fn after(&self, py: Python<'_>, context_node: u32, value: u32, parent: f64) -> f64 {
        self.groups.borrow(py).after(self.group, context_node, value, parent)
    }

    /// Rarity of so many bits of a feature or metric among the peers, in bits.
    fn rarity(&self, py: Python<'_>, channel: usize, bits: f64) -> f64 {
        self.groups.borrow(py).rarity(self.group, channel, bits)
    }

    /// Whether the fleet has enough scores of a feature or metric to rank it.
    fn has_scores(&self, py: Python<'_>, channel: usize) -> bool {
        self.groups.borrow(py).has_scores(channel)
    }

    /// The rarity less what features and metrics of one type share.
    fn weighted(&self, py: Python<'_>, channel: usize, bits: f64) -> f64 {
        self.groups.borrow(py).weighted(self.group, channel, bits)
    }

    /// Whether the group has votes on a feature, or its role in another mode.
    fn knows(&self, py: Python<'_>, feature: usize) -> bool {
        self.groups.borrow(py).knows(self.group, feature)
    }

    /// The known names of a feature's values.
    fn names(&self, py: Python<'_>, feature: u64) -> PyResult<BTreeMap<u32, String>> {
        let groups = self.groups.borrow(py);
        let names = groups.names(self.group, feature_of(feature)?);
        Ok(names.map(|(value, name)| (value, name.to_owned())).collect())
    }
}
