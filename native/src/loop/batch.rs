//! The records of one batch, read, and the agents they are of.

use crate::codec::canonical::Canonical;
use crate::codec::hashing::Hashes;
use crate::json::action::{Act, Kind};
use crate::prefetch::ask;
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

/// An agent of the batch: in the kernel or not, and who it is.
#[derive(Default)]
pub struct Slot {
    pub agent: Option<Py<Agent>>,
    pub identity: Identity,
    /// Whether it acts in this mode only, so that it alone makes up the agent's answer.
    pub alone: bool,
}

/// Who an agent is, whatever its events claim; `models.baseline.identity`.
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

/// 63 bits for the agent and the id of an event, and 63 for its content.
type Mark = (u64, u64);

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
    /// Read records; those of times that `pipeline.events.accepted_times` refuses are left to the
    /// reference.
    #[new]
    fn new(values: &Bound<'_, PyList>, arrived_us: Arrived, ahead_us: i64) -> PyResult<Self> {
        let raw = values.iter().map(|value| value.extract()).collect::<PyResult<_>>()?;
        let read = Read::new(raw, |raw| read_all(raw, &arrived_us, ahead_us));
        Ok(Acts { read, order: Vec::new(), subject: Vec::new(), slots: Vec::new() })
    }

    /// 63 bits for each (agent, id) and 63 for the content, None where the reference has to read
    /// the record.
    fn marks(&self, hashes: &Hashes) -> Vec<Option<Mark>> {
        let mut canonical = Canonical::default();
        let each = self.acts().iter().zip(self.read.borrow_owner());
        each.map(|(act, raw)| mark(act.as_ref()?, raw, hashes, &mut canonical)).collect()
    }

    /// The same by day, from keys in order to contents; None where the reference has to read a
    /// record, or two have the same key.
    fn marks_by_day<'py>(
        &self,
        py: Python<'py>,
        hashes: &Hashes,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        if self.acts().iter().any(Option::is_none) {
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
    fn leave(&mut self, places: Vec<usize>) {
        self.read.with_dependent_mut(|_, acts| {
            places.into_iter().filter_map(|at| acts.get_mut(at)?.take()).for_each(drop);
        });
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

fn read_all<'a>(raw: &'a [PyBackedBytes], arrived_us: &Arrived, ahead_us: i64) -> Found<'a> {
    let one = |(place, raw): (usize, &'a PyBackedBytes)| {
        let latest_us = arrived_us.of(place)?.saturating_add(ahead_us);
        Act::read(raw).filter(|act| (EARLIEST_US..=latest_us).contains(&act.time_us))
    };
    raw.iter().enumerate().map(one).collect()
}

/// The key of an act and the digest of its content.
fn mark(act: &Act<'_>, raw: &[u8], hashes: &Hashes, canonical: &mut Canonical) -> Option<Mark> {
    let key = hashes.event_key(act.agent.id.as_bytes(), act.id.as_bytes());
    Some((key, hashes.content(canonical.of(raw)?)))
}

fn day(act: &Act<'_>) -> i64 {
    act.time_us.div_euclid(DAY_US)
}

/// An act that the kernel may judge, which an announced change of an agent is not.
fn plain<'a, 'b>(act: &'b Option<Act<'a>>) -> Option<&'b Act<'a>> {
    act.as_ref().filter(|act| act.kind == Kind::Action)
}
