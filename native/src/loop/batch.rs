//! The parsed records of one batch, and their agents.

use crate::codec::canonical::Canonical;
use crate::codec::hashing::Hashes;
use crate::json::action::{Action, Kind};
use crate::prefetch::prefetch;
use crate::r#loop::agent::Agent;
use crate::units::DAY_US;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyDict, PyList};
use rustc_hash::FxHashMap;
use self_cell::self_cell;
use std::collections::BTreeMap;

/// 2000 begins; `pipeline.events.accepted_times`.
const EARLIEST_US: i64 = 946_684_800_000_000;

/// An agent of the batch, its identity, and whether the kernel holds it.
#[derive(Default)]
pub struct Slot {
    pub agent: Option<Py<Agent>>,
    pub identity: Identity,
    /// Whether the agent acts in this mode only, so that this mode alone gives its answer.
    pub alone: bool,
}

/// Identity of an agent, whatever its events claim; `models.baseline.identity`.
#[derive(Default)]
pub struct Identity {
    pub role: Option<String>,
    owner: Option<String>,
    /// From the inventory. None where claims have no effect.
    team: Option<String>,
}

impl Identity {
    /// Whether an event claims the same identity, so that the reference has nothing to change.
    pub fn agrees(&self, action: &Action<'_>) -> bool {
        let agent = &action.agent;
        agrees(agent.role.as_deref(), self.role.as_deref())
            && agrees(agent.owner.as_deref(), self.owner.as_deref())
            && (self.team.is_none() || agrees(action.team(), self.team.as_deref()))
    }
}

fn agrees(claimed: Option<&str>, known: Option<&str>) -> bool {
    claimed.is_none_or(|claimed| claimed.is_empty() || Some(claimed) == known)
}

self_cell!(
    /// Received records, and their parsed form without a copy.
    struct Read {
        owner: Vec<PyBackedBytes>,

        #[covariant]
        dependent: Found,
    }
);

/// When records arrived, in microseconds; None for one that is left to the reference.
#[derive(FromPyObject)]
enum Arrived {
    All(i64),
    Each(Vec<Option<i64>>),
}

impl Arrived {
    fn of(&self, index: usize) -> Option<i64> {
        match self {
            Arrived::All(at) => Some(*at),
            Arrived::Each(each) => each.get(index).copied().flatten(),
        }
    }
}

/// 63 bits for the agent and the id of an event, and 63 for its content.
type Mark = (u64, u64);

/// By record; None where the reference has to read it.
type Found<'a> = Vec<Option<Action<'a>>>;

/// The records of one batch.
#[pyclass(module = "habitus_native")]
pub struct ActionBatch {
    read: Read,
    /// Records to judge, in order.
    pub order: Vec<usize>,
    /// By record: index of its agent.
    pub slot_of: Vec<usize>,
    pub slots: Vec<Slot>,
}

#[pymethods]
impl ActionBatch {
    /// Read records; those of times that `pipeline.events.accepted_times` refuses are left to the
    /// reference.
    #[new]
    fn new(values: &Bound<'_, PyList>, arrived_us: Arrived, ahead_us: i64) -> PyResult<Self> {
        let raw = values.iter().map(|value| value.extract()).collect::<PyResult<_>>()?;
        let read = Read::new(raw, |raw| read_all(raw, &arrived_us, ahead_us));
        Ok(ActionBatch { read, order: Vec::new(), slot_of: Vec::new(), slots: Vec::new() })
    }

    /// 63 bits for each (agent, id) and 63 for the content, None where the reference has to read
    /// the record.
    fn marks(&self, hashes: &Hashes) -> Vec<Option<Mark>> {
        let mut canonical = Canonical::default();
        let each = self.actions().iter().zip(self.read.borrow_owner());
        each.map(|(action, raw)| mark(action.as_ref()?, raw, hashes, &mut canonical)).collect()
    }

    /// The same by day, from keys in order to contents; None where the reference has to read a
    /// record, or two have the same key.
    fn marks_by_day<'py>(
        &self,
        py: Python<'py>,
        hashes: &Hashes,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        if self.actions().iter().any(Option::is_none) {
            return Ok(None); // before anything is hashed
        }
        let marks = self.marks(hashes).into_iter().collect::<Option<Vec<_>>>();
        let Some(marks) = marks else { return Ok(None) };
        let mut marks: Vec<(Mark, i64)> = marks.into_iter().zip(self.days()).collect();
        marks.sort_unstable();
        if marks.windows(2).any(|pair| pair[0].0 .0 == pair[1].0 .0) {
            return Ok(None);
        }
        let mut by_day: BTreeMap<i64, Bound<'py, PyDict>> = BTreeMap::new();
        for ((key, content), day) in marks {
            by_day.entry(day).or_insert_with(|| PyDict::new(py)).set_item(key, content)?;
        }
        let found = PyDict::new(py);
        by_day.into_iter().try_for_each(|(day, of_day)| found.set_item(day, of_day))?;
        Ok(Some(found))
    }

    /// Leave records to the reference that were read.
    fn leave(&mut self, indices: Vec<usize>) {
        self.read.with_dependent_mut(|_, actions| {
            indices.into_iter().filter_map(|at| actions.get_mut(at)?.take()).for_each(drop);
        });
    }

    /// Days since 1970, 0 where the reference has to read the record.
    fn days(&self) -> Vec<i64> {
        self.actions().iter().map(|action| action.as_ref().map_or(0, day)).collect()
    }

    /// Judge these records only, in this order; gives (agent, mode, first position) of
    /// those it may judge.
    fn keep(&mut self, order: Vec<usize>) -> Vec<(String, &'static str, usize)> {
        let mut known: FxHashMap<(&str, &str), usize> = FxHashMap::default();
        let mut found = Vec::new();
        let actions = self.read.borrow_dependent();
        self.slot_of = vec![0; actions.len()];
        for (index, &at) in order.iter().enumerate() {
            let Some(action) = actions.get(at).and_then(plain) else { continue };
            let key = (&*action.agent.id, action.mode.name());
            self.slot_of[at] = *known.entry(key).or_insert_with(|| {
                found.push((key.0.to_owned(), key.1, index));
                found.len() - 1
            });
        }
        self.slots = found.iter().map(|_| Slot::default()).collect();
        self.order = order;
        found
    }

    /// Put an agent into its slot. `None` is for one that the reference must start.
    fn put(
        &mut self,
        at: usize,
        agent: Option<Py<Agent>>,
        role: Option<String>,
        owner: Option<String>,
        team: Option<String>,
        alone: bool,
    ) {
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Slot { agent, identity: Identity { role, owner, team }, alone };
        }
    }

    /// Slot of the agent of a record, -1 where the reference must judge it.
    fn slot(&self, position: usize) -> i64 {
        let Some(&at) = self.order.get(position) else { return -1 };
        plain(&self.actions()[at]).map_or(-1, |_| self.slot_of[at] as i64)
    }

    /// Event time of the record at a position, microseconds.
    fn time_us(&self, position: usize) -> i64 {
        let action = self.order.get(position).and_then(|&at| self.actions()[at].as_ref());
        action.map_or(0, |action| action.time_us)
    }
}

impl ActionBatch {
    fn actions(&self) -> &[Option<Action<'_>>] {
        self.read.borrow_dependent()
    }

    /// The action at a position, if the kernel may judge it.
    pub fn plain(&self, position: usize) -> Option<&Action<'_>> {
        plain(&self.actions()[self.order[position]])
    }
}

/// Prefetch targets.
impl ActionBatch {
    /// The agent of a record, where the kernel holds it.
    pub fn agent_of(&self, at: usize) -> Option<&Py<Agent>> {
        // There is no slot at all where the reference has to judge every record.
        self.slots.get(*self.slot_of.get(at)?)?.agent.as_ref()
    }

    /// Prefetch a parsed record.
    pub fn prefetch(&self, at: usize) {
        prefetch(&self.actions()[at]);
        prefetch(&self.read.borrow_owner()[at]);
    }

    /// Prefetch the record itself: its texts were not copied.
    pub fn prefetch_record(&self, at: usize) {
        prefetch(&*self.read.borrow_owner()[at]);
    }
}

fn read_all<'a>(raw: &'a [PyBackedBytes], arrived_us: &Arrived, ahead_us: i64) -> Found<'a> {
    let one = |(index, raw): (usize, &'a PyBackedBytes)| {
        let latest_us = arrived_us.of(index)?.saturating_add(ahead_us);
        Action::read(raw).filter(|action| (EARLIEST_US..=latest_us).contains(&action.time_us))
    };
    raw.iter().enumerate().map(one).collect()
}

/// The key of an action and the digest of its content.
fn mark(
    action: &Action<'_>,
    raw: &[u8],
    hashes: &Hashes,
    canonical: &mut Canonical,
) -> Option<Mark> {
    let key = hashes.event_key(action.agent.id.as_bytes(), action.id.as_bytes());
    Some((key, hashes.content(canonical.of(raw)?)))
}

fn day(action: &Action<'_>) -> i64 {
    action.time_us.div_euclid(DAY_US)
}

/// An action that the kernel may judge. An announced change of an agent is not one.
fn plain<'a, 'b>(action: &'b Option<Action<'a>>) -> Option<&'b Action<'a>> {
    action.as_ref().filter(|action| action.kind == Kind::Action)
}
