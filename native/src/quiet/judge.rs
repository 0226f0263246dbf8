//! Judges the quiet events of a batch, one after the other (`models.quiet_loop`).
//!
//! It stops at an event that the reference judges, from its start or from its score on.

use crate::baseline::open_scores::OpenScores;
use crate::calibration::session_calibration::SessionPools;
use crate::codec::hashing::Hashes;
use crate::provenance::backend::ProvenanceDetector;
use crate::provenance::open_sessions::OpenSessions;
use crate::provenance::session::Session;
use crate::quiet::batch::ActionBatch;
use crate::quiet::calls::PythonCalls;
use crate::quiet::content::Words;
use crate::quiet::event::Outcome;
use crate::quiet::numbers::Numbers;
use crate::scorer::{Head, Scorer};
use crate::scores::Scores;
use crate::trust::update::Policy;
use crate::units::MINUTE_US;
use pyo3::prelude::*;
use std::mem::take;

/// Parameters of `models.config.ModelConfig`, and constants.
pub struct Settings {
    pub least_bits: f64,
    pub held_days: i64,
    pub learning_sessions: i64,
    pub snapshot_us: i64,
    pub idle_us: i64,
    pub late_us: i64,
    /// Time after which agents that have been quiet for long are examined.
    pub slot_us: i64,
    pub min_sessions: u64,
    degraded: Vec<(i64, i64)>,
}

impl Settings {
    fn of(config: &Bound<'_, PyAny>, late_us: i64) -> PyResult<Self> {
        let whole = |name: &str| -> PyResult<i64> { config.getattr(name)?.extract() };
        let constant = |module: &str, name: &str| config.py().import(module)?.getattr(name);
        Ok(Settings {
            least_bits: -config.getattr("alerts_per_day")?.extract::<f64>()?.log2(),
            held_days: whole("held_days")?,
            learning_sessions: whole("learning_sessions")?,
            snapshot_us: whole("snapshot_minutes")? * MINUTE_US,
            idle_us: whole("idle_minutes")? * MINUTE_US,
            late_us,
            slot_us: constant("models.telemetry.quiet_agents", "SLOT_US")?.extract()?,
            min_sessions: constant("models.learning.sessions", "MIN_SESSIONS")?.extract()?,
            degraded: config.getattr("degraded")?.extract()?,
        })
    }

    /// Whether telemetry is degraded at a time.
    pub fn is_degraded(&self, time_us: i64) -> bool {
        self.degraded.iter().any(|&(start, end)| (start..end).contains(&time_us))
    }
}

/// Judges quiet events with the parts of an engine.
#[pyclass(module = "habitus_native")]
pub struct QuietJudge {
    pub engine: Py<PyAny>,
    pub arrivals: Py<PyAny>,
    pub last_seen: Py<PyAny>,
    pub is_repeated: Py<PyAny>,
    pub words: Words,
    pub scorer: Py<Scorer>,
    pub head: Py<Head>,
    pub content: Py<ProvenanceDetector>,
    pub sessions: Py<OpenSessions>,
    pub scores: Py<OpenScores>,
    pub pools: Py<SessionPools>,
    pub hashes: Hashes,
    pub calls: PythonCalls,
    pub policy: Policy,
    pub settings: Settings,
    pub announcements: Option<Py<PyAny>>,
    pub trusted_history: bool,
    /// Whether the numbers of the next event are noted, and those of a quiet one.
    pub noting: bool,
    pub noted: Option<Numbers>,
    numbers: Vec<(usize, Numbers)>,
}

/// Parts of `models.engine.Engine`, by name.
#[derive(FromPyObject)]
struct Engine<'py> {
    config: Bound<'py, PyAny>,
    policy: Bound<'py, PyAny>,
    scorer: Py<Scorer>,
    sessions: Sessions,
    arrivals: Py<PyAny>,
    last_seen: Py<PyAny>,
    hasher: Secret,
}

/// Parts of `models.learning.sessions.Sessions`, by name.
#[derive(FromPyObject)]
struct Sessions {
    content: Py<ProvenanceDetector>,
    open: Py<OpenSessions>,
    scores: Py<OpenScores>,
    gate: Gate,
}

#[derive(FromPyObject)]
struct Gate {
    pools: Py<SessionPools>,
}

/// The scored event and the session at which the loop stopped, if any.
type Stopped = Option<(Scores, Py<Session>)>;

#[derive(FromPyObject)]
struct Secret {
    key: Vec<u8>,
}

#[pymethods]
impl QuietJudge {
    /// `origin` maps source address, egress, network and country of an event to its `Origin`,
    /// `infer` a tool to its operation. `is_repeated` is that of `models.quiet_loop`, `words` those
    /// of `models.explain.content`.
    #[new]
    fn new(
        py: Python<'_>,
        engine: Bound<'_, PyAny>,
        origin: Py<PyAny>,
        infer: Py<PyAny>,
        is_repeated: Py<PyAny>,
        words: Words,
    ) -> PyResult<Self> {
        let parts: Engine<'_> = engine.extract()?;
        let (late_us, head) = {
            let mut scorer = parts.scorer.borrow_mut(py);
            (scorer.state().plan.constants.late_us, scorer.head.clone_ref(py))
        };
        Ok(QuietJudge {
            engine: engine.unbind(),
            arrivals: parts.arrivals,
            last_seen: parts.last_seen,
            is_repeated,
            words,
            scorer: parts.scorer,
            head,
            content: parts.sessions.content,
            sessions: parts.sessions.open,
            scores: parts.sessions.scores,
            pools: parts.sessions.gate.pools,
            hashes: Hashes::new(&parts.hasher.key)?,
            calls: PythonCalls::new(origin, infer),
            policy: Policy::of(&parts.policy)?,
            settings: Settings::of(&parts.config, late_us)?,
            announcements: None,
            trusted_history: false,
            noting: false,
            noted: None,
            numbers: Vec::new(),
        })
    }

    /// Judge from a position on. Gives the position of the stop, and what is known of the event
    /// there if it was scored. `event_at` gives an event by its position. `moved` is called with
    /// the position of an event that changed the trust of its agent, the agent, and the time.
    /// `note_from` is the first position whose numbers `take_numbers` gives.
    fn run(
        &mut self,
        py: Python<'_>,
        batch: &mut ActionBatch,
        position: usize,
        event_at: Py<PyAny>,
        moved: Py<PyAny>,
        note_from: usize,
    ) -> PyResult<(usize, Stopped)> {
        let engine = self.engine.bind(py);
        let announcements = engine.getattr("announcements")?;
        self.announcements = Some(announcements).filter(|one| !one.is_none()).map(Bound::unbind);
        self.trusted_history = engine.getattr("trusted_history")?.extract()?;
        let mut scored = None;
        let mut at = position;
        while at < batch.len() {
            let Some((action, slot)) = batch.plain(at) else { break };
            let event = || event_at.call1(py, (at,));
            let time_us = action.time_us;
            self.noting = at >= note_from;
            match self.event(py, action, slot, &event)? {
                Outcome::Reference => break,
                Outcome::Scored(scores, session) => {
                    if let Some(known) = &mut slot.known {
                        known.note(action, false);
                    }
                    scored = Some((*scores, session));
                    break;
                }
                Outcome::TrustChanged(agent_state) => {
                    batch.sync(py, at)?;
                    moved.call1(py, (at, agent_state, time_us))?;
                }
                Outcome::Quiet => {}
            }
            self.numbers.extend(self.noted.take().map(|numbers| (at, numbers)));
            at += 1;
        }
        batch.sync_all(py)?;
        Ok((at, scored))
    }

    /// Give the numbers of the quiet events since the last call, by position.
    fn take_numbers(&mut self) -> Vec<(usize, Numbers)> {
        take(&mut self.numbers)
    }
}
