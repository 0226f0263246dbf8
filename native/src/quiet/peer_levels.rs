//! Usual levels of quantities in groups and in the fleet; `models.peer_levels`.

use super::level::Level;
use crate::habits::FLEET_NAME;
use pyo3::prelude::*;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// Quantities with a level.
pub const LEVELS: [&str; 5] =
    ["bytes_in_hour", "bytes_out_hour", "records_hour", "cost", "bytes_out_day"];
/// The same in order of their names.
pub const BY_NAME: [usize; 5] = [0, 4, 1, 3, 2];

pub type Levels = [Option<Level>; LEVELS.len()];

/// Levels by group, and what waits to be published.
#[pyclass(module = "habitus_native")]
#[derive(Default)]
pub struct PeerLevels {
    groups: FxHashMap<Box<str>, Levels>,
    pending: Vec<(Box<str>, usize, f64)>,
}

impl PeerLevels {
    pub fn contribute(&mut self, group: &str, quantity: usize, value: f64) {
        self.pending.push((group.into(), quantity, value));
    }

    /// The levels that the members of a group see.
    pub fn seen_by(&self, group: &str) -> SeenLevels<'_> {
        SeenLevels([group, FLEET_NAME].map(|name| self.groups.get(name)))
    }
}

/// Levels of a group, and of the fleet.
pub struct SeenLevels<'a>([Option<&'a Levels>; 2]);

impl<'a> SeenLevels<'a> {
    /// The level in the group, else in the fleet.
    pub fn of(&self, quantity: usize) -> Option<&'a Level> {
        self.0.into_iter().flatten().find_map(|levels| levels[quantity].as_ref())
    }
}

#[pymethods]
impl PeerLevels {
    #[new]
    fn new() -> Self {
        PeerLevels::default()
    }

    /// Values that wait.
    #[getter]
    pub fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// Contribute the sum of a closed window.
    fn add(&mut self, group: &str, name: &str, value: f64) {
        if let Some(at) = place(name) {
            self.contribute(group, at, value);
        }
    }

    /// Take in what waits; name the groups that changed.
    fn publish(&mut self) -> BTreeSet<String> {
        let mut changed = BTreeSet::new();
        for (group, at, value) in std::mem::take(&mut self.pending) {
            let fleet = (&*group != FLEET_NAME).then_some(FLEET_NAME);
            for name in std::iter::once(&*group).chain(fleet) {
                let levels = self.groups.entry(name.into()).or_default();
                levels[at].get_or_insert_default().learn(value);
                changed.insert(name.to_owned());
            }
        }
        changed
    }

    /// Level of a quantity in the group, else in the fleet.
    fn level<'py>(
        &self,
        py: Python<'py>,
        group: &str,
        name: &str,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let known = self.seen_by(group);
        let Some(level) = place(name).and_then(|at| known.of(at)) else { return Ok(None) };
        let class = py.import("models.quantity")?.getattr("Level")?;
        class.call_method1("of", (level.n, level.mean, level.square)).map(Some)
    }

    /// (quantity, number, mean, mean square) of a group, in order of the names.
    fn rows(&self, group: &str) -> Vec<(&'static str, i64, f64, f64)> {
        let Some(levels) = self.groups.get(group) else { return Vec::new() };
        let row = |at: usize| levels[at].map(|one| (LEVELS[at], one.n, one.mean, one.square));
        BY_NAME.into_iter().filter_map(row).collect()
    }

    /// Become what `rows` gave.
    fn load(&mut self, group: &str, rows: Vec<(String, i64, f64, f64)>) {
        let levels = self.groups.entry(group.into()).or_default();
        *levels = Levels::default();
        for (name, n, mean, square) in rows {
            if let Some(at) = place(&name) {
                levels[at] = Some(Level { n, mean, square });
            }
        }
    }

    /// (group, quantity, value) of all that waits.
    fn pending(&self) -> Vec<(&str, &'static str, f64)> {
        self.pending.iter().map(|(group, at, value)| (&**group, LEVELS[*at], *value)).collect()
    }

    /// Let this wait instead.
    fn wait(&mut self, pending: Vec<(String, String, f64)>) {
        self.pending.clear();
        for (group, name, value) in pending {
            self.add(&group, &name, value);
        }
    }
}

/// Place of a quantity in `LEVELS`.
pub fn place(name: &str) -> Option<usize> {
    LEVELS.iter().position(|known| *known == name)
}
