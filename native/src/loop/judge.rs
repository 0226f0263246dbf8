//! Judges events one after the other, as long as they are as usual.
//!
//! The reference is `models.engine.Engine.judge`. An event that is at all worth a word (a rule
//! speaks, p is small, something is held, an agent's day begins) changes nothing here and is left
//! to the reference, which then does all of it.

use crate::codec::hashing::Hashes;
use crate::features::extraction::{Names, Texts};
use crate::provenance::backend::ProvenanceDetector;
use crate::provenance::open_sessions::OpenSessions;
use crate::r#loop::agent::Agent;
use crate::r#loop::batch::Acts;
use crate::r#loop::config::{Config, Metrics};
use crate::r#loop::engine::{Engine, Head, Peers};
use crate::r#loop::numbers;
use crate::r#loop::numbers::Numbers;
use crate::r#loop::one_event::Bench;
use crate::r#loop::python_calls::Asked;
use crate::r#loop::run::{Moved, Run, Stop};
use crate::trust::response::{parts_of, AnswerParts, Answers, View};
use crate::trust::update::Policy;
use crate::watch::heard::Heard;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

type TellTale<'py> = (Vec<Bound<'py, PyBytes>>, Vec<(String, String, i64)>);

/// Judges what is as usual.
#[pyclass(module = "habitus_native")]
pub struct Judge {
    config: Config,
    metrics: Metrics,
    names: Names,
    policy: Policy,
    answers: Answers,
    /// Whether it stops where an agent's trust has moved.
    publish: bool,
    peers: Peers,
    content: Py<ProvenanceDetector>,
    sessions: Py<OpenSessions>,
    heard: Py<Heard>,
    hashes: Py<Hashes>,
    asked: Asked,
    texts: Box<Texts>,
    seen: Vec<i64>,
    told: Told,
    moved: Vec<Moved>,
    /// Whether the numbers of what is quiet are kept, to be asked for.
    listened_to: bool,
    numbers: Vec<(usize, Numbers)>,
}

/// What other engines are to be told: sessions that finished, and who was heard when.
#[derive(Default)]
pub struct Told {
    pub sessions: Vec<Vec<u8>>,
    pub voices: Vec<(String, String, i64)>,
}

#[pymethods]
impl Judge {
    /// `origin`: from source address, egress, network and country of an event to its `Origin`;
    /// `infer`: from a tool to what it does; `told`: whether to stop where an agent's trust has
    /// moved, and whether to keep the numbers of what is quiet.
    #[new]
    fn new(
        py: Python<'_>,
        engine: Engine<'_>,
        hashes: Py<Hashes>,
        origin: Py<PyAny>,
        infer: Py<PyAny>,
        told: (bool, bool),
    ) -> PyResult<Self> {
        let (publish, listened_to) = told;
        let policy = Policy::of(&engine.policy)?;
        let names = Names::of(&engine.peers.groups.borrow(py).places, py)?;
        Ok(Judge {
            config: Config::of(&engine.config)?,
            metrics: Metrics::of(py)?,
            names,
            answers: Answers::of(&engine.policy, &policy)?,
            policy,
            publish,
            asked: Asked::new(py, origin, infer, engine.peers.seen_on.clone_ref(py))?,
            peers: engine.peers,
            content: engine.content,
            sessions: engine.sessions,
            heard: engine.watcher.heard,
            hashes,
            texts: Box::default(),
            seen: Vec::new(),
            told: Told::default(),
            moved: Vec::new(),
            listened_to,
            numbers: Vec::new(),
        })
    }

    /// Judge from a position on; gives where it stopped and why.
    ///
    /// `head` is `models.peers.fleet.Head`, `busy` how many agents act on a day, and events of
    /// each; `way`
    /// says whether others are told, and whether an operator vouches for what is judged.
    fn run(
        &mut self,
        py: Python<'_>,
        acts: &Acts,
        position: usize,
        head: &Bound<'_, PyAny>,
        busy: (u64, f64),
        way: (bool, bool),
    ) -> PyResult<(usize, u8)> {
        let (known, (telling, vouched)) = (head.extract::<Head>()?, way);
        if known.epoch_us < 0 {
            return Ok((position, Stop::SecondLook as u8));
        }
        let content = &mut *self.content.borrow_mut(py);
        let bench = Bench {
            py,
            config: &self.config,
            metrics: &self.metrics,
            names: &self.names,
            groups: &mut self.peers.groups.borrow_mut(py),
            content: content.detector(),
            sessions: &mut self.sessions.borrow_mut(py),
            pools: &mut self.peers.sessions.borrow_mut(py),
            together: &mut self.peers.together.borrow_mut(py),
            levels: &mut self.peers.levels.borrow_mut(py),
            heard: &mut self.heard.borrow_mut(py),
            hashes: self.hashes.get(),
            asked: &mut self.asked,
            texts: &mut self.texts,
            seen: &mut self.seen,
            told: telling.then_some(&mut self.told),
            listened_to: self.listened_to && !vouched,
            numbers: Numbers::default(),
            vouched,
            version: known.version,
            epoch_us: known.epoch_us,
            active: busy.0 as f64,
            events_each: busy.1,
            watermark_us: known.watermark_us,
        };
        let mut run = Run {
            bench,
            acts,
            policy: &self.policy,
            answers: &self.answers,
            publish: self.publish,
            moved: &mut self.moved,
            numbers: &mut self.numbers,
            published_us: known.published_us,
        };
        let (at, stop) = run.from(position)?;
        head.setattr(intern!(py, "watermark_us"), run.bench.watermark_us)?;
        Ok((at, stop as u8))
    }

    /// The answers about agents whose trust has moved without a stop; once.
    fn moved(&mut self) -> Vec<Moved> {
        std::mem::take(&mut self.moved)
    }

    /// What was quiet, with its numbers, in order; once.
    fn numbers(&mut self, acts: &Acts) -> Vec<numbers::Told> {
        let found = self.numbers.drain(..);
        found.filter_map(|(at, numbers)| numbers.told(acts, at)).collect()
    }

    /// Which mode speaks for an agent in all its modes, and what the answer is made of: its state
    /// where that has news, clean days, cautious score, level, days to the next, and for how long.
    /// None where the reference has to make the answer.
    fn answer(
        &self,
        py: Python<'_>,
        modes: Vec<PyRef<'_, Agent>>,
        at_us: i64,
    ) -> PyResult<Option<(usize, AnswerParts)>> {
        let mut least: Option<(usize, View)> = None;
        for (at, agent) in modes.iter().enumerate() {
            let Some(trust) = &agent.trust else { return Ok(None) };
            let Some(view) = self.answers.view(py, &self.policy, trust, at_us)? else {
                return Ok(None);
            };
            if least.as_ref().is_none_or(|(_, known)| view.lower < known.lower) {
                least = Some((at, view));
            }
        }
        Ok(least.map(|(at, view)| (at, parts_of(&modes[at], &view))))
    }

    /// What other engines are to be told; once.
    fn told<'py>(&mut self, py: Python<'py>) -> TellTale<'py> {
        let Told { sessions, voices } = std::mem::take(&mut self.told);
        (sessions.iter().map(|session| PyBytes::new(py, session)).collect(), voices)
    }
}
