//! Volume baselines of groups and of the fleet.

use crate::baseline::volume_baseline::VolumeBaseline;
use crate::peers::groups::FLEET_NAME;
use crate::watch::sizes::SIZED;
use indexmap::IndexMap;
use pyo3::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::collections::BTreeSet;

/// Quantities with a volume baseline.
pub const VOLUMES: [&str; 5] =
    ["bytes_in_hour", "bytes_out_hour", "records_hour", "cost", "bytes_out_day"];
/// Their indices in order of the names.
pub const BY_NAME: [usize; 5] = [0, 4, 1, 3, 2];
/// Index of the fleet among the groups.
const FLEET: usize = 0;
/// Number of marks of tools.
const TOOLS: usize = 1 << 16;
/// Most sized tools of a group, over both quantities.
const MAX_SIZES: usize = 256;

pub type VolumeBaselines = [Option<VolumeBaseline>; VOLUMES.len()];

/// Baselines of one group: those of windows, and those of single calls by index.
#[derive(Default)]
struct Known {
    windows: VolumeBaselines,
    sizes: FxHashMap<usize, VolumeBaseline>,
}

impl Known {
    fn volume(&self, at: usize) -> Option<&VolumeBaseline> {
        match self.windows.get(at) {
            Some(volume) => volume.as_ref(),
            None => self.sizes.get(&at),
        }
    }

    /// Learn a value. False where the group has too many tools.
    fn learn(&mut self, at: usize, value: f64) -> bool {
        if let Some(volume) = self.windows.get_mut(at) {
            volume.get_or_insert_default().learn(value);
            return true;
        }
        if self.sizes.len() >= MAX_SIZES && !self.sizes.contains_key(&at) {
            return false;
        }
        self.sizes.entry(at).or_default().learn_evenly(value);
        true
    }

    fn put(&mut self, at: usize, volume: VolumeBaseline) {
        match self.windows.get_mut(at) {
            Some(known) => *known = Some(volume),
            None => drop(self.sizes.insert(at, volume)),
        }
    }
}

/// Volume baselines by group, and values that await publication.
#[pyclass(module = "habitus_native")]
pub struct PeerBaselines {
    /// The fleet first.
    groups: IndexMap<Box<str>, Known, FxBuildHasher>,
    /// Index of the group, index of the quantity (`index_of`), value.
    pending: Vec<(usize, usize, f64)>,
}

impl PeerBaselines {
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

    /// The baselines for the members of a group.
    pub fn seen_by(&self, group: &str) -> SeenBaselines<'_> {
        SeenBaselines([self.groups.get(group), Some(&self.groups[FLEET])])
    }
}

/// Baselines of a group, and of the fleet.
#[derive(Clone, Copy)]
pub struct SeenBaselines<'a>([Option<&'a Known>; 2]);

impl<'a> SeenBaselines<'a> {
    /// The baseline in the group, else in the fleet.
    pub fn of(&self, quantity: usize) -> Option<&'a VolumeBaseline> {
        self.0.into_iter().flatten().find_map(|known| known.volume(quantity))
    }
}

#[pymethods]
impl PeerBaselines {
    #[new]
    fn new() -> Self {
        let groups = IndexMap::from_iter([(FLEET_NAME.into(), Known::default())]);
        PeerBaselines { groups, pending: Vec::new() }
    }

    /// Number of values that await publication.
    #[getter]
    pub fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// Contribute the sum of a closed window.
    fn add(&mut self, group: &str, name: &str, value: f64) {
        if let Some(at) = index_of(name) {
            self.contribute(group, at, value);
        }
    }

    /// Learn the waiting values. Names the groups that changed.
    fn publish(&mut self) -> BTreeSet<String> {
        let mut changed = vec![false; self.groups.len()];
        for (group, at, value) in std::mem::take(&mut self.pending) {
            for index_of in std::iter::once(group).chain((group != FLEET).then_some(FLEET)) {
                changed[index_of] |= self.groups[index_of].learn(at, value);
            }
        }
        let names = self.groups.keys().zip(changed);
        names.filter(|(_, changed)| *changed).map(|(name, _)| name.to_string()).collect()
    }

    /// Baseline of a quantity in the group, else in the fleet.
    fn volume<'py>(
        &self,
        py: Python<'py>,
        group: &str,
        name: &str,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let known = self.seen_by(group);
        let Some(volume) = index_of(name).and_then(|at| known.of(at)) else { return Ok(None) };
        let class = py.import("models.baseline.volume_baseline")?.getattr("VolumeBaseline")?;
        class.call_method1("of", (volume.n, volume.mean, volume.square)).map(Some)
    }

    /// (quantity, number, mean, mean square) of a group, in order of the names.
    fn rows(&self, group: &str) -> Vec<(String, i64, f64, f64)> {
        let Some(known) = self.groups.get(group) else { return Vec::new() };
        let windows = known.windows.iter().enumerate();
        let windows = windows.filter_map(|(at, volume)| volume.map(|volume| (at, volume)));
        let sizes = known.sizes.iter().map(|(&at, &volume)| (at, volume));
        let row = |(at, one): (usize, VolumeBaseline)| (name_of(at), one.n, one.mean, one.square);
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
            if let Some(at) = index_of(&name) {
                known.put(at, VolumeBaseline { n, mean, square });
            }
        }
    }

    /// The waiting values as (group, quantity, value), without the first `since`.
    #[pyo3(signature = (since = 0))]
    fn pending(&self, since: usize) -> Vec<(&str, String, f64)> {
        let named = |&(group, at, value): &(usize, usize, f64)| {
            let name = self.groups.get_index(group).map_or(FLEET_NAME, |(name, _)| name);
            (name, name_of(at), value)
        };
        self.pending.iter().skip(since).map(named).collect()
    }

    /// Replace the waiting values.
    fn wait(&mut self, pending: Vec<(String, String, f64)>) {
        self.pending.clear();
        for (group, name, value) in pending {
            self.add(&group, &name, value);
        }
    }
}

/// Index of the baseline of single calls of a tool, by slot in `SIZED`.
pub fn size_index(slot: usize, tool: i64) -> usize {
    VOLUMES.len() + slot * TOOLS + tool as usize
}

/// Index of a quantity: in `VOLUMES`, or `size_index`.
pub fn index_of(name: &str) -> Option<usize> {
    let Some((quantity, tool)) = name.split_once(':') else {
        return VOLUMES.iter().position(|known| *known == name);
    };
    let slot = SIZED.iter().position(|&at| VOLUMES[at] == quantity)?;
    let tool = tool.parse().ok().filter(|&tool: &usize| tool < TOOLS)?;
    Some(size_index(slot, tool as i64))
}

/// Name of the quantity at an index; `models.watch.sizes.size_name`.
fn name_of(at: usize) -> String {
    match at.checked_sub(VOLUMES.len()) {
        None => VOLUMES[at].to_owned(),
        Some(size) => format!("{}:{}", VOLUMES[SIZED[size / TOOLS]], size % TOOLS),
    }
}
