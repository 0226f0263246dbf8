//! Windows of counts and days that end at an event (with `models.watch.watcher`).

use crate::baseline::agent_state::AgentState;
use crate::baseline::frequency_model::FrequencyModel;
use crate::baseline::profile::{Facts, Now, State};
use crate::json::action::Action;
use crate::r#loop::one_event::EventJudge;
use crate::units::DAY_US;
use crate::watch::counting::DAY;
use crate::watch::mixture::Mixture;
use crate::watch::week::Week;
use crate::watch::{counting, mixture};
use pyo3::prelude::*;

const NEWEST_DAY: f64 = 0.3;

/// The windows that ended at an event.
pub struct Ended {
    /// The longest kind of window of counts.
    pub window: Option<usize>,
    /// The mixture of tools after the day.
    pub mixture: Option<Mixture>,
    /// The hours of the week after the hour.
    pub week: Option<Week>,
}

impl Ended {
    /// Learn the finished windows, and the drift of the tool mixture at the end of a day.
    pub fn of(
        action: &Action<'_>,
        agent_state: &mut AgentState<'_>,
        trusted_history: bool,
    ) -> Self {
        let active = agent_state.now.state() == State::Active;
        let (now, week) = (&mut agent_state.now, &agent_state.facts.week);
        let (window, week) = counting::close(now, week, action.time_us, trusted_history || !active);
        let day = window == Some(DAY);
        let mixture = day.then(|| end_mixture(agent_state, action.time_us, active));
        Ended { window, mixture, week }
    }
}

/// End a day of the tool mixture. Gives the next mixture.
fn end_mixture(agent_state: &mut AgentState<'_>, time_us: i64, active: bool) -> Mixture {
    let (now, mut mixture) = (&mut agent_state.now, agent_state.facts.mixture.clone());
    let anchor = active && now.anchored < 0;
    mixture::close_day(&mut mixture, anchor);
    if anchor {
        now.anchored = time_us.div_euclid(DAY_US);
    }
    now.strayed = if now.anchored >= 0 { mixture::strayed(&mixture) } else { 0 };
    mixture
}

impl EventJudge<'_, '_> {
    /// Whether the tool mixture drifted too far with the day that ended.
    pub fn strays(&self, agent_state: &AgentState<'_>, ended: &Ended) -> bool {
        let (limit, now) = (self.config.stray_limit, &agent_state.now);
        let crossed = now.strayed > limit && agent_state.facts.now.strayed <= limit;
        ended.mixture.is_some() && crossed && now.state() == State::Active
    }

    /// Decay an agent's counts to the day of an event, and end its previous day.
    ///
    /// The reference does the same at the same event, without effect.
    pub fn roll(
        &self,
        action: &Action<'_>,
        facts: &mut Facts,
        frequency_model: &mut FrequencyModel,
    ) -> PyResult<()> {
        let day = (action.time_us - self.epoch_us).div_euclid(DAY_US).max(0);
        if day <= frequency_model.day() {
            return Ok(());
        }
        frequency_model.roll(day);
        count_day(&mut facts.now);
        self.python.count_active_agent(self.py, day, facts.now.per_day)
    }
}

/// Update the mean number of events a day.
fn count_day(now: &mut Now) {
    let events = now.day_events as f64;
    let rate = if now.per_day != 0.0 { now.per_day } else { events };
    now.per_day = (1.0 - NEWEST_DAY) * rate + NEWEST_DAY * events;
    now.day_events = 0;
}
