//! One event: scored and learned if it is ordinary, else left unchanged to the reference.

use crate::baseline::agent_state::AgentState;
use crate::baseline::profile::Facts;
use crate::calibration::session_calibration::SessionPools;
use crate::codec::hashing::Hashes;
use crate::deciding::Ordinary;
use crate::features::extraction::{Names, Texts};
use crate::json::action::Action;
use crate::learning::learner::note;
use crate::learning::roll_forward::Ended;
use crate::peers::baselines::PeerBaselines;
use crate::peers::groups::Groups;
use crate::provenance::argument_detector::ArgumentDetector;
use crate::provenance::open_sessions::OpenSessions;
use crate::provenance::session::Session;
use crate::r#loop::agent::Agent;
use crate::r#loop::config::{Config, Metrics};
use crate::r#loop::judge::Announced;
use crate::r#loop::numbers::Numbers;
use crate::r#loop::python_calls::PythonCalls;
use crate::r#loop::session_lookup::previous_of;
use crate::units::{DAY_US, HOUR_US};
use crate::watch::counting::HOUR;
use crate::watch::heard::Heard;
use pyo3::prelude::*;

/// Outcome of an event.
pub enum Judged {
    Ordinary,
    /// Ordinary, and the hourly trust is due.
    OrdinaryNewHour,
    Reference,
}

/// The state that one judgement reads or changes, besides the agent.
pub struct EventJudge<'a, 'py> {
    pub py: Python<'py>,
    pub config: &'a Config,
    pub metrics: &'a Metrics,
    pub names: &'a Names,
    pub groups: &'a mut Groups,
    pub content: &'a mut ArgumentDetector,
    pub sessions: &'a mut OpenSessions,
    pub pools: &'a mut SessionPools,
    pub together: &'a mut SessionPools,
    pub baselines: &'a mut PeerBaselines,
    pub heard: &'a mut Heard,
    pub hashes: &'a Hashes,
    pub python: &'a mut PythonCalls,
    pub texts: &'a mut Box<Texts>,
    /// Reused memory for the list of seen values.
    pub seen: &'a mut Vec<i64>,
    pub announced: Option<&'a mut Announced>,
    /// Whether to keep the numbers of ordinary events, and those of the last one.
    pub keeps_numbers: bool,
    pub numbers: Numbers,
    /// Whether it is a trusted history: all of it is learned.
    pub trusted_history: bool,
    pub version: i64,
    pub epoch_us: i64,
    pub active: f64,
    pub events_per_agent: f64,
    pub watermark_us: i64,
}

impl EventJudge<'_, '_> {
    /// Judge and learn one event.
    pub fn judge(
        &mut self,
        action: &Action<'_>,
        agent: &mut Agent,
        role: &str,
    ) -> PyResult<Judged> {
        if agent.is_new_to(role) || self.delegator_silent(action) {
            return Ok(Judged::Reference);
        }
        let frequency_model = &mut *agent.frequency_model.bind(self.py).borrow_mut();
        self.roll(action, &mut agent.facts, frequency_model)?;
        let seen = std::mem::take(self.seen);
        let Some(mut agent_state) = AgentState::of(agent, frequency_model, seen) else {
            return Ok(Judged::Reference);
        };
        agent_state.count(action.time_us, self.version);
        if !self.judge_in_session(action, &mut agent_state)? {
            return Ok(Judged::Reference);
        }
        let hour_begins = action.time_us.div_euclid(HOUR_US) > agent_state.now.utc_hour;
        let AgentState { now, volumes, .. } = agent_state;
        *self.seen = agent.keep(now, volumes);
        agent.count_clean(action.time_us.div_euclid(DAY_US));
        agent.unsynced.note(action);
        std::mem::swap(self.texts, &mut agent.texts);
        Ok(if hour_begins { Judged::OrdinaryNewHour } else { Judged::Ordinary })
    }

    /// Judge an event in its session, and keep the session open. True for an ordinary event.
    fn judge_in_session(
        &mut self,
        action: &Action<'_>,
        agent_state: &mut AgentState<'_>,
    ) -> PyResult<bool> {
        let Some(found) = self.find_session(action, agent_state)? else { return Ok(false) };
        let ordinary =
            self.judge_and_learn(action, agent_state, &mut found.session.borrow_mut(self.py))?;
        if ordinary && found.opens {
            self.sessions.add_at(found.key, found.session.into_bound(self.py));
        }
        Ok(ordinary)
    }

    /// Score, decide, then learn; `models.engine.Engine.judge`.
    fn judge_and_learn(
        &mut self,
        action: &Action<'_>,
        agent_state: &mut AgentState<'_>,
        session: &mut Session,
    ) -> PyResult<bool> {
        let origin = self.python.origin(self.py, action.network.as_ref())?;
        let ended = Ended::of(action, agent_state, self.trusted_history);
        if self.strays(agent_state, &ended) || !self.rules_are_silent(action, agent_state, &origin)
        {
            return Ok(false);
        }
        let Some(scored) = self.score(action, agent_state, session, &origin)? else {
            return Ok(false);
        };
        let Some(ordinary) = self.is_ordinary(&mut agent_state.now, session, &scored) else {
            return Ok(false);
        };
        if self.keeps_numbers {
            self.numbers = self.numbers_of(&scored, &ordinary);
        }
        self.store_ended(action, agent_state, session, ended, &ordinary);
        self.learn(action, agent_state, session, &scored, ordinary.gate);
        note(action, agent_state.facts, &origin);
        Ok(true)
    }

    /// Store the windows that ended at an event, and the new state of its session.
    fn store_ended(
        &mut self,
        action: &Action<'_>,
        agent_state: &mut AgentState<'_>,
        session: &mut Session,
        ended: Ended,
        ordinary: &Ordinary,
    ) {
        let facts = &mut *agent_state.facts;
        if ended.window.is_some_and(|kind| kind >= HOUR) {
            self.note_seen(facts, action.time_us.div_euclid(HOUR_US));
        }
        if let Some(mixture) = ended.mixture {
            facts.mixture = mixture;
        }
        if let Some(week) = ended.week {
            facts.week = week;
        }
        facts.before.clear();
        facts.before.push_str(previous_of(session));
        if let Some(ranked) = &ordinary.ranked {
            (session.score, session.p, session.peak_p_bits) =
                (ranked.score, ranked.p, ranked.least);
        }
    }

    /// Note that an agent was active in an hour.
    fn note_seen(&mut self, facts: &Facts, hour: i64) {
        self.heard.note(&facts.agent_id, &facts.mode, hour);
        if let Some(announced) = &mut self.announced {
            announced.activity.push((facts.agent_id.clone(), facts.mode.clone(), hour));
        }
    }
}
