//! One event: scored, found to be as usual, learned; or left to the reference, unchanged.

use crate::baseline::agent_state::Subject;
use crate::baseline::profile::Facts;
use crate::calibration::session_calibration::SessionPools;
use crate::codec::hashing::Hashes;
use crate::deciding::Quiet;
use crate::features::extraction::{Names, Texts};
use crate::json::action::Act;
use crate::learning::learner::note;
use crate::learning::roll_forward::Ended;
use crate::peers::baselines::PeerLevels;
use crate::peers::groups::Groups;
use crate::provenance::argument_detector::ArgumentDetector;
use crate::provenance::open_sessions::OpenSessions;
use crate::provenance::session::Session;
use crate::r#loop::agent::Agent;
use crate::r#loop::config::{Config, Metrics};
use crate::r#loop::judge::Told;
use crate::r#loop::numbers::Numbers;
use crate::r#loop::python_calls::Asked;
use crate::r#loop::session_lookup::previous_of;
use crate::units::{DAY_US, HOUR_US};
use crate::watch::counting::HOUR;
use crate::watch::heard::Heard;
use pyo3::prelude::*;

/// What became of an event.
pub enum Judged {
    Quiet,
    /// Quiet, and trust is to be looked at, as once an hour.
    QuietAndHour,
    SecondLook,
}

/// Everything that judging one event reads or changes, beside the agent.
pub struct Bench<'a, 'py> {
    pub py: Python<'py>,
    pub config: &'a Config,
    pub metrics: &'a Metrics,
    pub names: &'a Names,
    pub groups: &'a mut Groups,
    pub content: &'a mut ArgumentDetector,
    pub sessions: &'a mut OpenSessions,
    pub pools: &'a mut SessionPools,
    pub together: &'a mut SessionPools,
    pub levels: &'a mut PeerLevels,
    pub heard: &'a mut Heard,
    pub hashes: &'a Hashes,
    pub asked: &'a mut Asked,
    pub texts: &'a mut Box<Texts>,
    /// Memory for a list of what was seen.
    pub seen: &'a mut Vec<i64>,
    pub told: Option<&'a mut Told>,
    /// Whether anyone asks for the numbers of what is quiet, and those of the last such event.
    pub listened_to: bool,
    pub numbers: Numbers,
    /// Whether it is a past that an operator vouches for: all of it is learned.
    pub vouched: bool,
    pub version: i64,
    pub epoch_us: i64,
    pub active: f64,
    pub events_each: f64,
    pub watermark_us: i64,
}

impl Bench<'_, '_> {
    /// Judge and learn one event.
    pub fn judge(&mut self, act: &Act<'_>, agent: &mut Agent, role: &str) -> PyResult<Judged> {
        if agent.is_new_to(role) || self.someone_silent(act) {
            return Ok(Judged::SecondLook);
        }
        let habits = &mut *agent.habits.bind(self.py).borrow_mut();
        self.roll(act, &mut agent.facts, habits)?;
        let seen = std::mem::take(self.seen);
        let Some(mut subject) = Subject::of(agent, habits, seen) else {
            return Ok(Judged::SecondLook);
        };
        subject.count(act.time_us, self.version);
        if !self.judge_in_session(act, &mut subject)? {
            return Ok(Judged::SecondLook);
        }
        let hour_begins = act.time_us.div_euclid(HOUR_US) > subject.now.utc_hour;
        let Subject { now, levels, .. } = subject;
        *self.seen = agent.keep(now, levels);
        agent.count_clean(act.time_us.div_euclid(DAY_US));
        agent.untold.hear(act);
        std::mem::swap(self.texts, &mut agent.texts);
        Ok(if hour_begins { Judged::QuietAndHour } else { Judged::Quiet })
    }

    /// Judge an event in its session, and keep that open; whether there is nothing to say.
    fn judge_in_session(&mut self, act: &Act<'_>, subject: &mut Subject<'_>) -> PyResult<bool> {
        let Some(met) = self.meet(act, subject)? else { return Ok(false) };
        let quiet = self.judge_and_learn(act, subject, &mut met.session.borrow_mut(self.py))?;
        if quiet && met.opens {
            self.sessions.add_at(met.key, met.session.into_bound(self.py));
        }
        Ok(quiet)
    }

    /// Score, decide, then learn; `models.engine.Engine.judge`.
    fn judge_and_learn(
        &mut self,
        act: &Act<'_>,
        subject: &mut Subject<'_>,
        session: &mut Session,
    ) -> PyResult<bool> {
        let origin = self.asked.origin(self.py, act.network.as_ref())?;
        let ended = Ended::of(act, subject, self.vouched);
        if self.strays(subject, &ended) || !self.rules_are_silent(act, subject, &origin) {
            return Ok(false);
        }
        let Some(scored) = self.score(act, subject, session, &origin)? else { return Ok(false) };
        let Some(quiet) = self.is_quiet(&mut subject.now, session, &scored) else {
            return Ok(false);
        };
        if self.listened_to {
            self.numbers = self.numbers_of(&scored, &quiet);
        }
        self.take_in(act, subject, session, ended, &quiet);
        self.learn(act, subject, session, &scored, quiet.gate);
        note(act, subject.facts, &origin);
        Ok(true)
    }

    /// Take in what an event has ended, and where it leaves its session.
    fn take_in(
        &mut self,
        act: &Act<'_>,
        subject: &mut Subject<'_>,
        session: &mut Session,
        ended: Ended,
        quiet: &Quiet,
    ) {
        let facts = &mut *subject.facts;
        if ended.window.is_some_and(|kind| kind >= HOUR) {
            self.hear(facts, act.time_us.div_euclid(HOUR_US));
        }
        if let Some(mixture) = ended.mixture {
            facts.mixture = mixture;
        }
        if let Some(week) = ended.week {
            facts.week = week;
        }
        facts.before.clear();
        facts.before.push_str(previous_of(session));
        if let Some(ranked) = &quiet.ranked {
            (session.score, session.p, session.peak_p_bits) =
                (ranked.score, ranked.p, ranked.least);
        }
    }

    /// Note that an agent was heard in an hour.
    fn hear(&mut self, facts: &Facts, hour: i64) {
        self.heard.note(&facts.agent_id, &facts.mode, hour);
        if let Some(told) = &mut self.told {
            told.voices.push((facts.agent_id.clone(), facts.mode.clone(), hour));
        }
    }
}
