//! The open sessions, in order of the end of their idle period.

use crate::codec::hashing::Hasher;
use crate::provenance::session::Session;
use crate::provenance::{state_error, Stored};
use crate::units::HOUR_US;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, PoisonError};

const MAX_OPEN: usize = 200_000;
const MAX_EVENTS: i64 = 20_000;
const LONGEST_US: i64 = 24 * HOUR_US;

struct State {
    hasher: Hasher,
    idle_us: i64,
    by_key: FxHashMap<u64, Py<Session>>,
    touched: FxHashSet<u64>,
    closed: FxHashSet<u64>,
    cut: Vec<Py<Session>>,
    due: BinaryHeap<Reverse<(i64, u64)>>,
    name: String,
}

impl State {
    fn key(&mut self, agent_id: &str, mode: &str, name: &str) -> u64 {
        self.name.clear();
        for part in ["session\x1f", agent_id, "\x1f", mode, "\x1f", name] {
            self.name.push_str(part);
        }
        self.hasher.once(&self.name) >> 1
    }

    fn take(&mut self, key: u64) -> Option<Py<Session>> {
        let session = self.by_key.remove(&key)?;
        self.touched.remove(&key);
        self.closed.insert(key);
        Some(session)
    }
}

/// Sessions by agent, mode and name, closed by event time only.
#[pyclass(module = "habitus_native")]
pub struct OpenSessions {
    /// Never locked: one caller at a time has it to itself.
    state: Mutex<State>,
}

impl OpenSessions {
    fn state(&mut self) -> &mut State {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `pop_idle` has sessions to examine.
    pub fn due(&mut self, watermark_us: i64) -> bool {
        let state = self.state();
        let first = state.due.peek();
        first.is_some_and(|first| first.0 .0 <= watermark_us || state.by_key.len() > MAX_OPEN)
    }

    /// The session of a key, without a change of its time.
    pub fn known(&mut self, key: u64) -> Option<&Py<Session>> {
        self.state().by_key.get(&key)
    }

    /// The key of a session.
    pub fn key(&mut self, agent_id: &str, mode: &str, name: &str) -> u64 {
        self.state().key(agent_id, mode, name)
    }

    /// The session of a key, moved to the time of an event; None when the event opens one.
    pub fn resume_at(
        &mut self,
        py: Python<'_>,
        key: u64,
        time_us: i64,
        watermark_us: i64,
    ) -> Option<Py<Session>> {
        let state = self.state();
        let session = state.by_key.get(&key)?.clone_ref(py);
        {
            let mut open = session.borrow_mut(py);
            if open.events < MAX_EVENTS && time_us - open.opened_us <= LONGEST_US {
                open.last_us = open.last_us.max(time_us);
                open.seen_us = watermark_us;
                state.touched.insert(key);
                drop(open);
                return Some(session);
            }
        }
        let cut = state.take(key);
        state.cut.extend(cut);
        None
    }

    /// Adds a new session under its key.
    pub fn add_at(&mut self, key: u64, session: Bound<'_, Session>) {
        let state = self.state();
        let end_us = session.borrow().seen_us + state.idle_us;
        state.touched.insert(key);
        state.closed.remove(&key);
        state.due.push(Reverse((end_us, key)));
        state.by_key.insert(key, session.unbind());
    }

    /// Whether `resume` found a session too long that is not closed yet.
    pub fn has_overlong(&mut self) -> bool {
        !self.state().cut.is_empty()
    }
}

#[pymethods]
impl OpenSessions {
    #[new]
    fn new(idle_us: i64, secret: &[u8]) -> PyResult<Self> {
        let state = State {
            hasher: Hasher::new(secret)?,
            idle_us,
            by_key: FxHashMap::default(),
            touched: FxHashSet::default(),
            closed: FxHashSet::default(),
            cut: Vec::new(),
            due: BinaryHeap::new(),
            name: String::new(),
        };
        Ok(OpenSessions { state: Mutex::new(state) })
    }

    fn __len__(&mut self) -> usize {
        self.state().by_key.len()
    }

    /// Gives the session of an event, moved to its time; None when the event opens one.
    fn resume(
        &mut self,
        py: Python<'_>,
        agent_id: &str,
        mode: &str,
        name: &str,
        time_us: i64,
        watermark_us: i64,
    ) -> Option<Py<Session>> {
        let key = self.key(agent_id, mode, name);
        self.resume_at(py, key, time_us, watermark_us)
    }

    /// Removes and gives the session that `resume` found too long, if any.
    pub fn pop_overlong(&mut self) -> Vec<Py<Session>> {
        std::mem::take(&mut self.state().cut)
    }

    /// Adds a new session.
    fn add(&mut self, name: &str, session: Bound<'_, Session>) {
        let open = session.borrow();
        let key = self.key(&open.agent_id, &open.mode, name);
        drop(open);
        self.add_at(key, session);
    }

    /// Removes and gives the sessions that are idle or exceed the limit, in order of their end.
    pub fn pop_idle(&mut self, py: Python<'_>, watermark_us: i64) -> Vec<Py<Session>> {
        let state = self.state();
        let mut out = Vec::new();
        while let Some(&Reverse((at_us, key))) = state.due.peek() {
            if at_us > watermark_us && state.by_key.len() <= MAX_OPEN {
                break;
            }
            state.due.pop();
            let Some(session) = state.by_key.get(&key) else { continue };
            let end_us = session.borrow(py).seen_us + state.idle_us;
            if end_us > at_us {
                state.due.push(Reverse((end_us, key)));
            } else {
                out.extend(state.take(key));
            }
        }
        out
    }

    /// Removes and gives all sessions in order of their end, at the end of a recording.
    fn pop_all(&mut self, py: Python<'_>) -> Vec<Py<Session>> {
        let state = self.state();
        let sessions = state.by_key.iter();
        let mut order: Vec<(i64, u64)> =
            sessions.map(|(&key, session)| (session.borrow(py).last_us, key)).collect();
        order.sort_unstable();
        state.due.clear();
        order.into_iter().filter_map(|(_, key)| state.take(key)).collect()
    }

    /// Gives the bytes of changed sessions and the keys of closed ones, since the last call.
    fn dump<'py>(&mut self, py: Python<'py>) -> (Vec<Stored<'py, u64>>, Vec<u64>) {
        let state = self.state();
        let mut touched: Vec<u64> = state.touched.drain().collect();
        touched.sort_unstable();
        let written = |key: u64| -> Option<Stored<'py, u64>> {
            let session = state.by_key.get(&key)?;
            Some((key, PyBytes::new(py, &session.borrow(py).packed())))
        };
        let changed = touched.into_iter().filter_map(written).collect();
        let mut gone: Vec<u64> = state.closed.drain().collect();
        gone.sort_unstable();
        (changed, gone)
    }

    /// Reads the bytes of `dump`.
    fn load(&mut self, py: Python<'_>, stored: &Bound<'_, PyAny>) -> PyResult<()> {
        let state = self.state();
        for one in stored.try_iter()? {
            let (key, blob): (u64, PyBackedBytes) = one?.extract()?;
            let session = Session::unpack(&blob).map_err(|error| state_error(py, error))?;
            let end_us = session.seen_us + state.idle_us;
            state.by_key.insert(key, Py::new(py, session)?);
            state.due.push(Reverse((end_us, key)));
        }
        Ok(())
    }
}
