//! Usual levels of quantities in groups and in the fleet.

use crate::baseline::volume_baseline::Level;
use crate::peers::groups::FLEET_NAME;
use crate::watch::sizes::SIZED;
use indexmap::IndexMap;
use pyo3::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::collections::BTreeSet;

/// Quantities with a level.
pub const LEVELS: [&str; 5] =
    ["bytes_in_hour", "bytes_out_hour", "records_hour", "cost", "bytes_out_day"];
/// The same in order of their names.
pub const BY_NAME: [usize; 5] = [0, 4, 1, 3, 2];
/// Place of the fleet among the groups.
const FLEET: usize = 0;
/// Marks that stand for tools.
const TOOLS: usize = 1 << 16;
/// Tools of which a group knows what their calls take, of both quantities.
const MOST_SIZES: usize = 256;

pub type Levels = [Option<Level>; LEVELS.len()];

/// What is known of one group: levels of windows, and of what calls of a tool take by its place.
#[derive(Default)]
struct Known {
    windows: Levels,
    sizes: FxHashMap<usize, Level>,
}

impl Known {
    fn level(&self, at: usize) -> Option<&Level> {
        match self.windows.get(at) {
            Some(level) => level.as_ref(),
            None => self.sizes.get(&at),
        }
    }

    /// Learn a value; false of one tool too many.
    fn learn(&mut self, at: usize, value: f64) -> bool {
        if let Some(level) = self.windows.get_mut(at) {
            level.get_or_insert_default().learn(value);
            return true;
        }
        if self.sizes.len() >= MOST_SIZES && !self.sizes.contains_key(&at) {
            return false;
        }
        self.sizes.entry(at).or_default().learn_evenly(value);
        true
    }

    fn put(&mut self, at: usize, level: Level) {
        match self.windows.get_mut(at) {
            Some(known) => *known = Some(level),
            None => drop(self.sizes.insert(at, level)),
        }
    }
}

/// Levels by group, and what waits to be published.
#[pyclass(module = "habitus_native")]
pub struct PeerLevels {
    /// The fleet first.
    groups: IndexMap<Box<str>, Known, FxBuildHasher>,
    /// Place of the group, place of the quantity (`place`), value.
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
            None => self.groups.insert_full(group.into(), Known::default()).0,
        }
    }

    /// The levels that the members of a group see.
    pub fn seen_by(&self, group: &str) -> SeenLevels<'_> {
        SeenLevels([self.groups.get(group), Some(&self.groups[FLEET])])
    }
}

/// Levels of a group, and of the fleet.
#[derive(Clone, Copy)]
pub struct SeenLevels<'a>([Option<&'a Known>; 2]);

impl<'a> SeenLevels<'a> {
    /// The level in the group, else in the fleet.
    pub fn of(&self, quantity: usize) -> Option<&'a Level> {
        self.0.into_iter().flatten().find_map(|known| known.level(quantity))
    }
}

#[pymethods]
impl PeerLevels {
    #[new]
    fn new() -> Self {
        let groups = IndexMap::from_iter([(FLEET_NAME.into(), Known::default())]);
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
                changed[place] |= self.groups[place].learn(at, value);
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
        let class = py.import("models.baseline.volume_baseline")?.getattr("Level")?;
        class.call_method1("of", (level.n, level.mean, level.square)).map(Some)
    }

    /// (quantity, number, mean, mean square) of a group, in order of the names.
    fn rows(&self, group: &str) -> Vec<(String, i64, f64, f64)> {
        let Some(known) = self.groups.get(group) else { return Vec::new() };
        let windows = known.windows.iter().enumerate();
        let windows = windows.filter_map(|(at, level)| level.map(|level| (at, level)));
        let sizes = known.sizes.iter().map(|(&at, &level)| (at, level));
        let row = |(at, one): (usize, Level)| (name_of(at), one.n, one.mean, one.square);
        let mut rows: Vec<_> = windows.chain(sizes).map(row).collect();
        rows.sort_unstable_by(|(one, ..), (other, ..)| one.cmp(other));
        rows
    }

    /// Become what `rows` gave.
    fn load(&mut self, group: &str, rows: Vec<(String, i64, f64, f64)>) {
        let group = self.group(group);
        let known = &mut self.groups[group];
        *known = Known::default();
        for (name, n, mean, square) in rows {
            if let Some(at) = place(&name) {
                known.put(at, Level { n, mean, square });
            }
        }
    }

    /// (group, quantity, value) of all that waits, without as many as came first.
    #[pyo3(signature = (since = 0))]
    fn pending(&self, since: usize) -> Vec<(&str, String, f64)> {
        let named = |&(group, at, value): &(usize, usize, f64)| {
            let name = self.groups.get_index(group).map_or(FLEET_NAME, |(name, _)| name);
            (name, name_of(at), value)
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

/// Place of the level of what calls of a tool take, by slot in `SIZED`.
pub fn size_place(slot: usize, tool: i64) -> usize {
    LEVELS.len() + slot * TOOLS + tool as usize
}

/// Place of a quantity: in `LEVELS`, or `size_place`.
pub fn place(name: &str) -> Option<usize> {
    let Some((quantity, tool)) = name.split_once(':') else {
        return LEVELS.iter().position(|known| *known == name);
    };
    let slot = SIZED.iter().position(|&at| LEVELS[at] == quantity)?;
    let tool = tool.parse().ok().filter(|&tool: &usize| tool < TOOLS)?;
    Some(size_place(slot, tool as i64))
}

/// Name of the quantity at a place; `models.watch.sizes.size_name`.
fn name_of(at: usize) -> String {
    match at.checked_sub(LEVELS.len()) {
        None => LEVELS[at].to_owned(),
        Some(size) => format!("{}:{}", LEVELS[SIZED[size / TOOLS]], size % TOOLS),
    }
}
