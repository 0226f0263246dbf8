//! The parsed records of one batch, and their agents (`models.quiet_loop`).

use crate::codec::canonical::Canonical;
use crate::codec::hashing::Hashes;
use crate::json::action::{Action, Kind};
use crate::quiet::known::{Known, Slot};
use crate::units::DAY_US;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyDict, PyList};
use rustc_hash::FxHashMap;
use self_cell::self_cell;
use std::collections::BTreeMap;

/// 2000 begins; `pipeline.events.accepted_times`.
const EARLIEST_US: i64 = 946_684_800_000_000;

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

/// By record, with its mark; None where the reference has to read it.
type Found<'a> = Vec<Option<(Action<'a>, Mark)>>;

/// The records of one batch.
#[pyclass(module = "habitus_native")]
pub struct ActionBatch {
    read: Read,
    /// Records to judge, in order.
    order: Vec<usize>,
    /// By record: index of its agent.
    slot_of: Vec<usize>,
    slots: Vec<Slot>,
}

#[pymethods]
impl ActionBatch {
    /// Read records; those of times that `pipeline.events.accepted_times` refuses are left to the
    /// reference.
    #[new]
    fn new(
        values: &Bound<'_, PyList>,
        arrived_us: Arrived,
        ahead_us: i64,
        hashes: &Hashes,
    ) -> PyResult<Self> {
        let raw = values.iter().map(|value| value.extract()).collect::<PyResult<_>>()?;
        let read = Read::new(raw, |raw| read_all(raw, &arrived_us, ahead_us, hashes));
        Ok(ActionBatch { read, order: Vec::new(), slot_of: Vec::new(), slots: Vec::new() })
    }

    /// 63 bits for each (agent, id) and 63 for the content, None where the reference has to read
    /// the record.
    fn marks(&self) -> Vec<Option<Mark>> {
        self.actions().iter().map(|one| one.as_ref().map(|(_, mark)| *mark)).collect()
    }

    /// The same by day, from keys in order to contents; None where the reference has to read a
    /// record, or two have the same key.
    fn marks_by_day<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let each = self.actions().iter().map(|one| one.as_ref().map(|one| (one.1, day(&one.0))));
        let Some(mut marks) = each.collect::<Option<Vec<(Mark, i64)>>>() else { return Ok(None) };
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

    /// Leave a record to the reference that was read.
    fn leave(&mut self, at: usize) {
        self.read.with_dependent_mut(|_, actions| actions[at] = None);
    }

    /// Days since 1970, 0 where the reference has to read the record.
    fn days(&self) -> Vec<i64> {
        self.actions().iter().map(|one| one.as_ref().map_or(0, |one| day(&one.0))).collect()
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
        let mut agents: FxHashMap<&str, usize> = FxHashMap::default();
        let mut slots = Vec::new();
        for one in &found {
            let next = agents.len();
            let agent = *agents.entry(&one.0).or_insert(next);
            slots.push(Slot { agent, ..Slot::default() });
        }
        self.slots = slots;
        self.order = order;
        found
    }

    /// Put an agent into its slot; None leaves its events to the reference. `standing` is what the
    /// inventory says: whether it lists the agent, and the team. `flags`: whether the agent has open
    /// cases, and whether any of its modes has evidence that counts in all.
    #[pyo3(signature = (at, agent_state, standing = (None, None), flags = (false, false)))]
    fn put(
        &mut self,
        at: usize,
        agent_state: Option<Bound<'_, PyAny>>,
        standing: (Option<bool>, Option<String>),
        flags: (bool, bool),
    ) -> PyResult<()> {
        let known = agent_state.map(|agent_state| Known::of(&agent_state, standing, flags));
        self.slots[at].known = known.transpose()?;
        Ok(())
    }

    /// Slot of the agent of a record, -1 where the reference must judge it.
    fn slot(&self, position: usize) -> i64 {
        let Some(&at) = self.order.get(position) else { return -1 };
        plain(&self.actions()[at]).map_or(-1, |_| self.slot_of[at] as i64)
    }

    /// Event time of the record at a position, microseconds.
    fn time_us(&self, position: usize) -> i64 {
        let action = self.order.get(position).and_then(|&at| self.actions()[at].as_ref());
        action.map_or(0, |(action, _)| action.time_us)
    }
}

impl ActionBatch {
    fn actions(&self) -> &Found<'_> {
        self.read.borrow_dependent()
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// The action at a position with its slot, if the kernel may judge it.
    pub fn plain(&mut self, position: usize) -> Option<(&Action<'_>, &mut Slot)> {
        let at = self.order[position];
        let action = plain(&self.read.borrow_dependent()[at])?;
        Some((action, &mut self.slots[self.slot_of[at]]))
    }

    /// Give the trust states of the agent at a position, in all its modes, what they do not have.
    pub fn sync(&mut self, py: Python<'_>, position: usize) -> PyResult<()> {
        let agent = self.slots[self.slot_of[self.order[position]]].agent;
        let own = self.slots.iter_mut().filter(|slot| slot.agent == agent);
        own.filter_map(|slot| slot.known.as_mut()).try_for_each(|known| known.sync(py))
    }

    /// The same of all agents.
    pub fn sync_all(&mut self, py: Python<'_>) -> PyResult<()> {
        let all = self.slots.iter_mut().filter_map(|slot| slot.known.as_mut());
        all.into_iter().try_for_each(|known| known.sync(py))
    }
}

fn read_all<'a>(
    raw: &'a [PyBackedBytes],
    arrived_us: &Arrived,
    ahead_us: i64,
    hashes: &Hashes,
) -> Found<'a> {
    let mut canonical = Canonical::default();
    let one = |(index, raw): (usize, &'a PyBackedBytes)| {
        let latest_us = arrived_us.of(index)?.saturating_add(ahead_us);
        let mut action = Action::read(raw)?;
        if !(EARLIEST_US..=latest_us).contains(&action.time_us) {
            return None;
        }
        if let Some(arguments) = &mut action.arguments {
            arguments.mark = Some(hashes.content(canonical.of(arguments.raw.as_bytes())?));
            if !canonical.plain_numbers {
                return None;
            }
        }
        let key = hashes.event_key(action.agent.id.as_bytes(), action.id.as_bytes());
        let content = hashes.content(canonical.of(raw)?);
        Some((action, (key, content)))
    };
    raw.iter().enumerate().map(one).collect()
}

fn day(action: &Action<'_>) -> i64 {
    action.time_us.div_euclid(DAY_US)
}

/// An action that the kernel may judge. An announced change of an agent is not one.
fn plain<'a, 'b>(one: &'b Option<(Action<'a>, Mark)>) -> Option<&'b Action<'a>> {
    one.as_ref().map(|(action, _)| action).filter(|action| action.kind == Kind::Action)
}
