//! The compiled scorer for Python; `models.native_scoring` makes it.

use crate::alerting::signals::Signal;
use crate::alerting::weighing;
use crate::baseline::profile::Profile;
use crate::baseline::session::{state_error, SessionScores};
use crate::baseline::subject::{Given, Subject};
use crate::codec::compact_writer::Writer;
use crate::codec::hashing::{Hasher, Hashes};
use crate::detectors::amounts::Expected;
use crate::detectors::promises::Standing;
use crate::detectors::slow_change;
use crate::features::conditions::Tested;
use crate::features::plan::Plan;
use crate::features::reading::{Origin, Readers};
use crate::features::told::EventTools;
use crate::learning::change_log::Parts;
use crate::learning::contribution::Contribution;
use crate::learning::shared::{HeadState, SharedBehaviour};
use crate::peers::knowledge::salt;
use crate::scores::Scores;
use crate::scoring::{Arrived, Content, State, Tools};
use crate::units::DAY_US;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Where the stream is.
#[pyclass(module = "habitus_native")]
pub struct Head {
    pub state: HeadState,
}

#[pymethods]
impl Head {
    #[getter]
    fn watermark_us(&self) -> i64 {
        self.state.watermark_us
    }

    #[setter]
    fn set_watermark_us(&mut self, us: i64) {
        self.state.watermark_us = us;
    }

    #[getter]
    fn published_us(&self) -> i64 {
        self.state.published_us
    }

    #[setter]
    fn set_published_us(&mut self, us: i64) {
        self.state.published_us = us;
    }

    #[getter]
    fn version(&self) -> i64 {
        self.state.version
    }
}

/// Scores the events of a fleet, and learns them afterwards; also what the agents share.
#[pyclass(module = "habitus_native")]
pub struct Scorer {
    /// Never locked: one caller at a time has the kernel to itself.
    state: Mutex<State>,
    #[pyo3(get)]
    pub head: Py<Head>,
    #[pyo3(get)]
    hasher: Py<PyAny>,
    #[pyo3(get)]
    families: Py<PyAny>,
}

impl Scorer {
    pub fn state(&mut self) -> &mut State {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

fn blobs<'py>(py: Python<'py>, all: Vec<(String, Vec<u8>)>) -> Vec<(String, Bound<'py, PyBytes>)> {
    all.into_iter().map(|(name, raw)| (name, PyBytes::new(py, &raw))).collect()
}

#[pymethods]
impl Scorer {
    /// `tools` has the objects of Python by their names.
    #[new]
    fn new(
        py: Python<'_>,
        plan: &[u8],
        secret: &[u8],
        tools: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let plan = Arc::new(Plan::read(plan)?);
        let tool = |name: &str| -> PyResult<Py<PyAny>> {
            let found = tools.get_item(name)?;
            let missing = || PyKeyError::new_err(name.to_owned());
            Ok(found.ok_or_else(missing)?.unbind())
        };
        let (hasher, families) = (tool("hasher")?, tool("families")?);
        let tools = Tools {
            readers: Readers { identifiers: tool("identifiers")?, programs: tool("programs")? },
            events: EventTools { microseconds: tool("microseconds")?, encode: tool("encode")? },
            content: hasher.getattr(py, "content")?,
            panel: tools.get_item("panel")?.map(Bound::unbind),
            read_contribution: tool("read_contribution")?,
            contribution_bytes: tool("contribution_bytes")?,
        };
        let shared = SharedBehaviour::new(
            &plan.constants,
            &plan.series,
            &plan.combination,
            plan.cases_per_day,
        );
        let state = State {
            hasher: Hasher::new(secret)?,
            hashes: Hashes::new(secret)?,
            tested: Tested::default(),
            plan,
            tools,
            shared,
        };
        let head = Py::new(py, Head { state: HeadState::default() })?;
        Ok(Scorer { state: Mutex::new(state), head, hasher, families })
    }

    /// What the agents share.
    #[getter]
    fn shared(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// A new profile.
    fn profile(&mut self, agent_id: String, mode: String) -> Profile {
        Profile::new(self.state().plan.clone(), agent_id, mode)
    }

    /// The profile in bytes that `Profile.dump` wrote.
    fn read_profile(
        &mut self,
        py: Python<'_>,
        raw: &[u8],
        agent_id: String,
        mode: String,
    ) -> PyResult<Profile> {
        Profile::load(py, self.state().plan.clone(), raw, agent_id, mode)
    }

    // ------------------------------------------------------------------ scoring

    /// Score one event of a session.
    #[allow(clippy::too_many_arguments)] // those of the reference
    fn score(
        &mut self,
        py: Python<'_>,
        event: &Bound<'_, PyAny>,
        origin: Origin,
        profile: Py<Profile>,
        session: Py<SessionScores>,
        time_us: i64,
        standing: Standing,
        content: (f64, Option<Given>),
    ) -> PyResult<Scores> {
        let first_open = self.first_open_day(py);
        let told = self.state().tools.events.read(event, time_us)?;
        let (bits, subject) = content;
        let arrived = Arrived {
            told: &told,
            operation: told.operation,
            origin: &origin,
            standing,
            content: Content { bits, subject: &|| Ok(subject.clone().map(Subject::from)) },
            event: &|| Ok(event.clone().unbind()),
        };
        let scored = self.state().score(py, arrived, profile, session, first_open)?;
        Ok(Scores { scored: scored.into_owned() })
    }

    /// What the detectors say of the session: those of its lead, then the rarest first.
    fn signals(&mut self, py: Python<'_>, scores: &Scores) -> PyResult<Vec<Signal>> {
        let state = self.state();
        weighing::signals(py, &state.plan, &mut state.shared, &scores.scored)
    }

    // ------------------------------------------------------------------ learning

    /// Count the combination of a session among the day's maxima, and its agent as active.
    #[pyo3(signature = (scores, *, repeated))]
    fn count_day(&mut self, py: Python<'_>, scores: &mut Scores, repeated: bool) {
        self.state().count_day(py, &mut scores.scored, repeated);
    }

    /// Learn an event after it was scored. The event is the one that was scored.
    #[pyo3(signature = (scores, event, *, held_days))]
    fn learn(
        &mut self,
        py: Python<'_>,
        scores: &mut Scores,
        event: &Bound<'_, PyAny>,
        held_days: i64,
    ) -> PyResult<()> {
        let _ = event;
        self.state().learn(py, &mut scores.scored, held_days)
    }

    /// The days of an agent that get no more events.
    fn days_over(&mut self, py: Python<'_>, profile: &Profile) -> Vec<i64> {
        let first = self.first_open_day(py);
        profile.open_days.range(..first).map(|(&day, _)| day).collect()
    }

    /// Learn the days of an agent that are over, without the families that were open before.
    fn close_days(
        &mut self,
        py: Python<'_>,
        profile: &mut Profile,
        open_families: FxHashMap<i64, FxHashSet<String>>,
    ) -> PyResult<()> {
        let none = FxHashSet::default();
        for day in self.days_over(py, profile) {
            let families = open_families.get(&day).unwrap_or(&none);
            if let Some(over) = profile.open_days.remove(&day) {
                self.state().close(profile, day, &over, families);
            }
            profile.forget_values(day);
        }
        Ok(())
    }

    /// Reset the test for slow change after a case.
    #[staticmethod]
    fn restart_slow_change(profile: &mut Profile) {
        slow_change::restart(profile);
    }

    // ------------------------------------------------------------------ shared

    /// Whether any day is known, so that return periods mean something.
    #[getter]
    fn calibrated(&mut self) -> bool {
        self.state().shared.calibrated()
    }

    /// Whether enough days are known to tell a rare session from a new fleet.
    #[getter]
    fn knows_rarity(&mut self) -> bool {
        let state = self.state();
        state.shared.knows_rarity(&state.plan.constants)
    }

    fn active_agents(&mut self, today: i64) -> f64 {
        let state = self.state();
        state.shared.active_agents(&state.plan.constants, today)
    }

    fn active_days(&mut self, after: i64, until: i64) -> i64 {
        self.state().shared.active_days(after, until)
    }

    /// Agent-days that the rates of the combination are estimated from.
    #[getter]
    fn known_days(&mut self) -> u64 {
        self.state().shared.combined.known_days()
    }

    /// What a day of the agent has of an amount; None while the fleet is not known.
    fn expected(&mut self, profile: &Profile, number: u64) -> Option<Expected> {
        let state = self.state();
        let role = salt(&state.hasher, &profile.role);
        state.shared.amounts.expected(&state.plan, &state.hasher, profile, role, number)
    }

    /// Publish what has waited, with what `announce` gives of other shards.
    fn publish_waiting(&mut self, py: Python<'_>, announce: Option<Py<PyAny>>) -> PyResult<()> {
        let head = self.head.clone_ref(py);
        let state = self.state();
        let plan = state.plan.clone();
        let mut all = vec![state.shared.take_waiting(&plan.constants)];
        if let Some(announce) = announce {
            let mut out = Writer::default();
            all[0].write(&mut out);
            let own = state.tools.read_contribution.call1(py, (PyBytes::new(py, &out.out),))?;
            for other in announce.bind(py).call1((own,))?.try_iter()? {
                let raw = state.tools.contribution_bytes.bind(py).call1((other?,))?;
                all.push(Contribution::read(raw.extract()?, &plan.constants)?);
            }
        }
        let head = &mut head.borrow_mut(py).state;
        state.shared.publish(&plan.constants, head, &all);
        Ok(())
    }

    /// Write what changed since the last call; all of it with `whole`.
    #[pyo3(signature = (*, whole = false))]
    fn dump<'py>(&mut self, py: Python<'py>, whole: bool) -> PyResult<Bound<'py, PyList>> {
        let head = self.head.borrow(py).state;
        let state = self.state();
        let found = state.shared.dump(&state.plan.constants, head, whole);
        PyList::new(py, blobs(py, found))
    }

    /// Read what `dump` wrote.
    fn load(&mut self, py: Python<'_>, parts: FxHashMap<String, Bound<'_, PyAny>>) -> PyResult<()> {
        let mut raw = Parts::default();
        for (name, blob) in parts {
            raw.insert(name, blob.extract::<Vec<u8>>()?);
        }
        let head = self.head.clone_ref(py);
        let state = self.state();
        let mut head = head.borrow_mut(py);
        state.shared.load(&state.plan.constants, &mut head.state, &raw).map_err(|error| {
            state_error(py, &format!("shared behaviour cannot be read: {}", error.value(py)))
        })
    }
}

impl Scorer {
    pub fn first_open_day(&mut self, py: Python<'_>) -> i64 {
        let watermark_us = self.head.borrow(py).state.watermark_us;
        (watermark_us - self.state().plan.constants.late_us).div_euclid(DAY_US)
    }
}
