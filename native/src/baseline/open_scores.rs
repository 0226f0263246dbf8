//! The scores of all open sessions; `models.baseline.session.OpenScores`.

use crate::baseline::session::{state_error, SessionScores, MARK};
use crate::codec::hashing::Hasher;
use crate::features::plan::Plan;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

type Changed<'py> = (Vec<(u64, Bound<'py, PyBytes>)>, Vec<u64>);

struct Open {
    plan: Arc<Plan>,
    hasher: Hasher,
    by_key: FxHashMap<u64, Py<SessionScores>>,
    touched: BTreeSet<u64>,
    closed: BTreeSet<u64>,
}

/// The scores of all open sessions.
#[pyclass(module = "habitus_native")]
pub struct OpenScores {
    /// Never locked: one caller at a time has the kernel to itself.
    state: Mutex<Open>,
}

impl OpenScores {
    fn state(&mut self) -> &mut Open {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key_of(hasher: &Hasher, agent_id: &str, mode: &str, ordinal: i64) -> u64 {
    hasher.once(&format!("scores\x1f{agent_id}\x1f{mode}\x1f{ordinal}")) >> 1
}

impl OpenScores {
    /// The key of the scores of a session.
    pub fn key(&mut self, agent_id: &str, mode: &str, ordinal: i64) -> u64 {
        key_of(&self.state().hasher, agent_id, mode, ordinal)
    }

    /// The scores under a key, to be changed; new ones for a new session.
    pub fn of_key(&mut self, py: Python<'_>, key: u64) -> PyResult<Py<SessionScores>> {
        let open = self.state();
        open.touched.insert(key);
        if let Some(found) = open.by_key.get(&key) {
            return Ok(found.clone_ref(py));
        }
        let found = Py::new(py, SessionScores::new(key))?;
        open.by_key.insert(key, found.clone_ref(py));
        Ok(found)
    }
}

#[pymethods]
impl OpenScores {
    #[new]
    fn new(plan: &[u8], secret: &[u8]) -> PyResult<Self> {
        let (plan, hasher) = (Arc::new(Plan::read(plan)?), Hasher::new(secret)?);
        let (by_key, touched, closed) = Default::default();
        Ok(OpenScores { state: Mutex::new(Open { plan, hasher, by_key, touched, closed }) })
    }

    /// The scores of a session, to be changed; new ones for a new session.
    fn of(
        &mut self,
        py: Python<'_>,
        agent_id: &str,
        mode: &str,
        ordinal: i64,
    ) -> PyResult<Py<SessionScores>> {
        let key = self.key(agent_id, mode, ordinal);
        self.of_key(py, key)
    }

    /// Drop the scores of a session that is over.
    pub fn close(&mut self, agent_id: &str, mode: &str, ordinal: i64) {
        let open = self.state();
        let key = key_of(&open.hasher, agent_id, mode, ordinal);
        if open.by_key.remove(&key).is_some() {
            open.touched.remove(&key);
            open.closed.insert(key);
        }
    }

    /// The bytes of changed sessions and the keys of closed ones, since the last call.
    fn dump<'py>(&mut self, py: Python<'py>) -> Changed<'py> {
        let open = self.state();
        let bytes = |key: &u64| {
            let raw = open.by_key[key].borrow(py).dump();
            (*key, PyBytes::new(py, &raw))
        };
        let changed = open.touched.iter().map(bytes).collect();
        open.touched.clear();
        (changed, std::mem::take(&mut open.closed).into_iter().collect())
    }

    /// Read what `dump` wrote.
    fn load(&mut self, py: Python<'_>, stored: &Bound<'_, PyAny>) -> PyResult<()> {
        let open = self.state();
        for pair in stored.try_iter()? {
            let (key, blob): (u64, Bound<'_, PyBytes>) = pair?.extract()?;
            let raw = blob.as_bytes().get(MARK.len()..).unwrap_or_default();
            let found = SessionScores::load(&open.plan, raw).map_err(|error| {
                state_error(py, &format!("scores of a session cannot be read: {}", error.value(py)))
            })?;
            open.by_key.insert(key, Py::new(py, found)?);
        }
        Ok(())
    }
}
