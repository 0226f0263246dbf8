//! The session of an event, and the end of sessions; `models.learning.sessions`.

use crate::json::action::Action;
use crate::provenance::history::learning::record_call;
use crate::provenance::session::{CallScore, Session};
use crate::quiet::judge::QuietJudge;
use crate::quiet::known::Slot;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

impl QuietJudge {
    /// Move the watermark; close idle sessions and publish a snapshot where due.
    pub fn advance(&mut self, py: Python<'_>, time_us: i64) -> PyResult<i64> {
        let (watermark_us, published_us) = {
            let state = &mut self.head.borrow_mut(py).state;
            let before_us = state.watermark_us;
            let until_us = before_us.max(time_us);
            let slot_us = self.settings.slot_us;
            if before_us.div_euclid(slot_us) != until_us.div_euclid(slot_us) {
                (until_us, None)
            } else {
                state.watermark_us = until_us;
                (until_us, Some(state.published_us))
            }
        };
        let Some(published_us) = published_us else {
            self.engine.call_method1(py, intern!(py, "advance"), (time_us,))?;
            return Ok(watermark_us);
        };
        let idle = {
            let mut sessions = self.sessions.borrow_mut(py);
            let due = sessions.due(watermark_us);
            if due {
                sessions.pop_idle(py, watermark_us)
            } else {
                Vec::new()
            }
        };
        for session in idle {
            self.close(py, &session)?;
        }
        if watermark_us - published_us >= self.settings.snapshot_us {
            self.engine.call_method0(py, intern!(py, "publish"))?;
        }
        Ok(watermark_us)
    }

    fn close(&mut self, py: Python<'_>, session: &Py<Session>) -> PyResult<()> {
        let session = &mut *session.borrow_mut(py);
        self.pool(py, session);
        if let Some(announcements) = &self.announcements {
            let bytes = PyBytes::new(py, &session.dump());
            announcements.call_method1(py, intern!(py, "session_finished"), (bytes,))?;
        }
        self.content.borrow_mut(py).detector().close(py, session)?;
        let Session { agent_id, mode, ordinal, .. } = session;
        self.scores.borrow_mut(py).close(agent_id, mode, *ordinal);
        Ok(())
    }

    /// Add a finished session to those that later ones are ranked among.
    fn pool(&mut self, py: Python<'_>, session: &Session) {
        let mut pools = self.pools.borrow_mut(py);
        let ungated = session.learning || session.trusted_history;
        match session.p {
            Some(p) if !ungated => {
                if !session.alerted {
                    pools.offer(&session.role, session.score, p);
                }
            }
            p => {
                if (ungated || (p.is_none() && !session.alerted)) && session.score >= 0.0 {
                    pools.add(&session.role, session.score);
                }
            }
        }
    }

    /// The session of an event of an agent, with the role that the agent has.
    pub fn session(
        &mut self,
        py: Python<'_>,
        action: &Action<'_>,
        slot: &mut Slot,
        watermark_us: i64,
    ) -> PyResult<Option<Py<Session>>> {
        let Some(known) = &slot.known else { return Ok(None) };
        let (name, mode) = (action.session_name(), action.mode.name());
        let key = match &slot.session {
            Some((last, key)) if last == name => *key,
            _ => {
                let key = self.sessions.borrow_mut(py).key(&action.agent.id, mode, name);
                slot.session = Some((name.to_owned(), key));
                key
            }
        };
        let time_us = action.time_us;
        let found = self.sessions.borrow_mut(py).resume_at(py, key, time_us, watermark_us);
        if found.is_some() {
            return Ok(found);
        }
        let cut = self.sessions.borrow_mut(py).pop_overlong();
        for session in cut {
            self.close(py, &session)?;
        }
        let mut profile = known.profile.borrow_mut(py);
        profile.opened += 1;
        let mut session = Session::new(
            action.agent.id.to_string(),
            mode.to_owned(),
            profile.role.clone(),
            action.purpose.as_deref().unwrap_or_default().to_owned(),
            time_us,
            watermark_us,
            profile.opened,
            profile.opened <= profile.learn_until,
            self.trusted_history,
        );
        self.content.borrow_mut(py).detector().compare(py, &mut session)?;
        let session = Bound::new(py, session)?;
        self.sessions.borrow_mut(py).add_at(key, session.clone());
        Ok(Some(session.unbind()))
    }

    /// The score of a call by its content, if it has origins or its session has a purpose.
    pub fn call(
        &mut self,
        py: Python<'_>,
        action: &Action<'_>,
        session: &Py<Session>,
    ) -> PyResult<Option<CallScore>> {
        let session = &mut *session.borrow_mut(py);
        let origins = action.argument_origins.as_deref();
        if session.purpose.is_empty() && origins.is_none_or(|found| found.is_empty()) {
            return Ok(None);
        }
        let mut content = self.content.borrow_mut(py);
        let call = content.detector().score(py, session, &action.tool, origins)?;
        self.rank(py, session, call.score);
        session.events += 1;
        session.previous_tool.clear();
        session.previous_tool.push_str(&action.tool);
        record_call(session, &call);
        Ok(Some(call))
    }

    /// Update score and p-value of a session by the score of one of its calls.
    fn rank(&self, py: Python<'_>, session: &mut Session, score: f64) {
        if score <= session.score && session.p.is_some() {
            return;
        }
        session.score = session.score.max(score);
        let pools = self.pools.borrow(py);
        if pools.n() >= self.settings.min_sessions {
            let Session { agent_id, mode, ordinal, .. } = session;
            let name = || format!("{agent_id}\x1f{mode}\x1f{ordinal}");
            let u = session.tie.unwrap_or_else(|| self.hashes.uniform_of(name().as_bytes()));
            session.tie = Some(u);
            session.p = Some(pools.p_value(&session.role, session.score, u));
        }
    }
}
