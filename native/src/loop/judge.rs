//! Judges ordinary events, one after the other.
//!
//! The reference is `models.engine.Engine.judge`. It judges every event that could be reported: a
//! rule matches, p is small, an event is held, or an agent's day begins. Such an event has no side
//! effects here.

use crate::codec::hashing::Hashes;
use crate::features::extraction::{Names, Texts};
use crate::provenance::backend::ProvenanceDetector;
use crate::provenance::open_sessions::OpenSessions;
use crate::r#loop::agent::Agent;
use crate::r#loop::batch::ActionBatch;
use crate::r#loop::config::{Config, Metrics};
use crate::r#loop::engine::{Engine, Fleet, Head};

use crate::r#loop::numbers::{EventNumbers, Numbers};
use crate::r#loop::one_event::EventJudge;
use crate::r#loop::python_calls::PythonCalls;
use crate::r#loop::run::{Run, Stop, TrustChange};
use crate::trust::response::{parts_of, AnswerParts, Answers, View};
use crate::trust::update::Policy;
use crate::watch::heard::Heard;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

type Announcements<'py> = (Vec<Bound<'py, PyBytes>>, Vec<(String, String, i64)>);

/// Judges ordinary events.
#[pyclass(module = "habitus_native")]
pub struct Judge {
    config: Config,
    metrics: Metrics,
    names: Names,
    policy: Policy,
    answers: Answers,
    /// Whether it stops where an agent's trust has changed.
    publish: bool,
    fleet: Fleet,
    content: Py<ProvenanceDetector>,
    sessions: Py<OpenSessions>,
    heard: Py<Heard>,
    hashes: Py<Hashes>,
    python: PythonCalls,
    texts: Box<Texts>,
    seen: Vec<i64>,
    announced: Announced,
    trust_changes: Vec<TrustChange>,
    /// Whether the numbers of ordinary events are kept.
    keeps_numbers: bool,
    numbers: Vec<(usize, Numbers)>,
}

/// Announcements for other engines: finished sessions, and active agents by hour.
#[derive(Default)]
pub struct Announced {
    pub sessions: Vec<Vec<u8>>,
    pub activity: Vec<(String, String, i64)>,
}

#[pymethods]
impl Judge {
    /// `origin` maps source address, egress, network and country of an event to its `Origin`.
    /// `infer` maps a tool to its operation. `outputs`: whether to stop where an agent's trust has
    /// changed, and whether to keep the numbers of ordinary events.
    #[new]
    fn new(
        py: Python<'_>,
        engine: Engine<'_>,
        hashes: Py<Hashes>,
        origin: Py<PyAny>,
        infer: Py<PyAny>,
        outputs: (bool, bool),
    ) -> PyResult<Self> {
        let (publish, keeps_numbers) = outputs;
        let policy = Policy::of(&engine.policy)?;
        let names = Names::of(&engine.fleet.groups.borrow(py).slots, py)?;
        Ok(Judge {
            config: Config::of(&engine.config)?,
            metrics: Metrics::of(py)?,
            names,
            answers: Answers::of(&engine.policy, &policy)?,
            policy,
            publish,
            python: PythonCalls::new(
                py,
                origin,
                infer,
                engine.fleet.count_active_agent.clone_ref(py),
            )?,
            fleet: engine.fleet,
            content: engine.content,
            sessions: engine.sessions,
            heard: engine.watcher.heard,
            hashes,
            texts: Box::default(),
            seen: Vec::new(),
            announced: Announced::default(),
            trust_changes: Vec::new(),
            keeps_numbers,
            numbers: Vec::new(),
        })
    }

    /// Judge from a position on. Gives the position and the reason of the stop.
    ///
    /// `head` is `models.peers.fleet.Head`. `active` holds the active agents a day, and events of
    /// each. `options`: whether to collect announcements, and whether the operator trusts the events.
    fn run(
        &mut self,
        py: Python<'_>,
        actions: &ActionBatch,
        position: usize,
        head: &Bound<'_, PyAny>,
        active: (u64, f64),
        options: (bool, bool),
    ) -> PyResult<(usize, u8)> {
        let (known, (announces, trusted_history)) = (head.extract::<Head>()?, options);
        if known.epoch_us < 0 {
            return Ok((position, Stop::Reference as u8));
        }
        let content = &mut *self.content.borrow_mut(py);
        let event_judge = EventJudge {
            py,
            config: &self.config,
            metrics: &self.metrics,
            names: &self.names,
            groups: &mut self.fleet.groups.borrow_mut(py),
            content: content.detector(),
            sessions: &mut self.sessions.borrow_mut(py),
            pools: &mut self.fleet.sessions.borrow_mut(py),
            together: &mut self.fleet.together.borrow_mut(py),
            baselines: &mut self.fleet.baselines.borrow_mut(py),
            heard: &mut self.heard.borrow_mut(py),
            hashes: self.hashes.get(),
            python: &mut self.python,
            texts: &mut self.texts,
            seen: &mut self.seen,
            announced: announces.then_some(&mut self.announced),
            keeps_numbers: self.keeps_numbers && !trusted_history,
            numbers: Numbers::default(),
            trusted_history,
            version: known.version,
            epoch_us: known.epoch_us,
            active: active.0 as f64,
            events_per_agent: active.1,
            watermark_us: known.watermark_us,
        };
        let mut run = Run {
            event_judge,
            actions,
            policy: &self.policy,
            answers: &self.answers,
            publish: self.publish,
            trust_changes: &mut self.trust_changes,
            numbers: &mut self.numbers,
            published_us: known.published_us,
        };
        let (at, stop) = run.from(position)?;
        head.setattr(intern!(py, "watermark_us"), run.event_judge.watermark_us)?;
        Ok((at, stop as u8))
    }

    /// The answers about agents whose trust changed without a stop, each once.
    fn trust_changes(&mut self) -> Vec<TrustChange> {
        std::mem::take(&mut self.trust_changes)
    }

    /// The ordinary events with their numbers, in order, each once.
    fn numbers(&mut self, actions: &ActionBatch) -> Vec<EventNumbers> {
        let found = self.numbers.drain(..);
        found.filter_map(|(at, numbers)| numbers.with_event(actions, at)).collect()
    }

    /// The mode with the lowest cautious score, and the numbers of the answer: its state where it
    /// changed, clean days, cautious score, level, days to the next level, and validity. None
    /// leaves the answer to the reference.
    fn answer(
        &self,
        py: Python<'_>,
        modes: Vec<PyRef<'_, Agent>>,
        at_us: i64,
    ) -> PyResult<Option<(usize, AnswerParts)>> {
        let mut lowest: Option<(usize, View)> = None;
        for (at, agent) in modes.iter().enumerate() {
            let Some(trust) = &agent.trust else { return Ok(None) };
            let Some(view) = self.answers.view(py, &self.policy, trust, at_us)? else {
                return Ok(None);
            };
            if lowest.as_ref().is_none_or(|(_, known)| view.lower < known.lower) {
                lowest = Some((at, view));
            }
        }
        Ok(lowest.map(|(at, view)| (at, parts_of(&modes[at], &view))))
    }

    /// The announcements for other engines, each once.
    fn announcements<'py>(&mut self, py: Python<'py>) -> Announcements<'py> {
        let Announced { sessions, activity } = std::mem::take(&mut self.announced);
        (sessions.iter().map(|session| PyBytes::new(py, session)).collect(), activity)
    }
}
