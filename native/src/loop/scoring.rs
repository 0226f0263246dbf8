//! The bits of one event, and their rank; `models.engine.Engine._score`.

use crate::baseline::agent_state::Subject;
use crate::baseline::profile::{Now, State};
use crate::baseline::surprise::Surprise;
use crate::calibration::p_values::{Calibrated, Statistics, Whose, VOLUME};
use crate::changing::{changing, excused};
use crate::features::extraction::Origin;
use crate::features::FEATURES;
use crate::json::action::Act;
use crate::provenance::novelty::NEW_DOMAIN;
use crate::provenance::session::{CallScore, Session};
use crate::r#loop::one_event::Bench;
use crate::r#loop::session_lookup::previous_of;
use crate::ranked::LEAST_BITS;
use crate::watch::amounts::BYTES_OUT;
use crate::watch::measure::Measures;
use crate::watch::order::{begin, top};
use pyo3::prelude::*;

const LOOKED_INTO: f64 = 3.0;

/// A scored event.
pub struct Scored {
    pub categories: Surprise,
    pub content: Option<CallScore>,
    /// Whether its tool is new with a deployment.
    pub new_tool: bool,
    /// Content bits that count, where there are any.
    pub counted: Option<f64>,
    pub measures: Measures,
    pub statistics: Statistics,
    pub calibrated: Calibrated,
    /// What is ranked of an agent's first days, for later newcomers to be ranked among.
    pub first: Option<Statistics>,
}

impl Bench<'_, '_> {
    /// Score an event; None where the reference has to, or something is to be said.
    pub fn score(
        &mut self,
        act: &Act<'_>,
        subject: &mut Subject<'_>,
        session: &mut Session,
        origin: &Origin,
    ) -> PyResult<Option<Scored>> {
        if self.may_exceed(act, &session.purpose)? || !self.extract(act, subject, session, origin) {
            return Ok(None);
        }
        let new_tool = self.brought(act, subject);
        let known = new_tool || *act.tool == *previous_of(session);
        let content = self.score_content(act, session)?;
        begin(&mut subject.now, session.ordinal);
        let categories = self.surprise(subject);
        let off_task_bits =
            content.as_ref().and_then(|content| content.off_task_bits).filter(|_| !known);
        let measured =
            self.measure(act, subject, session.ordinal, categories.order, off_task_bits)?;
        let Some(measures) = measured else { return Ok(None) };
        if self.leaks(act, &subject.now) || is_as_rare_as_kept(&subject.now, &categories) {
            return Ok(None);
        }
        top(&mut subject.now, &categories);
        subject.now.session = session.ordinal;
        let heavy = if new_tool { excused } else { |content: &CallScore| content.score };
        let counted = content.as_ref().map(heavy);
        let decisive = if new_tool { counted } else { content.as_ref().map(accounted) };
        let statistics = [
            decisive,
            Some(categories.total),
            self.groups.tells(0).then_some(categories.peak),
            Some(self.rarest(&measures, subject)),
        ];
        let changes = new_tool || changing(subject);
        let whose = self.ranked_among(subject, changes);
        let tested = if changes {
            let stays = if new_tool { decisive } else { content.as_ref().and_then(carried) };
            let strange = self.unannounced(&act.tool, subject, &categories);
            let whole = (strange >= LEAST_BITS).then_some(categories.total);
            let steady = self.steady(&act.tool, subject, &categories, strange);
            [stays, whole, steady, statistics[VOLUME]]
        } else {
            self.tested(subject, statistics)
        };
        let u = self.hashes.uniform_of(act.id.as_bytes());
        let calibrated = subject.habits.calibrated(self.groups, subject.group, &tested, u, whose);
        let first = (subject.now.state() == State::Learning && !changes).then_some(tested);
        let statistics = tested;
        Ok(Some(Scored {
            categories,
            content,
            new_tool,
            counted,
            measures,
            statistics,
            calibrated,
            first,
        }))
    }

    /// Bring out the categories of an act; false where the reference has to.
    fn extract(
        &mut self,
        act: &Act<'_>,
        subject: &Subject<'_>,
        session: &Session,
        origin: &Origin,
    ) -> bool {
        let same = subject.now.session == session.ordinal;
        let before = if same { subject.facts.before.as_str() } else { "" };
        if self.texts.fill(self.names, act, origin, previous_of(session), before).is_none() {
            return false;
        }
        self.texts.hash(self.names, &self.groups.hasher(), subject.texts);
        self.count_as_known(subject);
        true
    }

    /// The bits of what an act carries, if there is anything to hold it against.
    fn score_content(
        &mut self,
        act: &Act<'_>,
        session: &mut Session,
    ) -> PyResult<Option<CallScore>> {
        let origins = act.argument_origins.as_deref();
        if session.purpose.is_empty() && origins.is_none_or(|found| found.is_empty()) {
            return Ok(None);
        }
        self.content.score(self.py, session, &act.tool, origins).map(Some)
    }

    fn surprise(&self, subject: &mut Subject<'_>) -> Surprise {
        let (hashes, tops) = (&self.texts.hashes, &subject.now.tops);
        subject.habits.surprise_of(self.groups, subject.group, tops, hashes, subject.chains)
    }

    /// Whether a tool has sent more than usual for so long that it is said to leak.
    fn leaks(&self, act: &Act<'_>, now: &Now) -> bool {
        let sends = act.amounts()[BYTES_OUT].is_some();
        sends && now.leak >= self.config.leak && now.state() == State::Active
    }

    /// Rarity among the peers of the rarest metric.
    fn rarest(&self, measures: &Measures, subject: &Subject<'_>) -> f64 {
        let renewed = subject.now.state() == State::Relearning;
        let mut rarest = 0.0f64;
        for (metric, &bits) in measures.risen.iter().enumerate() {
            let left = if renewed { bits - self.shift(metric, subject) } else { bits };
            if left >= LEAST_BITS && metric != self.metrics.drift {
                rarest = rarest.max(self.groups.weighted(subject.group, FEATURES + metric, left));
            }
        }
        rarest
    }

    /// Whether peers act in an agent's mode, or in others where it was long known before.
    fn comparable(&self, subject: &Subject<'_>) -> bool {
        if self.heard.begun_late(&subject.facts.agent_id, subject.facts.first_us) {
            return self.groups.knows(subject.group, 0);
        }
        self.groups.has_names(subject.group, 0)
    }

    /// What is ranked: all; of one that nobody can be compared with how much it does.
    fn tested(&self, subject: &Subject<'_>, statistics: Statistics) -> Statistics {
        let learning = subject.now.state() == State::Learning;
        if learning && !self.comparable(subject) {
            return [None, None, None, statistics[VOLUME]];
        }
        statistics
    }

    /// Whose scores an agent is ranked among, beside those of its peers: other newcomers' where all
    /// of what it does is ranked.
    fn ranked_among(&self, subject: &Subject<'_>, changes: bool) -> Whose {
        match subject.now.state() {
            State::Active => Whose::Own,
            State::Relearning => Whose::Peers,
            State::Learning => {
                if !changes && self.comparable(subject) {
                    Whose::New
                } else {
                    Whose::Peers
                }
            }
        }
    }
}

/// Whether a category is as rare as what an act of the session was held for.
fn is_as_rare_as_kept(now: &Now, categories: &Surprise) -> bool {
    now.kept != 0.0 && categories.rarest >= now.kept && now.state() != State::Learning
}

/// Content bits that decide on an alert: without what recurrence adds along a usual way.
fn accounted(content: &CallScore) -> f64 {
    let Some(tainted) = content.tainted.as_ref().filter(|_| content.score >= LOOKED_INTO) else {
        return content.score;
    };
    if tainted.flow_level != 0 || tainted.cross_task_bits == 0.0 {
        return content.score;
    }
    let whole = tainted.bits + content.intent.unwrap_or(0.0);
    let again = tainted.cross_task_bits / tainted.value_bits;
    content.score * (1.0 - again * tainted.bits / whole)
}

/// Content bits of what an event carries, without those of its tool's choice.
fn carried(content: &CallScore) -> Option<f64> {
    let tainted = content
        .tainted
        .as_ref()
        .filter(|tainted| tainted.flow_level != 0 || tainted.value_level == NEW_DOMAIN)?;
    let whole = tainted.bits + content.intent.unwrap_or(0.0);
    (whole != 0.0).then(|| content.score * tainted.bits / whole)
}
