//! P-values of sessions: rank among those of the role, backed off to the fleet.

use crate::calibration::score_window::{bin_of, read_window, write_window, Tail, Window};
use crate::codec::compact_reader::Reader;
use crate::codec::compact_writer::Writer;
use indexmap::IndexMap;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustc_hash::FxBuildHasher;

const PRIOR_SESSIONS: f64 = 130.0;
const MAX_ROLES: usize = 4_096;
const GATE: f64 = 0.02;
const MAX_RARE: f64 = 8.0;

/// Highest scores of past sessions, of the fleet and by role.
#[pyclass(module = "habitus_native")]
pub struct SessionPools {
    size: u64,
    of_role: u64,
    linked_tails: bool,
    fleet: Window,
    roles: IndexMap<String, Window, FxBuildHasher>,
    /// Expected rare sessions by role.
    spare: IndexMap<String, f64, FxBuildHasher>,
    /// Whether a session was added since the last `dump`.
    #[pyo3(get)]
    changed: bool,
}

#[pymethods]
impl SessionPools {
    #[new]
    #[pyo3(signature = (size, *, of_role = None, linked_tails = false))]
    fn new(size: u64, of_role: Option<u64>, linked_tails: bool) -> Self {
        let ((roles, spare), of_role) = (Default::default(), of_role.unwrap_or(size));
        let fleet = Window::new(size);
        SessionPools { size, of_role, linked_tails, fleet, roles, spare, changed: false }
    }

    /// Sessions in the fleet's window.
    #[getter]
    pub fn n(&self) -> u64 {
        self.fleet.n()
    }

    /// Adds the highest score of a finished session, in bits.
    pub fn add(&mut self, role: &str, score: f64) {
        self.changed = true;
        let cell = bin_of(score);
        self.fleet.add_cell(cell, 1);
        if let Some(window) = self.roles.get_mut(role) {
            window.add_cell(cell, 1);
        } else if self.roles.len() < MAX_ROLES {
            let mut window = Window::new(self.of_role);
            window.add_cell(cell, 1);
            self.roles.insert(role.to_owned(), window);
        }
    }

    /// Add a session learned behind the gate, unless it is rarer than chance predicts.
    pub fn offer(&mut self, role: &str, score: f64, p: f64) {
        let mut spare = self.spare.get(role).copied().unwrap_or_default();
        if p > GATE {
            spare = (spare + GATE / (1.0 - GATE)).min(MAX_RARE);
        } else if spare >= 1.0 {
            spare -= 1.0;
        } else {
            return;
        }
        self.add(role, score);
        if let Some(known) = self.spare.get_mut(role) {
            *known = spare;
        } else if self.roles.contains_key(role) {
            self.spare.insert(role.to_owned(), spare);
        }
    }

    /// P(a past session is as high), in (0, 1].
    pub fn p_value(&self, role: &str, score: f64, u: f64) -> f64 {
        let tail = if self.linked_tails { Tail::Predictive } else { Tail::Inflated };
        let fleet = |other| self.fleet.p_backed_off(other, u, None, tail);
        let p = fleet(score);
        let Some(own) = self.roles.get(role).filter(|own| own.n() > 0) else { return p };
        let (n, general) = (own.n() as f64, &fleet as &dyn Fn(f64) -> f64);
        let of_role = if self.linked_tails {
            own.p_backed_off(score, u, Some(general), Tail::Linked)
        } else {
            own.p_backed_off(score, u, None, tail)
        };
        (n * of_role + PRIOR_SESSIONS * p) / (n + PRIOR_SESSIONS)
    }

    fn dump<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.changed = false;
        let mut out = Writer::default();
        out.array(3);
        write_window(&mut out, &self.fleet);
        out.map(self.roles.len());
        for (role, window) in &self.roles {
            out.text(role);
            write_window(&mut out, window);
        }
        out.map(self.spare.len());
        for (role, spare) in &self.spare {
            out.text(role);
            out.float(*spare);
        }
        PyBytes::new(py, &out.out)
    }

    /// Read what `dump` wrote.
    fn load(&mut self, raw: &[u8]) -> PyResult<()> {
        let mut from = Reader::new(raw);
        let parts = from.array()?;
        if parts != 3 {
            let text = format!("scores of sessions have {parts} parts, expected 3");
            return Err(PyValueError::new_err(text));
        }
        let window = |from: &mut Reader<'_>, size: u64| -> PyResult<Window> {
            Ok(Window { size, ..read_window(from)? })
        };
        let fleet = window(&mut from, self.size)?;
        let (mut roles, mut spare) = (IndexMap::default(), IndexMap::default());
        for _ in 0..from.map()? {
            let role = from.text()?.to_owned();
            roles.insert(role, window(&mut from, self.of_role)?);
        }
        for _ in 0..from.map()? {
            let role = from.text()?.to_owned();
            spare.insert(role, from.float()?);
        }
        from.end()?;
        (self.fleet, self.roles, self.spare) = (fleet, roles, spare);
        Ok(())
    }
}
