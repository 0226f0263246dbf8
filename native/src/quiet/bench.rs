//! One event: scored, found to be as usual, learned; or left to the reference, unchanged.

use super::act::{Act, Egress};
use super::agent::Agent;
use super::asked::Asked;
use super::counting::{self, DAY, HOUR};
use super::facts::{Facts, Now, State};
use super::heard::Heard;
use super::judge::{Config, Metrics, Told};
use super::learning::note;
use super::mixture::{self, Mixture};
use super::peer_levels::PeerLevels;
use super::texts::{Names, Origin, Texts};
use super::together::total;
use crate::content::{Detector, OpenSessions, Session};
use crate::habits::{Groups, Habits, SessionPools, OFTEN_ENOUGH};
use crate::hashing::Hashes;
use pyo3::prelude::*;

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 86_400_000_000;
const UNIT: u32 = 4_096;
const FIRST_SESSIONS: i64 = 3;
const MOST_DAYS: usize = 60;
const NEWEST_DAY: f64 = 0.3;

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
    pub content: &'a mut Detector,
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
    pub version: i64,
    pub epoch_us: i64,
    pub active: f64,
    pub events_each: f64,
    pub watermark_us: i64,
}

impl Bench<'_, '_> {
    /// Close the sessions that have been idle for long enough.
    pub fn close_finished(&mut self) -> PyResult<()> {
        if !self.sessions.due(self.watermark_us) {
            return Ok(());
        }
        for session in self.sessions.finished(self.py, self.watermark_us) {
            let session = &mut *session.borrow_mut(self.py);
            let (free, odd) = (session.learning || session.vouched, total(session.least));
            if free && session.score >= 0.0 {
                self.pools.add(&session.role, session.score);
            } else if let Some(p) = session.p.filter(|_| !session.told) {
                self.pools.offer(&session.role, session.score, p);
            }
            if odd != 0.0 && !session.told {
                self.together.add(&session.role, odd);
            }
            if let Some(told) = &mut self.told {
                told.sessions.push(session.dump());
            }
            self.content.close(self.py, session)?;
        }
        Ok(())
    }

    /// Judge and learn one event.
    pub fn judge(
        &mut self,
        act: &Act<'_>,
        agent: &mut Agent,
        role: Option<&str>,
    ) -> PyResult<Judged> {
        let py = self.py;
        let Agent {
            facts,
            levels: kept,
            habits,
            group,
            untold,
            trust,
            session: last,
            texts: earlier,
            chains,
            ..
        } = agent;
        let Some((group, group_name)) = group.as_ref() else { return Ok(Judged::SecondLook) };
        let group = (*group, group_name.as_str());
        let role = act.agent.role.as_deref().or(role).unwrap_or("");
        let habits = &mut *habits.borrow_mut(py);
        let stranger = facts.now.events == 0 || (!role.is_empty() && facts.role != role);
        if stranger || self.someone_silent(act) {
            return Ok(Judged::SecondLook);
        }
        self.roll(act, facts, habits)?;
        let origin = self.asked.origin(py, act.network.as_ref())?;
        let mut now = facts.now.copied(std::mem::take(self.seen));
        let mut levels = *kept;
        if now.vote_version != self.version {
            habits.published();
            now.vote_version = self.version;
        }
        now.events += 1;
        now.day_events += 1;
        now.last_us = now.last_us.max(act.time_us);
        let name = act.session_name();
        if last.0 != name || last.0.is_empty() {
            *last = (name.to_owned(), self.sessions.key(&facts.agent_id, &facts.mode, name));
        }
        let key = last.1;
        let known = self.sessions.meet_at(py, key, act.time_us, self.watermark_us);
        let opens = known.is_none();
        if opens && self.sessions.has_cut() {
            return Ok(Judged::SecondLook);
        }
        let session = match known {
            Some(session) => session,
            None => {
                now.opened += 1;
                Py::new(py, self.open(act, facts, &now)?)?
            }
        };
        let mut open = session.borrow_mut(py);
        if !facts.shifted.is_empty() && now.opened <= FIRST_SESSIONS {
            return Ok(Judged::SecondLook);
        }
        let state = now.state();
        let closed = counting::close(&mut now, act.time_us, state != State::Active);
        let mixture = (closed == Some(DAY)).then(|| end_day(facts, &mut now, act.time_us, state));
        let (limit, before) = (self.config.stray_limit, facts.now.strayed);
        let strays = state == State::Active && now.strayed > limit && before <= limit;
        if strays && mixture.is_some() || !self.rules_are_silent(act, facts, &now, habits, &origin)
        {
            return Ok(Judged::SecondLook);
        }
        let scored = self.score(
            act,
            facts,
            &mut now,
            &mut levels,
            habits,
            &mut open,
            group,
            &origin,
            earlier,
            chains,
        )?;
        let Some(scored) = scored else { return Ok(Judged::SecondLook) };
        let Some((ranked, gate)) = self.is_quiet(&mut now, &open, &scored, state) else {
            return Ok(Judged::SecondLook);
        };
        if closed.is_some_and(|kind| kind >= HOUR) {
            let hour = act.time_us.div_euclid(HOUR_US);
            self.heard.note(&facts.agent_id, &facts.mode, hour);
            if let Some(told) = &mut self.told {
                told.voices.push((facts.agent_id.clone(), facts.mode.clone(), hour));
            }
        }
        facts.mixture = mixture.unwrap_or_else(|| std::mem::take(&mut facts.mixture));
        facts.before.clear();
        facts.before.push_str(previous_of(&open));
        if let Some(ranked) = ranked {
            (open.score, open.p, open.least) = (ranked.score, ranked.p, ranked.least);
        }
        self.learn(act, facts, &mut now, &mut levels, habits, &mut open, group, &scored, gate);
        note(act, facts, &origin);
        drop(open);
        if opens {
            self.sessions.add_at(key, session.bind(py).clone());
        }
        let hour = act.time_us.div_euclid(HOUR_US) > now.utc_hour;
        *self.seen = std::mem::replace(&mut facts.now, now).seen;
        *kept = levels;
        let day = act.time_us.div_euclid(DAY_US);
        match trust {
            Some(trust) => trust.count(day, 1),
            None => untold.count_clean(day),
        }
        untold.hear(act, role);
        std::mem::swap(self.texts, earlier);
        Ok(if hour { Judged::QuietAndHour } else { Judged::Quiet })
    }

    /// Let an agent's counts fade to the day of an event, and end its day before.
    ///
    /// The reference does the same at the same event, and finds it done.
    fn roll(&self, act: &Act<'_>, facts: &mut Facts, habits: &mut Habits) -> PyResult<()> {
        let day = (act.time_us - self.epoch_us).div_euclid(DAY_US).max(0);
        if day <= habits.day() {
            return Ok(());
        }
        habits.roll(day);
        let now = &mut facts.now;
        if now.day_learned != 0 {
            facts.daily.push(now.day_bits / now.day_learned as f64);
            (now.day_bits, now.day_learned) = (0.0, 0);
            let over = facts.daily.len().saturating_sub(MOST_DAYS);
            facts.daily.drain(..over);
            let width = self.asked.width(self.py, &facts.daily)?;
            if width < facts.daily.len() {
                facts.drifted_us = act.time_us;
                facts.daily.drain(..facts.daily.len() - width);
            }
        }
        let events = now.day_events as f64;
        let rate = if now.per_day != 0.0 { now.per_day } else { events };
        now.per_day = (1.0 - NEWEST_DAY) * rate + NEWEST_DAY * events;
        now.day_events = 0;
        self.asked.seen_on(self.py, day, now.per_day)
    }

    /// Whether another agent of the delegation has been silent for far too long.
    fn someone_silent(&self, act: &Act<'_>) -> bool {
        let hour = act.time_us.div_euclid(HOUR_US);
        let chain = act.delegation.iter().flatten();
        chain
            .filter(|name| ***name != *act.agent.id)
            .any(|name| self.heard.silence(name, hour).is_some())
    }

    fn open(&mut self, act: &Act<'_>, facts: &Facts, now: &Now) -> PyResult<Session> {
        let mut session = Session::new(
            facts.agent_id.clone(),
            facts.mode.clone(),
            facts.role.clone(),
            act.purpose.as_deref().unwrap_or_default().to_owned(),
            act.time_us,
            self.watermark_us,
            now.opened,
            now.opened <= now.learn_until,
            false,
        );
        self.content.compare(self.py, &mut session)?;
        Ok(session)
    }

    /// Whether none of `models.rules` has anything to say.
    fn rules_are_silent(
        &self,
        act: &Act<'_>,
        facts: &Facts,
        now: &Now,
        habits: &Habits,
        origin: &Origin,
    ) -> bool {
        if matches!(origin.egress, Egress::Vpn | Egress::Proxy | Egress::Tor) {
            let (node, value) = self.groups.value_at(self.names.egress, origin.egress.name());
            let enough = habits.total_of(node) >= i64::from(OFTEN_ENOUGH * UNIT);
            if enough && habits.count_of(node, value) <= UNIT / 2 {
                return false;
            }
        }
        if let Some(version) = &act.agent.version {
            let version: &str = version;
            let known = facts.versions.iter().rev().any(|one| one == version);
            let known = known || facts.versions.is_empty();
            let announced = facts.announced.as_deref() == Some(version);
            let learning = now.opened <= now.learn_until && facts.announced.is_none();
            if !learning && !known && !announced {
                return false;
            }
        }
        let Some(credential) = &act.credential else { return true };
        if credential.expires_us.is_some_and(|expires| act.time_us > expires) {
            return false;
        }
        let placed = act.network.as_ref().is_some_and(|one| one.source_ip.is_some());
        if !placed || origin.own() {
            return true;
        }
        let Some(here) = &origin.place else { return false };
        let before = facts.credential(&credential.id);
        before.is_none_or(|before| {
            before.place == *here
                || (act.time_us - before.time_us).abs() > self.config.credential_us
        })
    }
}

/// The session's tool before this one.
pub fn previous_of(session: &Session) -> &str {
    match session.previous_tool.as_str() {
        "" => "START",
        tool => tool,
    }
}

/// End a day of the mixture of tools, and see how far it has strayed; gives the mixture after it.
fn end_day(facts: &Facts, now: &mut Now, time_us: i64, state: State) -> Mixture {
    let mut mixture = facts.mixture.clone();
    let anchor = state == State::Active && now.anchored < 0;
    mixture::close_day(&mut mixture, anchor);
    if anchor {
        now.anchored = time_us.div_euclid(DAY_US);
    }
    now.strayed = if now.anchored >= 0 { mixture::strayed(&mixture) } else { 0 };
    mixture
}
