//! One event: scored, found to be as usual, learned; or left to the reference, unchanged.

use super::act::{Act, Egress, Operation, Outcome};
use super::agent::Agent;
use super::counting::{self, Counted, DAY, HOUR};
use super::facts::{Facts, Now, State, QUANTITIES};
use super::heard::Heard;
use super::judge::{Asked, Config, Metrics, Told};
use super::level::{Level, LEAST_WINDOWS};
use super::mixture::{self, Mixture};
use super::peer_levels::{Levels, PeerLevels};
use super::texts::{Names, Origin, Texts};
use super::words::{place_of, secret};
use crate::content::{Content, Detector, OpenSessions, Session};
use crate::habits::{
    Calibrated, Groups, Habits, SessionPools, Statistics, Surprise, FEATURES, LEAST_BITS, METRICS,
    OFTEN_ENOUGH,
};
use crate::hashing::Hashes;
use pyo3::prelude::*;

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 86_400_000_000;
const UNIT: u32 = 4_096;
const MARK: u64 = 0xFFFF;
const EVENTS_A_DAY: f64 = 50.0;
const MOST_ALPHA: f64 = 0.01;
const LOOKED_INTO: f64 = 3.0;
const RECURRENCE_BITS: f64 = 4.0;
const FIRST_SESSIONS: i64 = 3;
const OUT_DAY: usize = 4;
const BYTES_OUT: usize = 1;
const SLACK: f64 = 0.5;
const MOST_STEP: f64 = 3.0;
const DRIFT_BITS: f64 = 1.0;
const MOST_DISORDER: f64 = 12.0;
const LEAST_P: f64 = 1e-9;
const MOST_P: f64 = 1.0 - 1e-4;
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
    pub levels: &'a mut PeerLevels,
    pub heard: &'a mut Heard,
    pub hashes: &'a Hashes,
    pub asked: &'a mut Asked,
    pub texts: &'a mut Texts,
    pub told: Option<&'a mut Told>,
    pub version: i64,
    pub epoch_us: i64,
    pub active: f64,
    pub watermark_us: i64,
}

/// What was measured of one event beside its categories.
struct Measures {
    bits: [f64; METRICS],
    found: [bool; METRICS],
}

/// A scored event.
struct Scored {
    categories: Surprise,
    content: Option<Content>,
    measures: Measures,
    statistics: Statistics,
    calibrated: Calibrated,
    total: f64,
}

/// A session's rank after an event.
struct Ranked {
    score: f64,
    p: Option<f64>,
}

impl Bench<'_, '_> {
    /// Close the sessions that have been idle for long enough.
    pub fn close_finished(&mut self) -> PyResult<()> {
        if !self.sessions.due(self.watermark_us) {
            return Ok(());
        }
        for session in self.sessions.finished(self.py, self.watermark_us) {
            let session = &mut *session.borrow_mut(self.py);
            if session.score >= 0.0 && (session.learning || session.vouched) {
                self.pools.add(&session.role, session.score);
                if let Some(told) = &mut self.told {
                    told.pools.push((session.role.clone(), session.score));
                }
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
        let Agent { facts, levels: kept, habits, group, untold, .. } = agent;
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
        let mut now = facts.now.clone();
        let mut levels = *kept;
        if now.vote_version != self.version {
            habits.published();
            now.vote_version = self.version;
        }
        now.events += 1;
        now.day_events += 1;
        now.last_us = now.last_us.max(act.time_us);
        let name = act.session_name();
        let (agent_id, mode) = (&facts.agent_id, &facts.mode);
        let known = self.sessions.meet(py, agent_id, mode, name, act.time_us, self.watermark_us);
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
        let scored =
            self.score(act, facts, &mut now, &mut levels, habits, &mut open, group, &origin)?;
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
            (open.score, open.p) = (ranked.score, ranked.p);
        }
        self.learn(act, facts, &mut now, &mut levels, habits, &mut open, group, &scored, gate);
        note(act, facts, &origin);
        drop(open);
        if opens {
            self.sessions.add(name, session.bind(py).clone());
        }
        let hour = act.time_us.div_euclid(HOUR_US) > now.utc_hour;
        (facts.now, *kept) = (now, levels);
        untold.count_clean(act.time_us.div_euclid(DAY_US));
        untold.hear(act, role);
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
        self.asked.seen_on(self.py, day)
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
            let known = facts.versions.iter().any(|one| one == version);
            let known = known || facts.versions.is_empty();
            let announced = facts.announced.as_deref() == Some(version);
            if now.opened > now.learn_until && !known && !announced {
                return false;
            }
        }
        let Some(credential) = &act.credential else { return true };
        if credential.expires_us.is_some_and(|expires| act.time_us > expires) {
            return false;
        }
        let Some(address) = act.network.as_ref().and_then(|one| one.source_ip.as_ref()) else {
            return true;
        };
        if origin.own() {
            return true;
        }
        let Some(here) = place_of(address, origin.country.as_deref(), origin.asn) else {
            return false;
        };
        let before = facts.credentials.iter().find(|known| *known.id == *credential.id);
        before.is_none_or(|before| {
            before.place == here || (act.time_us - before.time_us).abs() > self.config.credential_us
        })
    }

    #[allow(clippy::too_many_arguments)] // the parts of an agent
    fn score(
        &mut self,
        act: &Act<'_>,
        facts: &Facts,
        now: &mut Now,
        levels: &mut Levels,
        habits: &Habits,
        session: &mut Session,
        group: (usize, &str),
        origin: &Origin,
    ) -> PyResult<Option<Scored>> {
        let state = now.state();
        let before = if now.session == session.ordinal { facts.before.as_str() } else { "" };
        let previous = previous_of(session);
        if self.texts.fill(self.names, act, origin, previous, before).is_none() {
            return Ok(None);
        }
        let carries = act.argument_origins.as_ref().is_some_and(|found| !found.is_empty());
        let content = match carries || !session.purpose.is_empty() {
            true => {
                let origins = act.argument_origins.as_deref();
                Some(self.content.score(self.py, session, &act.tool, origins)?)
            }
            false => None,
        };
        let texts = &*self.texts;
        let categories = habits.surprise_of(self.groups, group.0, |at| texts.get(at));
        let measures =
            self.measure(act, now, levels, session.ordinal, categories.order, group.1)?;
        let Some(measures) = measures else { return Ok(None) };
        now.session = session.ordinal;
        let volume = self.rarest(&measures, group.0, state);
        let statistics = [
            content.as_ref().map(accounted),
            Some(categories.total),
            Some(categories.peak),
            Some(volume),
        ];
        let mut tested = statistics;
        if state == State::Relearning {
            let added = facts.added.iter().any(|tool| **tool == *act.tool);
            let steady = (!added).then_some(categories.steady);
            tested = [content.as_ref().and_then(carried), None, steady, Some(volume)];
        }
        let u = self.hashes.uniform_of(act.id.as_bytes());
        let calibrated =
            habits.calibrated(self.groups, group.0, &tested, u, state == State::Active);
        let mut total = categories.total;
        for (bits, found) in measures.bits.iter().zip(measures.found).take(QUANTITIES) {
            total += if found { *bits } else { 0.0 };
        }
        total += content.as_ref().map_or(0.0, |content| content.score);
        Ok(Some(Scored { categories, content, measures, statistics, calibrated, total }))
    }

    /// Measure how much, how often and in which order; `models.watch.measure`.
    fn measure(
        &mut self,
        act: &Act<'_>,
        now: &mut Now,
        levels: &mut Levels,
        session: i64,
        order: f64,
        group: &str,
    ) -> PyResult<Option<Measures>> {
        let (py, metrics) = (self.py, self.metrics);
        let mut out = Measures { bits: [0.0; METRICS], found: [false; METRICS] };
        let mut put = |metric: usize, bits: f64| {
            if bits != 0.0 {
                (out.bits[metric], out.found[metric]) = (bits, true);
            }
        };
        let amounts = act.amounts();
        let same_hour = now.hour == act.time_us.div_euclid(HOUR_US);
        let asked = &*self.asked;
        let peers = &*self.levels;
        let bits_of = |levels: &Levels, at: usize, value: f64| -> PyResult<f64> {
            let own = levels[at].unwrap_or_default();
            own.bits(value, peers.of(group, at), |freedom, t| asked.stdtr(py, freedom, t))
        };
        for (at, amount) in amounts.iter().enumerate() {
            let Some(amount) = *amount else { continue };
            let before = if same_hour { now.sums[at] } else { 0 };
            let total = (before.max(0) + amount) as f64;
            put(at, bits_of(levels, at, total)?);
        }
        if let Some(out) = add_out(now, levels, act.time_us.div_euclid(DAY_US), amounts[BYTES_OUT])
        {
            put(metrics.out_day, bits_of(levels, OUT_DAY, out)?);
        }
        put(metrics.drift, now.leaning);
        let resource = act.resource.as_ref().map_or("", |resource| &resource.id);
        let Some(secret) = secret(&act.tool, resource) else { return Ok(None) };
        let operation = match act.operation {
            Operation::Unknown => self.asked.operation(py, &act.tool)?,
            known => known,
        };
        let mark = self.texts.resource_text(self.names).map(|text| self.groups.hash(text) & MARK);
        let counted = Counted {
            failed: matches!(act.outcome, Some(Outcome::Denied | Outcome::Error)),
            deleted: operation == Operation::Delete,
            mark: mark.map(|mark| mark as i64),
            secret,
        };
        counting::count(now, &counted, |index, bits| put(metrics.counted[index], bits));
        put(metrics.disorder, add_up(now, session, order));
        Ok(Some(out))
    }

    /// Rarity among the peers of the rarest metric.
    fn rarest(&self, measures: &Measures, group: usize, state: State) -> f64 {
        let mut rarest = 0.0f64;
        for (metric, &bits) in measures.bits.iter().enumerate() {
            let skipped = state == State::Relearning && self.metrics.shifting.contains(&metric);
            if measures.found[metric] && bits >= LEAST_BITS && !skipped {
                rarest = rarest.max(self.groups.rarity(group, FEATURES + metric, bits));
            }
        }
        rarest
    }

    /// The session's rank and the learning gate, where nothing about an event is to be said.
    fn is_quiet(
        &self,
        now: &mut Now,
        session: &Session,
        scored: &Scored,
        state: State,
    ) -> Option<(Option<Ranked>, f64)> {
        let per_day = match now.per_day {
            0.0 => EVENTS_A_DAY,
            known => known.max(1.0),
        };
        let alpha = self.config.alerts_per_day / (self.active * per_day);
        let mut event_alpha = alpha.min(MOST_ALPHA);
        let mut ranked = None;
        if let Some(content) = &scored.content {
            let rose = content.score > session.score;
            let rank = self.rank(session, content.score, rose);
            if rose {
                let per_session = (now.events as f64 / now.opened.max(1) as f64).max(1.0);
                let session_alpha = (alpha * per_session / 2.0).min(MOST_ALPHA);
                if rank.p.is_some_and(|p| p <= session_alpha) {
                    return None;
                }
            } else if rank.p.is_some_and(|p| p <= 0.0) {
                return None;
            }
            event_alpha /= 2.0;
            ranked = Some(rank);
        }
        let gate = self.config.gate.max(event_alpha);
        let Some(p) = scored.calibrated.p else { return Some((ranked, gate)) };
        if p <= event_alpha {
            return None;
        }
        if state == State::Active {
            let evidence = now.evidence.max(0.0) + e_value(p).log2();
            if p < gate || evidence >= self.config.drift_bits {
                return None;
            }
            now.evidence = evidence;
        }
        Some((ranked, gate))
    }

    fn rank(&self, session: &Session, score: f64, rose: bool) -> Ranked {
        let mut now = Ranked { score: session.score, p: session.p };
        if rose || session.p.is_none() {
            now.score = session.score.max(score);
            if self.pools.n() >= self.config.session_minimum {
                let name =
                    format!("{}\x1f{}\x1f{}", session.agent_id, session.mode, session.ordinal);
                let u = self.hashes.uniform_of(name.as_bytes());
                now.p = Some(self.pools.p_value(&session.role, now.score, u));
            }
        }
        now
    }

    #[allow(clippy::too_many_arguments)] // the parts of an agent
    fn learn(
        &mut self,
        act: &Act<'_>,
        facts: &mut Facts,
        now: &mut Now,
        levels: &mut Levels,
        habits: &mut Habits,
        session: &mut Session,
        group: (usize, &str),
        scored: &Scored,
        gate: f64,
    ) {
        session.events += 1;
        session.previous_tool.clear();
        session.previous_tool.push_str(&act.tool);
        if let Some(content) = &scored.content {
            crate::content::note(session, content);
        }
        let active = now.state() == State::Active;
        if active {
            habits.enter(self.groups, group.0, &scored.statistics, &scored.calibrated, gate);
        }
        self.sum_up(act, now, levels, group.1, active);
        let (texts, metrics) = (&*self.texts, &scored.measures.bits);
        habits
            .learned(self.groups, group.0, &scored.categories, active, metrics, |at| texts.get(at));
        let mark = self.groups.hash(&act.tool) & MARK;
        mixture::count_use(&mut facts.mixture, mark as i64);
        now.voted |= active;
        now.day_bits += scored.total;
        now.day_learned += 1;
    }

    /// Add to the open hour's sums; learn a window when it closes.
    fn sum_up(
        &mut self,
        act: &Act<'_>,
        now: &mut Now,
        levels: &mut Levels,
        group: &str,
        active: bool,
    ) {
        let hour = act.time_us.div_euclid(HOUR_US);
        if hour > now.hour {
            for (at, &total) in now.sums.iter().enumerate() {
                if now.hour >= 0 && total >= 0 {
                    levels[at].get_or_insert_default().learn(total as f64);
                    if active {
                        self.levels.contribute(group, at, total as f64);
                    }
                }
            }
            (now.hour, now.sums) = (hour, [-1; QUANTITIES]);
        }
        if hour < now.hour {
            return;
        }
        for (sum, amount) in now.sums.iter_mut().zip(act.amounts()) {
            if let Some(amount) = amount {
                *sum = (*sum).max(0) + amount;
            }
        }
    }
}

/// The session's tool before this one.
fn previous_of(session: &Session) -> &str {
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

/// Remember where the credential was used, and the version.
fn note(act: &Act<'_>, facts: &mut Facts, origin: &Origin) {
    let address = act.network.as_ref().and_then(|one| one.source_ip.as_ref());
    if let (Some(credential), Some(address)) = (&act.credential, address) {
        if !origin.own() {
            let here = place_of(address, origin.country.as_deref(), origin.asn);
            facts.note_credential(&credential.id, here.unwrap_or_default(), act.time_us);
        }
    }
    if let Some(version) = &act.agent.version {
        facts.note_version(version);
    }
}

/// Add bytes out to the day's sum, closing the day before; gives the sum.
fn add_out(now: &mut Now, levels: &mut Levels, day: i64, amount: Option<i64>) -> Option<f64> {
    let watch = now;
    if day > watch.out_day {
        if watch.out_day >= 0 && watch.out_sum >= 0 {
            let value = watch.out_sum as f64;
            if let Some(level) = levels[OUT_DAY].filter(|level| level.n as f64 >= LEAST_WINDOWS) {
                let z = Level::distance(value, level.usual(None));
                let step = z.clamp(-MOST_STEP, MOST_STEP);
                watch.leaning = (watch.leaning + step - SLACK).max(0.0);
            }
            levels[OUT_DAY].get_or_insert_default().learn(value);
        }
        (watch.out_day, watch.out_sum) = (day, -1);
    }
    let amount = amount.filter(|_| day >= watch.out_day)?;
    watch.out_sum = watch.out_sum.max(0) + amount;
    Some(watch.out_sum as f64)
}

/// Add a call to the running sum of its session; gives the sum.
fn add_up(now: &mut Now, session: i64, excess: f64) -> f64 {
    let watch = now;
    if watch.session != session {
        watch.disorder = 0.0;
    }
    watch.disorder = (watch.disorder + excess.min(MOST_DISORDER) - DRIFT_BITS).max(0.0);
    watch.disorder
}

fn e_value(p: f64) -> f64 {
    let p = p.clamp(LEAST_P, MOST_P);
    let ln = p.ln();
    (1.0 - p + p * ln) / (p * ln * ln)
}

/// Content bits that decide on an alert: without what recurrence adds along a usual way.
fn accounted(content: &Content) -> f64 {
    let Some(carrier) = content.carrier.as_ref().filter(|_| content.score >= LOOKED_INTO) else {
        return content.score;
    };
    if carrier.flow_level != 0 || carrier.recurrences == 0 {
        return content.score;
    }
    let whole = carrier.bits + content.intent.unwrap_or(0.0);
    let again = RECURRENCE_BITS * f64::from(carrier.recurrences) / carrier.value_bits;
    content.score * (1.0 - again * carrier.bits / whole)
}

/// Content bits of what an event carries, without those of its tool's choice.
fn carried(content: &Content) -> Option<f64> {
    let carrier = content.carrier.as_ref().filter(|carrier| carrier.flow_level != 0)?;
    let whole = carrier.bits + content.intent.unwrap_or(0.0);
    (whole != 0.0).then(|| content.score * carrier.bits / whole)
}
