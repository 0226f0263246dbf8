//! One event: scored, and learned if it is quiet; `models.engine.Engine.judge`.

use crate::detectors::promises::Standing;
use crate::features::reading::Origin;
use crate::json::action::{Action, Mode};
use crate::json::values::Scalar;
use crate::provenance::session::Session;
use crate::quiet::filing::weigh;
use crate::quiet::judge::QuietJudge;
use crate::quiet::known::{Known, Slot};
use crate::quiet::numbers::numbers_of;
use crate::scores::{Scored, Scores};
use crate::scoring::{Arrived, Content};
use crate::units::{DAY_US, HOUR_US};
use pyo3::intern;
use pyo3::prelude::*;

/// Outcome of an event.
pub enum Outcome {
    /// Nothing was done: the reference judges it.
    Reference,
    /// It was scored: the reference files it and learns it.
    Scored(Box<Scores>, Py<Session>),
    Quiet,
    /// It was quiet, and the trust of this agent has changed.
    TrustChanged(Py<PyAny>),
}

impl QuietJudge {
    /// Judge one event.
    pub fn event(
        &mut self,
        py: Python<'_>,
        action: &Action<'_>,
        slot: &mut Slot,
        given: &dyn Fn() -> PyResult<Py<PyAny>>,
    ) -> PyResult<Outcome> {
        let time_us = action.time_us;
        let Some(known) = slot.known.as_ref().filter(|known| known.agrees(action)) else {
            return Ok(Outcome::Reference);
        };
        let is_new = known.profile.borrow(py).events == 0;
        let late = action.session_name().is_empty()
            && self.head.borrow(py).state.watermark_us - time_us > self.settings.idle_us;
        if is_new || late || self.settings.is_degraded(time_us) || says_degraded(action) {
            return Ok(Outcome::Reference);
        }
        let watermark_us = self.advance(py, time_us)?;
        let other_mode = self.roll_forward(py, action, known, watermark_us)?;
        let standing = Standing {
            registered: known.registered,
            mismatch: String::new(),
            conflict: false,
            other_mode,
            blocked: false,
        };
        let Some(session) = self.session(py, action, slot, watermark_us)? else {
            return Ok(Outcome::Reference);
        };
        let Some(known) = &mut slot.known else { return Ok(Outcome::Reference) };
        let origin = self.calls.origin(py, action.network.as_ref())?;
        let scores = self.score(py, action, known, &session, (&origin, standing), given)?;
        self.conclude(py, action, known, scores, session)
    }

    /// Bring the profile to the event, as `models.baseline.arrivals`; give the other mode that the
    /// agent had long acted in.
    fn roll_forward(
        &mut self,
        py: Python<'_>,
        action: &Action<'_>,
        known: &Known,
        watermark_us: i64,
    ) -> PyResult<String> {
        let (hour, mode) = (action.time_us.div_euclid(HOUR_US), action.mode.name());
        let first_open = (watermark_us - self.settings.late_us).div_euclid(DAY_US);
        let (over, first_us, last_us, opened) = {
            let mut profile = known.profile.borrow_mut(py);
            if profile.role != known.role() {
                profile.role = known.role().to_owned();
            }
            let over = profile.open_days.range(..first_open).next().is_some();
            (over, profile.first_us, profile.last_us, profile.opened)
        };
        if over {
            self.arrivals.call_method1(py, intern!(py, "close_days"), (&known.profile,))?;
        }
        if hour > last_us.div_euclid(HOUR_US) {
            let seen = (&*action.agent.id, mode, hour);
            self.last_seen.call_method1(py, intern!(py, "note"), seen)?;
            if let Some(announcements) = &self.announcements {
                announcements.call_method1(py, intern!(py, "agent_seen"), seen)?;
            }
        }
        let mut profile = known.profile.borrow_mut(py);
        profile.events += 1;
        profile.last_us = last_us.max(action.time_us);
        if opened > self.settings.learning_sessions || action.mode == Mode::Unknown {
            return Ok(String::new());
        }
        let begun = (&*action.agent.id, mode, first_us.div_euclid(HOUR_US));
        self.last_seen.call_method1(py, intern!(py, "settled_mode"), begun)?.extract(py)
    }

    fn score<'t>(
        &mut self,
        py: Python<'_>,
        action: &'t Action<'_>,
        known: &mut Known,
        session: &Py<Session>,
        (origin, standing): (&'t Origin, Standing),
        given: &dyn Fn() -> PyResult<Py<PyAny>>,
    ) -> PyResult<Scored<'t>> {
        let ordinal = session.borrow(py).ordinal;
        let mode = action.mode.name();
        let of_session = {
            let mut scores = self.scores.borrow_mut(py);
            if known.scores.0 != ordinal {
                known.scores = (ordinal, scores.key(&action.agent.id, mode, ordinal));
            }
            scores.of_key(py, known.scores.1)?
        };
        let call = self.call(py, action, session)?;
        let bits = call.as_ref().map_or(0.0, |call| call.score);
        let words = &self.words;
        let subject = || Ok(call.as_ref().and_then(|call| words.subject_of(call, action)));
        let arrived = Arrived {
            told: action,
            operation: self.calls.operation(py, action)?,
            origin,
            standing,
            content: Content { bits, subject: &subject },
            event: given,
        };
        let mut scorer = self.scorer.borrow_mut(py);
        let first_open = scorer.first_open_day(py);
        scorer.state().score(py, arrived, known.profile.clone_ref(py), of_session, first_open)
    }

    /// Learn a scored event that is quiet, and count it for trust.
    fn conclude(
        &mut self,
        py: Python<'_>,
        action: &Action<'_>,
        known: &mut Known,
        mut scores: Scored<'_>,
        session: Py<Session>,
    ) -> PyResult<Outcome> {
        let weight = weigh(py, &mut self.scorer.borrow_mut(py), &scores, self.settings.least_bits);
        let holds = weight.rare && !self.trusted_history;
        let held_days = if holds { self.settings.held_days } else { 0 };
        if !weight.quiet || (held_days != 0 && !scores.found.new.is_empty()) {
            let scores = Box::new(Scores { scored: scores.into_owned() });
            return Ok(Outcome::Scored(scores, session));
        }
        if self.noting {
            let p = session.borrow(py).p;
            self.noted = Some(numbers_of(py, &mut self.scorer.borrow_mut(py), &scores, p));
        }
        let mark = {
            let mut session = scores.session.borrow_mut(py);
            if weight.lead.is_some() {
                session.lead = weight.lead;
            }
            session.mark
        };
        let mut repeated = false;
        if known.filed && !known.unfiled.contains(&mark) {
            let of = (&*action.agent.id, action.mode.name(), mark, scores.day, weight.rare);
            match self.is_repeated.call1(py, of)?.extract(py)? {
                Some(found) => repeated = found,
                None => {
                    known.unfiled.insert(mark);
                }
            }
        }
        {
            let mut scorer = self.scorer.borrow_mut(py);
            let state = scorer.state();
            state.count_day(py, &mut scores, repeated);
            state.learn(py, &mut scores, held_days)?;
        }
        known.note(action, true);
        self.trust(py, known, action.time_us)
    }

    /// Evaluate the trust of an agent at an event of a new hour.
    fn trust(&mut self, py: Python<'_>, known: &mut Known, time_us: i64) -> PyResult<Outcome> {
        let hour = time_us.div_euclid(HOUR_US);
        let (last_us, state) = {
            let profile = known.profile.borrow(py);
            if hour <= profile.utc_hour {
                return Ok(Outcome::Quiet);
            }
            (profile.last_us, profile.state())
        };
        known.sync(py)?;
        let trust = known.trust.bind(py);
        let changed = if known.agent_wide {
            let of = (&known.agent_state, time_us);
            self.engine.call_method1(py, intern!(py, "refresh_trust"), of)?.extract(py)?
        } else {
            let shown = self.policy.refresh(trust, time_us, last_us, state)?;
            let mut profile = known.profile.borrow_mut(py);
            profile.utc_hour = hour;
            profile.published.replace(shown) != profile.published
        };
        let moved = || Outcome::TrustChanged(known.agent_state.clone_ref(py));
        Ok(if changed { moved() } else { Outcome::Quiet })
    }
}

fn says_degraded(action: &Action<'_>) -> bool {
    matches!(action.attribute("telemetry"), Some(Scalar::Text(text)) if **text == *"degraded")
}
