//! Judges events one after the other, as long as they are as usual.
//!
//! The reference is `models.engine.Engine.judge`. An event that is at all worth a word (a rule
//! speaks, p is small, something is held, an agent's day begins) changes nothing here and is left to
//! the reference, which then does all of it.

use super::acts::Acts;
use super::agent::Agent;
use super::answer::{Answers, View};
use super::asked::Asked;
use super::bench::{Bench, Judged};
use super::counting::{COUNTED, COUNTS};
use super::heard::Heard;
use super::peer_levels::PeerLevels;
use super::texts::{Names, Texts};
use super::trust::Policy;
use crate::content::{ContentKernel, OpenSessions};
use crate::habits::{Groups, SessionPools};
use crate::hashing::Hashes;
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

const MOST_PENDING: u64 = 20_000;

/// Why the kernel stopped.
const DONE: u8 = 0;
const SECOND_LOOK: u8 = 1;
const PACK: u8 = 2;
const PUBLISH: u8 = 3;
const HOUR: u8 = 4;
const MOVED: u8 = 5;

/// What is read of `models.config.ModelConfig`, beside that of habits.
pub struct Config {
    pub alerts_per_day: f64,
    pub gate: f64,
    pub session_minimum: u64,
    pub credential_us: i64,
    pub drift_bits: f64,
    pub stray_limit: i64,
    /// Running sum of a tool's calls from which on it is said to leak.
    pub leak: f64,
    /// What a new version may shift a metric by without being looked at.
    pub shift_bits: f64,
    snapshot_us: i64,
}

/// Places of metrics in `models.features.METRICS`.
pub struct Metrics {
    pub counted: [usize; COUNTS],
    pub out_day: usize,
    pub drift: usize,
    pub disorder: usize,
    pub astray: usize,
    /// Metrics that a new version may change for good.
    pub shifting: Vec<usize>,
}

type AnswerParts = (Option<&'static str>, f64, f64, usize, Option<i64>, i64);
/// Position, time and agent of an event after which trust had moved, and the answer then.
type Moved = (usize, i64, usize, AnswerParts);
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
    groups: Py<Groups>,
    content: Py<ContentKernel>,
    sessions: Py<OpenSessions>,
    pools: Py<SessionPools>,
    together: Py<SessionPools>,
    levels: Py<PeerLevels>,
    heard: Py<Heard>,
    hashes: Py<Hashes>,
    asked: Asked,
    texts: Box<Texts>,
    seen: Vec<i64>,
    told: Told,
    moved: Vec<Moved>,
}

/// What other engines are to be told: sessions that finished, and who was heard when.
#[derive(Default)]
pub struct Told {
    pub sessions: Vec<Vec<u8>>,
    pub voices: Vec<(String, String, i64)>,
}

#[pymethods]
impl Judge {
    #[new]
    #[allow(clippy::too_many_arguments)] // the parts of an engine
    fn new(
        py: Python<'_>,
        config: &Bound<'_, PyAny>,
        policy: &Bound<'_, PyAny>,
        publish: bool,
        groups: Py<Groups>,
        content: Py<ContentKernel>,
        sessions: Py<OpenSessions>,
        pools: Py<SessionPools>,
        together: Py<SessionPools>,
        levels: Py<PeerLevels>,
        heard: Py<Heard>,
        hashes: Py<Hashes>,
        origin: Py<PyAny>,
        infer: Py<PyAny>,
        width: Py<PyAny>,
        seen_on: Py<PyAny>,
    ) -> PyResult<Self> {
        let names = Names::of(&groups.borrow(py).places, py)?;
        let asked = Asked::new(py, [origin, infer, width, seen_on])?;
        let parts = Policy::of(policy)?;
        let answers = Answers::of(policy, &parts)?;
        let (config, metrics, texts) = (Config::of(config)?, Metrics::of(py)?, Box::default());
        Ok(Judge {
            config,
            metrics,
            names,
            answers,
            policy: parts,
            publish,
            groups,
            content,
            sessions,
            pools,
            together,
            levels,
            heard,
            hashes,
            asked,
            texts,
            seen: Vec::new(),
            told: Told::default(),
            moved: Vec::new(),
        })
    }

    /// Judge from a position on; gives where it stopped and why.
    ///
    /// `head` is `models.peers.Head`, `busy` how many agents act on a day, and events of each.
    fn run(
        &mut self,
        py: Python<'_>,
        acts: &Acts,
        position: usize,
        head: &Bound<'_, PyAny>,
        busy: (u64, f64),
        telling: bool,
    ) -> PyResult<(usize, u8)> {
        let number = |name| -> PyResult<i64> { head.getattr(name)?.extract() };
        let (version, epoch_us) =
            (number(intern!(py, "version"))?, number(intern!(py, "epoch_us"))?);
        let published_us = number(intern!(py, "published_us"))?;
        let mut watermark_us = number(intern!(py, "watermark_us"))?;
        if epoch_us < 0 {
            return Ok((position, SECOND_LOOK));
        }
        let mut content = self.content.borrow_mut(py);
        let mut bench = Bench {
            py,
            config: &self.config,
            metrics: &self.metrics,
            names: &self.names,
            groups: &mut self.groups.borrow_mut(py),
            content: content.detector(),
            sessions: &mut self.sessions.borrow_mut(py),
            pools: &mut self.pools.borrow_mut(py),
            together: &mut self.together.borrow_mut(py),
            levels: &mut self.levels.borrow_mut(py),
            heard: &mut self.heard.borrow_mut(py),
            hashes: self.hashes.get(),
            asked: &mut self.asked,
            texts: &mut self.texts,
            seen: &mut self.seen,
            told: telling.then_some(&mut self.told),
            version,
            epoch_us,
            active: busy.0 as f64,
            events_each: busy.1,
            watermark_us,
        };
        let (mut at, mut why) = (position, DONE);
        while at < acts.order.len() {
            why = SECOND_LOOK;
            let Some(act) = acts.plain(at) else { break };
            let place = acts.subject[acts.order[at]];
            let slot = &acts.slots[place];
            let Some(agent) = slot.agent.as_ref().filter(|_| slot.registered) else { break };
            let mut agent = agent.borrow_mut(py);
            if agent.taken {
                why = PACK;
                break;
            }
            if act.time_us > watermark_us {
                let waits = bench.groups.waiting_size() + 2 * bench.levels.waiting() as u64;
                let due = act.time_us - published_us >= self.config.snapshot_us;
                if due || waits >= MOST_PENDING {
                    why = PUBLISH;
                    break;
                }
                watermark_us = act.time_us;
            }
            bench.watermark_us = watermark_us;
            bench.close_finished()?;
            match bench.judge(act, &mut agent, slot.role.as_deref())? {
                Judged::SecondLook => break,
                Judged::Quiet => {}
                Judged::QuietAndHour => {
                    match agent.look_at_trust(py, &self.policy, act.time_us)? {
                        None => why = HOUR,
                        Some(true) if self.publish => {
                            let parts = match (&agent.trust, slot.alone) {
                                (Some(trust), true) => {
                                    self.answers.view(py, &self.policy, trust, act.time_us)?
                                }
                                _ => None,
                            };
                            why = MOVED;
                            if let Some(view) = parts {
                                let told = (at, act.time_us, place, parts_of(&agent, &view));
                                self.moved.push(told);
                                why = DONE;
                            }
                        }
                        Some(_) => why = DONE,
                    }
                    if why != DONE {
                        break;
                    }
                }
            }
            at += 1;
            why = DONE;
        }
        head.setattr(intern!(py, "watermark_us"), watermark_us)?;
        Ok((at, why))
    }

    /// The answers about agents whose trust has moved without a stop; once.
    fn moved(&mut self) -> Vec<Moved> {
        std::mem::take(&mut self.moved)
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

fn parts_of(agent: &Agent, view: &View) -> AnswerParts {
    let state = agent.untold.any.then(|| agent.facts.now.state().name());
    (state, view.positive, view.lower, view.level, view.days, view.ttl_us)
}

impl Config {
    fn of(config: &Bound<'_, PyAny>) -> PyResult<Self> {
        let number = |name: &str| -> PyResult<f64> { config.getattr(name)?.extract() };
        let whole = |name: &str| -> PyResult<i64> { config.getattr(name)?.extract() };
        let constant = |module: &str, name: &str| -> PyResult<f64> {
            config.py().import(module)?.getattr(name)?.extract()
        };
        Ok(Config {
            leak: constant("models.watch.leak", "ALARM")?,
            shift_bits: constant("models.engine", "SHIFT_BITS")?,
            alerts_per_day: number("alerts_per_day")?,
            gate: number("gate")?,
            session_minimum: config.getattr("session_minimum")?.extract()?,
            credential_us: whole("credential_minutes")? * 60_000_000,
            drift_bits: number("drift_tests")?.log2(),
            stray_limit: whole("stray_limit")?,
            snapshot_us: whole("snapshot_minutes")? * 60_000_000,
        })
    }
}

impl Metrics {
    fn of(py: Python<'_>) -> PyResult<Self> {
        let names: Vec<String> = py.import("models.features")?.getattr("METRICS")?.extract()?;
        let at = |name: &str| -> PyResult<usize> {
            let text = || PyValueError::new_err(format!("models.features has no metric {name:?}"));
            names.iter().position(|known| known == name).ok_or_else(text)
        };
        let mut counted = [0; COUNTS];
        for (place, (name, _)) in counted.iter_mut().zip(COUNTED) {
            *place = at(name)?;
        }
        let shifting: Vec<usize> = py
            .import("models.watch.measure")?
            .getattr("SHIFTING")?
            .try_iter()?
            .map(|one| one?.extract())
            .collect::<PyResult<_>>()?;
        let (out_day, drift) = (at("bytes_out_day")?, at("drift")?);
        let (disorder, astray) = (at("disorder")?, at("astray")?);
        Ok(Metrics { counted, out_day, drift, disorder, astray, shifting })
    }
}
