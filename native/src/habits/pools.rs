//! P-values of sessions: rank among those of the role, leaning on the fleet; `models.session_pools`.

use super::group::expect;
use super::stored::{read_window, write_window};
use super::window::{bin_of, Window};
use crate::pack::{Reader, Writer};
use indexmap::IndexMap;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustc_hash::FxBuildHasher;

const PRIOR_SESSIONS: f64 = 200.0;
const MOST_ROLES: usize = 4_096;

/// Highest scores of past sessions, all together and by role.
#[pyclass(module = "habitus_native")]
pub struct SessionPools {
    fleet: Window,
    roles: IndexMap<String, Window, FxBuildHasher>,
    /// Whether a session was taken in since the last `dump`.
    #[pyo3(get)]
    changed: bool,
}

#[pymethods]
impl SessionPools {
    #[new]
    fn new(size: u64) -> Self {
        SessionPools { fleet: Window::new(size), roles: IndexMap::default(), changed: false }
    }

    /// Sessions in the fleet's window.
    #[getter]
    pub fn n(&self) -> u64 {
        self.fleet.n()
    }

    /// Takes in the highest score of a finished session, in bits.
    pub fn add(&mut self, role: &str, score: f64) {
        self.changed = true;
        let cell = bin_of(score);
        self.fleet.add_cell(cell, 1);
        if let Some(window) = self.roles.get_mut(role) {
            window.add_cell(cell, 1);
        } else if self.roles.len() < MOST_ROLES {
            let mut window = Window::new(self.fleet.size);
            window.add_cell(cell, 1);
            self.roles.insert(role.to_owned(), window);
        }
    }

    /// P(a past session is as high), in (0, 1].
    pub fn p_value(&self, role: &str, score: f64, u: f64) -> f64 {
        let p = self.fleet.p_value(score, u);
        match self.roles.get(role).filter(|own| own.n() > 0) {
            None => p,
            Some(own) => {
                let n = own.n() as f64;
                (n * own.p_value(score, u) + PRIOR_SESSIONS * p) / (n + PRIOR_SESSIONS)
            }
        }
    }

    fn dump<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.changed = false;
        let mut out = Writer::default();
        out.array(2);
        write_window(&mut out, &self.fleet);
        out.map(self.roles.len());
        for (role, window) in &self.roles {
            out.text(role);
            write_window(&mut out, window);
        }
        PyBytes::new(py, &out.out)
    }

    #[staticmethod]
    fn load(raw: &[u8]) -> PyResult<Self> {
        let mut from = Reader::new(raw);
        expect(from.array()?, 2)?;
        let fleet = read_window(&mut from)?;
        let mut pools = SessionPools { fleet, roles: IndexMap::default(), changed: false };
        for _ in 0..from.map()? {
            let role = from.text()?.to_owned();
            pools.roles.insert(role, read_window(&mut from)?);
        }
        from.end()?;
        Ok(pools)
    }
}
