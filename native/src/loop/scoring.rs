//! The bits of one event, and their rank; `models.engine.Engine._score`.

use crate::baseline::agent_state::AgentState;
use crate::baseline::profile::{Now, State};
use crate::baseline::surprise::Surprise;
use crate::calibration::p_values::{Calibrated, Statistics, Whose, VOLUME};
use crate::changing::{changing, excused};
use crate::features::extraction::Origin;
use crate::features::FEATURES;
use crate::json::action::Action;
use crate::provenance::novelty::NEW_DOMAIN;
use crate::provenance::session::{CallScore, Session};
use crate::r#loop::one_event::EventJudge;
use crate::r#loop::session_lookup::previous_of;
use crate::ranked::MIN_BITS;
use crate::watch::amounts::BYTES_OUT;
use crate::watch::measure::Measures;
use crate::watch::order::{begin, top};
use pyo3::prelude::*;

const MIN_SCORE: f64 = 3.0;

/// A scored event.
pub struct EventScores {
    pub categories: Surprise,
    pub content: Option<CallScore>,
    /// Whether a deployment announced its new tool.
    pub new_tool: bool,
    /// Content bits that count, where there are any.
    pub counted: Option<f64>,
    pub measures: Measures,
    pub statistics: Statistics,
    pub calibrated: Calibrated,
    /// Statistics of an agent's first days, which rank later newcomers.
    pub first: Option<Statistics>,
}

impl EventJudge<'_, '_> {
    /// Score an event. None leaves it to the reference.
    pub fn score(
        &mut self,
        action: &Action<'_>,
        agent_state: &mut AgentState<'_>,
        session: &mut Session,
        origin: &Origin,
    ) -> PyResult<Option<EventScores>> {
        if self.may_exceed(action, &session.purpose)?
            || !self.extract(action, agent_state, session, origin)
        {
            return Ok(None);
        }
        let new_tool = self.brought(action, agent_state);
        let known = new_tool || *action.tool == *previous_of(session);
        let content = self.score_content(action, session)?;
        begin(&mut agent_state.now, session.ordinal);
        let categories = self.surprise(agent_state);
        let off_task_bits =
            content.as_ref().and_then(|content| content.off_task_bits).filter(|_| !known);
        let measured =
            self.measure(action, agent_state, session.ordinal, categories.order, off_task_bits)?;
        let Some(measures) = measured else { return Ok(None) };
        if self.leaks(action, &agent_state.now) || is_as_rare_as_kept(&agent_state.now, &categories)
        {
            return Ok(None);
        }
        top(&mut agent_state.now, &categories);
        agent_state.now.session = session.ordinal;
        let heavy = if new_tool { excused } else { |content: &CallScore| content.score };
        let counted = content.as_ref().map(heavy);
        let decisive = if new_tool { counted } else { content.as_ref().map(accounted) };
        let statistics = [
            decisive,
            Some(categories.total),
            self.groups.has_scores(0).then_some(categories.peak),
            Some(self.rarest(&measures, agent_state)),
        ];
        let changes = new_tool || changing(agent_state);
        let whose = self.ranked_among(agent_state, changes);
        let tested = if changes {
            let stays = if new_tool { decisive } else { content.as_ref().and_then(carried) };
            let strange = self.unannounced(&action.tool, agent_state, &categories);
            let whole = (strange >= MIN_BITS).then_some(categories.total);
            let steady = self.steady(&action.tool, agent_state, &categories, strange);
            [stays, whole, steady, statistics[VOLUME]]
        } else {
            self.tested(agent_state, statistics)
        };
        let u = self.hashes.uniform_of(action.id.as_bytes());
        let calibrated = agent_state.frequency_model.calibrated(
            self.groups,
            agent_state.group,
            &tested,
            u,
            whose,
        );
        let first = (agent_state.now.state() == State::Learning && !changes).then_some(tested);
        let statistics = tested;
        Ok(Some(EventScores {
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

    /// Extract the categories of an action. False leaves it to the reference.
    fn extract(
        &mut self,
        action: &Action<'_>,
        agent_state: &AgentState<'_>,
        session: &Session,
        origin: &Origin,
    ) -> bool {
        let same = agent_state.now.session == session.ordinal;
        let before = if same { agent_state.facts.before.as_str() } else { "" };
        if self.texts.fill(self.names, action, origin, previous_of(session), before).is_none() {
            return false;
        }
        self.texts.hash(self.names, &self.groups.hasher(), agent_state.texts);
        self.count_as_known(agent_state);
        true
    }

    /// The content bits of an action, if it has origins or its session has a purpose.
    fn score_content(
        &mut self,
        action: &Action<'_>,
        session: &mut Session,
    ) -> PyResult<Option<CallScore>> {
        let origins = action.argument_origins.as_deref();
        if session.purpose.is_empty() && origins.is_none_or(|found| found.is_empty()) {
            return Ok(None);
        }
        self.content.score(self.py, session, &action.tool, origins).map(Some)
    }

    fn surprise(&self, agent_state: &mut AgentState<'_>) -> Surprise {
        let (hashes, tops) = (&self.texts.hashes, &agent_state.now.tops);
        agent_state.frequency_model.surprise_of(
            self.groups,
            agent_state.group,
            tops,
            hashes,
            agent_state.chains,
        )
    }

    /// Whether the CUSUM of a tool reports a leak.
    fn leaks(&self, action: &Action<'_>, now: &Now) -> bool {
        let sends = action.amounts()[BYTES_OUT].is_some();
        sends && now.leak >= self.config.leak && now.state() == State::Active
    }

    /// Rarity among the peers of the rarest metric.
    fn rarest(&self, measures: &Measures, agent_state: &AgentState<'_>) -> f64 {
        let renewed = agent_state.now.state() == State::Relearning;
        let mut rarest = 0.0f64;
        for (metric, &bits) in measures.risen.iter().enumerate() {
            let left = if renewed { bits - self.shift(metric, agent_state) } else { bits };
            if left >= MIN_BITS && metric != self.metrics.drift {
                rarest =
                    rarest.max(self.groups.weighted(agent_state.group, FEATURES + metric, left));
            }
        }
        rarest
    }

    /// Whether the agent has comparable peers: in its mode, or in others if it was known before.
    fn comparable(&self, agent_state: &AgentState<'_>) -> bool {
        if self.heard.begun_late(&agent_state.facts.agent_id, agent_state.facts.first_us) {
            return self.groups.knows(agent_state.group, 0);
        }
        self.groups.has_names(agent_state.group, 0)
    }

    /// The ranked statistics: all of them. Only the volume for an agent without peers.
    fn tested(&self, agent_state: &AgentState<'_>, statistics: Statistics) -> Statistics {
        let learning = agent_state.now.state() == State::Learning;
        if learning && !self.comparable(agent_state) {
            return [None, None, None, statistics[VOLUME]];
        }
        statistics
    }

    /// The pool that ranks an agent, besides its peers. Newcomers with all statistics use the pool
    /// of newcomers.
    fn ranked_among(&self, agent_state: &AgentState<'_>, changes: bool) -> Whose {
        match agent_state.now.state() {
            State::Active => Whose::Own,
            State::Relearning => Whose::Peers,
            State::Learning => {
                if !changes && self.comparable(agent_state) {
                    Whose::New
                } else {
                    Whose::Peers
                }
            }
        }
    }
}

/// Whether a category is as rare as one of a held action of the session.
fn is_as_rare_as_kept(now: &Now, categories: &Surprise) -> bool {
    now.kept != 0.0 && categories.rarest >= now.kept && now.state() != State::Learning
}

/// Content bits that decide on an alert: without the bits of recurrence along a known flow.
fn accounted(content: &CallScore) -> f64 {
    let Some(tainted) = content.tainted.as_ref().filter(|_| content.score >= MIN_SCORE) else {
        return content.score;
    };
    if tainted.flow_level != 0 || tainted.cross_task_bits == 0.0 {
        return content.score;
    }
    let whole = tainted.bits + content.intent.unwrap_or(0.0);
    let cross_task = tainted.cross_task_bits / tainted.value_bits;
    content.score * (1.0 - cross_task * tainted.bits / whole)
}

/// Content bits of the arguments, without those of the choice of the tool.
fn carried(content: &CallScore) -> Option<f64> {
    let tainted = content
        .tainted
        .as_ref()
        .filter(|tainted| tainted.flow_level != 0 || tainted.value_level == NEW_DOMAIN)?;
    let whole = tainted.bits + content.intent.unwrap_or(0.0);
    (whole != 0.0).then(|| content.score * tainted.bits / whole)
}
