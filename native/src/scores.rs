//! What one event has made of its session; `models.scoring.Scores`.

use crate::alerting::weighing::Weighed;
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

/// What one event has made of its session.
pub struct Scored<'t> {
    pub profile: Py<Profile>,
    pub session: Py<SessionScores>,
    pub values: Fields<'t>,
    pub facts: Facts<'t>,
    pub time_us: i64,
    pub day: i64,
    pub state: Option<String>,
    pub over: Option<OpenDay>,
    pub raised: Ordered<u64, f64>,
    pub found: Novelty,
    pub credential: u64,
    /// What the registered detectors say of the event.
    pub opinions: Option<Py<PyAny>>,
    pub weighed: Weighed,
}

impl Scored<'_> {
    pub fn into_owned(self) -> Scored<'static> {
        Scored {
            profile: self.profile,
            session: self.session,
            values: self.values.into_owned(),
            facts: self.facts.into_owned(),
            time_us: self.time_us,
            day: self.day,
            state: self.state,
            over: self.over,
            raised: self.raised,
            found: self.found,
            credential: self.credential,
            opinions: self.opinions,
            weighed: self.weighed,
        }
    }
}

/// The same for Python. It offers the attributes of the event and of its novelty itself.
#[pyclass(module = "habitus_native")]
pub struct Scores {
    pub scored: Scored<'static>,
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
        FieldsView::of(py, &self.scored.values)
    }

    #[getter]
    fn raised<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        floats(py, &self.scored.raised)
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
        self.scored.found.new.iter().map(value).collect()
    }

    #[getter]
    fn known(&self) -> Vec<u64> {
        self.scored.found.known.clone()
    }

    #[getter]
    fn profile(&self, py: Python<'_>) -> Py<Profile> {
        self.scored.profile.clone_ref(py)
    }

    #[getter]
    fn session(&self, py: Python<'_>) -> Py<SessionScores> {
        self.scored.session.clone_ref(py)
    }

    #[getter]
    fn opinions(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.scored.opinions.as_ref().map(|one| one.clone_ref(py))
    }

    #[getter]
    fn time_us(&self) -> i64 {
        self.scored.time_us
    }

    #[getter]
    fn day(&self) -> i64 {
        self.scored.day
    }

    #[getter]
    fn state(&self) -> Option<&str> {
        self.scored.state.as_deref()
    }

    #[getter]
    fn credential(&self) -> u64 {
        self.scored.credential
    }

    #[getter]
    fn own(&self) -> f64 {
        self.scored.weighed.own
    }

    #[getter]
    fn rarity(&self) -> f64 {
        self.scored.weighed.rarity
    }

    #[getter]
    fn sum(&self) -> f64 {
        self.scored.weighed.sum
    }

    #[getter]
    fn most(&self) -> f64 {
        self.scored.weighed.most
    }
}
