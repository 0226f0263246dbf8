//! Usual levels of quantities in groups and in the fleet; `models.peer_levels`.

use super::level::Level;
use crate::habits::FLEET_NAME;
use indexmap::IndexMap;
use pyo3::prelude::*;
use rustc_hash::FxBuildHasher;
use std::collections::BTreeSet;

/// Quantities with a level.
pub const LEVELS: [&str; 5] =
    ["bytes_in_hour", "bytes_out_hour", "records_hour", "cost", "bytes_out_day"];
/// The same in order of their names.
pub const BY_NAME: [usize; 5] = [0, 4, 1, 3, 2];
/// Place of the fleet among the groups.
const FLEET: usize = 0;

pub type Levels = [Option<Level>; LEVELS.len()];

/// Levels by group, and what waits to be published.
#[pyclass(module = "habitus_native")]
pub struct PeerLevels {
    /// The fleet first.
    groups: IndexMap<Box<str>, Levels, FxBuildHasher>,
    /// Place of the group, quantity, value.
    pending: Vec<(usize, usize, f64)>,
}

impl PeerLevels {
    pub fn contribute(&mut self, group: &str, quantity: usize, value: f64) {
        let group = self.group(group);
        self.pending.push((group, quantity, value));
    }

    fn group(&mut self, group: &str) -> usize {
        match self.groups.get_index_of(group) {
            Some(known) => known,
            None => self.groups.insert_full(group.into(), Levels::default()).0,
        }
    }

    /// The levels that the members of a group see.
    pub fn seen_by(&self, group: &str) -> SeenLevels<'_> {
        SeenLevels([self.groups.get(group), Some(&self.groups[FLEET])])
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
        let groups = IndexMap::from_iter([(FLEET_NAME.into(), Levels::default())]);
        PeerLevels { groups, pending: Vec::new() }
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
        let mut changed = vec![false; self.groups.len()];
        for (group, at, value) in std::mem::take(&mut self.pending) {
            for place in std::iter::once(group).chain((group != FLEET).then_some(FLEET)) {
                self.groups[place][at].get_or_insert_default().learn(value);
                changed[place] = true;
            }
        }
        let names = self.groups.keys().zip(changed);
        names.filter(|(_, changed)| *changed).map(|(name, _)| name.to_string()).collect()
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
        let group = self.group(group);
        let levels = &mut self.groups[group];
        *levels = Levels::default();
        for (name, n, mean, square) in rows {
            if let Some(at) = place(&name) {
                levels[at] = Some(Level { n, mean, square });
            }
        }
    }

    /// (group, quantity, value) of all that waits, without as many as came first.
    #[pyo3(signature = (since = 0))]
    fn pending(&self, since: usize) -> Vec<(&str, &'static str, f64)> {
        let named = |&(group, at, value): &(usize, usize, f64)| {
            let name = self.groups.get_index(group).map_or(FLEET_NAME, |(name, _)| name);
            (name, LEVELS[at], value)
        };
        self.pending.iter().skip(since).map(named).collect()
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
