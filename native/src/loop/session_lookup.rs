//! Session of an event; `models.engine.Engine._session`. It also closes finished sessions.

use crate::baseline::agent_state::AgentState;
use crate::baseline::profile::{Facts, Now};
use crate::json::action::Action;
use crate::provenance::session::Session;
use crate::r#loop::one_event::EventJudge;
use crate::together::total;
use crate::units::HOUR_US;
use pyo3::prelude::*;

const FIRST_SESSIONS: i64 = 3;

/// The session of an event.
pub struct SessionLookup {
    /// Its key among the open sessions.
    pub key: u64,
    pub session: Py<Session>,
    /// Whether the event opens it.
    pub opens: bool,
}

impl EventJudge<'_, '_> {
    /// Close the sessions that have been idle for long enough.
    pub fn close_finished(&mut self) -> PyResult<()> {
        if !self.sessions.due(self.watermark_us) {
            return Ok(());
        }
        for session in self.sessions.pop_idle(self.py, self.watermark_us) {
            self.close(&mut session.borrow_mut(self.py))?;
        }
        Ok(())
    }

    fn close(&mut self, session: &mut Session) -> PyResult<()> {
        self.pool(session);
        if let Some(announced) = &mut self.announced {
            announced.sessions.push(session.dump());
        }
        self.content.close(self.py, session).map(drop)
    }

    /// Add a finished session to the pools that rank later ones.
    fn pool(&mut self, session: &Session) {
        let (ungated, surprise) =
            (session.learning || session.trusted_history, total(session.peak_p_bits));
        if ungated || (session.p.is_none() && !session.alerted) {
            if session.score >= 0.0 {
                self.pools.add(&session.role, session.score);
            }
        } else if let Some(p) = session.p.filter(|_| !session.alerted) {
            self.pools.offer(&session.role, session.score, p);
        }
        if surprise != 0.0 && !session.alerted {
            self.together.add(&session.role, surprise);
        }
    }

    /// Whether another agent of the delegation has a telemetry gap.
    pub fn delegator_silent(&self, action: &Action<'_>) -> bool {
        let hour = action.time_us.div_euclid(HOUR_US);
        let chain = action.delegation.iter().flatten();
        chain
            .filter(|name| ***name != *action.agent.id)
            .any(|name| self.heard.silence(name, hour).is_some())
    }

    /// The session of an event. None leaves it to the reference: it must close other sessions, or
    /// the agent is in its first sessions of a new mode.
    pub fn find_session(
        &mut self,
        action: &Action<'_>,
        agent_state: &mut AgentState<'_>,
    ) -> PyResult<Option<SessionLookup>> {
        let key = self.session_key(action, agent_state);
        let known = self.sessions.resume_at(self.py, key, action.time_us, self.watermark_us);
        let opens = known.is_none();
        if opens && self.sessions.has_overlong() {
            return Ok(None);
        }
        let session = match known {
            Some(session) => session,
            None => {
                agent_state.now.opened += 1;
                Py::new(self.py, self.open(action, agent_state.facts, &agent_state.now)?)?
            }
        };
        let shifts =
            !agent_state.facts.shifted.is_empty() && agent_state.now.opened <= FIRST_SESSIONS;
        Ok((!shifts).then_some(SessionLookup { key, session, opens }))
    }

    /// It is mostly that of the previous event, which saves a hash.
    fn session_key(&mut self, action: &Action<'_>, agent_state: &mut AgentState<'_>) -> u64 {
        let (facts, last, name) =
            (&*agent_state.facts, &mut *agent_state.session, action.session_name());
        if last.0 != name || last.0.is_empty() {
            *last = (name.to_owned(), self.sessions.key(&facts.agent_id, &facts.mode, name));
        }
        last.1
    }

    fn open(&mut self, action: &Action<'_>, facts: &Facts, now: &Now) -> PyResult<Session> {
        let mut session = Session::new(
            facts.agent_id.clone(),
            facts.mode.clone(),
            facts.role.clone(),
            action.purpose.as_deref().unwrap_or_default().to_owned(),
            action.time_us,
            self.watermark_us,
            now.opened,
            now.opened <= now.learn_until,
            self.trusted_history,
        );
        self.content.compare(self.py, &mut session)?;
        Ok(session)
    }
}

/// The session's tool before this one.
pub fn previous_of(session: &Session) -> &str {
    match session.previous_tool.as_str() {
        "" => "START",
        tool => tool,
    }
}
