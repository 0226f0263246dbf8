//! The records of one batch, read, and the agents they are of.

use super::act::{Act, Kind};
use super::agent::Agent;
use crate::fetching::ask;
use crate::hashing::Hashes;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyList;
use rustc_hash::FxHashMap;
use self_cell::self_cell;
use std::collections::BTreeMap;

const DAY_US: i64 = 86_400_000_000;

/// An agent of the batch: in the kernel or not, and who it is.
#[derive(Default)]
pub struct Slot {
    pub agent: Option<Py<Agent>>,
    pub identity: Identity,
    /// Whether it acts in this mode only, so that it alone makes up the agent's answer.
    pub alone: bool,
}

/// Who an agent is, whatever its events claim; `models.identity`.
#[derive(Default)]
pub struct Identity {
    pub role: Option<String>,
    owner: Option<String>,
    /// As the inventory says; None where any is claimed in vain.
    team: Option<String>,
}

impl Identity {
    /// Whether an event claims nothing else, so that the reference has nothing to take or refuse.
    pub fn agrees(&self, act: &Act<'_>) -> bool {
        let agent = &act.agent;
        agrees(agent.role.as_deref(), self.role.as_deref())
            && agrees(agent.owner.as_deref(), self.owner.as_deref())
            && (self.team.is_none() || agrees(act.team(), self.team.as_deref()))
    }
}

fn agrees(claimed: Option<&str>, known: Option<&str>) -> bool {
    claimed.is_none_or(|claimed| claimed.is_empty() || Some(claimed) == known)
}

self_cell!(
    /// Records as they were received, and what was read of them without a copy.
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
    fn of(&self, place: usize) -> Option<i64> {
        match self {
            Arrived::All(at) => Some(*at),
            Arrived::Each(each) => each.get(place).copied().flatten(),
        }
    }
}

/// By record; None where the reference has to read it.
type Found<'a> = Vec<Option<Act<'a>>>;

/// The records of one batch.
#[pyclass(module = "habitus_native")]
pub struct Acts {
    read: Read,
    /// Records to judge, in order.
    pub order: Vec<usize>,
    /// By record: which of the agents it is of.
    pub subject: Vec<usize>,
    pub slots: Vec<Slot>,
}

#[pymethods]
impl Acts {
    /// Read records; those that happen too far ahead of their arrival are left to the reference.
    #[new]
    fn new(values: &Bound<'_, PyList>, arrived_us: Arrived, max_future_us: i64) -> PyResult<Self> {
        let raw = values.iter().map(|value| value.extract()).collect::<PyResult<_>>()?;
        let read = Read::new(raw, |raw| read_all(raw, &arrived_us, max_future_us));
        Ok(Acts { read, order: Vec::new(), subject: Vec::new(), slots: Vec::new() })
    }

    /// 63 bits for each (agent, id), None where the reference has to read the record.
    fn keys(&self, hashes: &Hashes) -> Vec<Option<u64>> {
        self.acts().iter().map(|act| act.as_ref().map(|act| key(act, hashes))).collect()
    }

    /// The same keys in order, by day; None where the reference has to read a record, or two are
    /// the same event.
    fn keys_by_day(&self, hashes: &Hashes) -> Option<BTreeMap<i64, Vec<u64>>> {
        let each =
            self.acts().iter().map(|act| act.as_ref().map(|act| (key(act, hashes), day(act))));
        let mut keys = each.collect::<Option<Vec<_>>>()?;
        keys.sort_unstable();
        if keys.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return None;
        }
        let mut found: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
        keys.into_iter().for_each(|(key, day)| found.entry(day).or_default().push(key));
        Some(found)
    }

    /// Days since 1970, 0 where the reference has to read the record.
    fn days(&self) -> Vec<i64> {
        self.acts().iter().map(|act| act.as_ref().map_or(0, day)).collect()
    }

    /// Judge these records only, in this order; gives (agent, mode, first position) of
    /// those it may judge.
    fn keep(&mut self, order: Vec<usize>) -> Vec<(String, &'static str, usize)> {
        let mut known: FxHashMap<(&str, &str), usize> = FxHashMap::default();
        let mut found = Vec::new();
        let acts = self.read.borrow_dependent();
        self.subject = vec![0; acts.len()];
        for (place, &at) in order.iter().enumerate() {
            let Some(act) = acts.get(at).and_then(plain) else { continue };
            let key = (&*act.agent.id, act.mode.name());
            self.subject[at] = *known.entry(key).or_insert_with(|| {
                found.push((key.0.to_owned(), key.1, place));
                found.len() - 1
            });
        }
        self.slots = found.iter().map(|_| Slot::default()).collect();
        self.order = order;
        found
    }

    /// Put an agent into its place; `None` for one that the reference has to begin.
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

    /// Place of the agent of the record at a position, -1 where the reference has to judge it.
    fn slot(&self, position: usize) -> i64 {
        let Some(&at) = self.order.get(position) else { return -1 };
        plain(&self.acts()[at]).map_or(-1, |_| self.subject[at] as i64)
    }

    /// Event time of the record at a position, microseconds.
    fn time_us(&self, position: usize) -> i64 {
        let act = self.order.get(position).and_then(|&at| self.acts()[at].as_ref());
        act.map_or(0, |act| act.time_us)
    }
}

impl Acts {
    fn acts(&self) -> &[Option<Act<'_>>] {
        self.read.borrow_dependent()
    }

    /// The act at a position, if it is one that the kernel may judge.
    pub fn plain(&self, position: usize) -> Option<&Act<'_>> {
        plain(&self.acts()[self.order[position]])
    }
}

/// What is asked for ahead of its use.
impl Acts {
    /// The agent of a record, where the kernel holds it.
    pub fn agent_of(&self, at: usize) -> Option<&Py<Agent>> {
        // There is no slot at all where the reference has to judge every record.
        self.slots.get(*self.subject.get(at)?)?.agent.as_ref()
    }

    /// Ask for what was read of a record.
    pub fn ask(&self, at: usize) {
        ask(&self.acts()[at]);
        ask(&self.read.borrow_owner()[at]);
    }

    /// Ask for the record itself, whose texts were not copied.
    pub fn ask_record(&self, at: usize) {
        ask(&*self.read.borrow_owner()[at]);
    }
}

fn read_all<'a>(raw: &'a [PyBackedBytes], arrived_us: &Arrived, max_future_us: i64) -> Found<'a> {
    let one = |(place, raw): (usize, &'a PyBackedBytes)| {
        let latest_us = arrived_us.of(place)? + max_future_us;
        Act::read(raw).filter(|act| act.time_us <= latest_us)
    };
    raw.iter().enumerate().map(one).collect()
}

fn key(act: &Act<'_>, hashes: &Hashes) -> u64 {
    hashes.event_key(act.agent.id.as_bytes(), act.id.as_bytes())
}

fn day(act: &Act<'_>) -> i64 {
    act.time_us.div_euclid(DAY_US)
}

/// An act that the kernel may judge, which an announced change of an agent is not.
fn plain<'a, 'b>(act: &'b Option<Act<'a>>) -> Option<&'b Act<'a>> {
    act.as_ref().filter(|act| act.kind == Kind::Action)
}
