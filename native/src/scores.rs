//! What one event has made of its session; `models.scoring.Scores`.

use crate::baseline::open_day::OpenDay;
use crate::baseline::profile::Profile;
use crate::baseline::session::{floats, Ordered, SessionScores};
use crate::detectors::novelty::Novelty;
use crate::features::fields::{Fields, FieldsView};
use crate::features::reading::Facts;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A value that the agent does not know, for Python.
#[pyclass(frozen, get_all, module = "habitus_native")]
pub struct NewValue {
    feature: usize,
    mark: u64,
    level: u8,
    counted: bool,
    bits: f64,
}

/// What one event has made of its session. It offers the attributes of the event and of its
/// novelty itself.
#[pyclass(module = "habitus_native")]
pub struct Scores {
    #[pyo3(get)]
    pub profile: Py<Profile>,
    #[pyo3(get)]
    pub session: Py<SessionScores>,
    pub values: Fields,
    pub facts: Facts,
    #[pyo3(get)]
    pub time_us: i64,
    #[pyo3(get)]
    pub day: i64,
    #[pyo3(get)]
    pub state: Option<String>,
    pub over: Option<OpenDay>,
    pub raised: Ordered<u64, f64>,
    pub found: Novelty,
    #[pyo3(get)]
    pub credential: u64,
    /// What the registered detectors say of the event.
    #[pyo3(get)]
    pub opinions: Option<Py<PyAny>>,
    #[pyo3(get)]
    pub own: f64,
    #[pyo3(get)]
    pub rarity: f64,
    #[pyo3(get)]
    pub sum: f64,
    #[pyo3(get)]
    pub most: f64,
}

#[pymethods]
impl Scores {
    /// The event and its session.
    #[getter]
    fn at(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// Its new and known values.
    #[getter]
    fn novelty(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[getter]
    fn fields(&self, py: Python<'_>) -> PyResult<FieldsView> {
        FieldsView::of(py, &self.values)
    }

    #[getter]
    fn raised<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        floats(py, &self.raised)
    }

    #[getter(new)]
    fn new_values(&self) -> Vec<NewValue> {
        let value = |one: &crate::detectors::novelty::NewValue| NewValue {
            feature: one.feature,
            mark: one.mark,
            level: one.level,
            counted: one.counted,
            bits: one.bits,
        };
        self.found.new.iter().map(value).collect()
    }

    #[getter]
    fn known(&self) -> Vec<u64> {
        self.found.known.clone()
    }
}
