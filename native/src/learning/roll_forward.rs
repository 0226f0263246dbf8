//! What ends with an event: windows of counts, and days (with `models.watch.watcher`).

use crate::baseline::agent_state::Subject;
use crate::baseline::frequency_model::Habits;
use crate::baseline::profile::{Facts, Now, State};
use crate::json::action::Act;
use crate::r#loop::one_event::Bench;
use crate::units::DAY_US;
use crate::watch::counting::DAY;
use crate::watch::mixture::Mixture;
use crate::watch::week::Week;
use crate::watch::{counting, mixture};
use pyo3::prelude::*;

const NEWEST_DAY: f64 = 0.3;

/// What has ended with an event.
pub struct Ended {
    /// The longest kind of window of counts.
    pub window: Option<usize>,
    /// The mixture of tools after the day.
    pub mixture: Option<Mixture>,
    /// What the hours of the week bring, after the hour.
    pub week: Option<Week>,
}

impl Ended {
    /// Learn the windows that are over, and how far the mixture of tools has strayed with a day.
    pub fn of(act: &Act<'_>, subject: &mut Subject<'_>, vouched: bool) -> Self {
        let active = subject.now.state() == State::Active;
        let (now, week) = (&mut subject.now, &subject.facts.week);
        let (window, week) = counting::close(now, week, act.time_us, vouched || !active);
        let day = window == Some(DAY);
        let mixture = day.then(|| end_mixture(subject, act.time_us, active));
        Ended { window, mixture, week }
    }
}

/// End a day of the mixture of tools; gives the mixture after it.
fn end_mixture(subject: &mut Subject<'_>, time_us: i64, active: bool) -> Mixture {
    let (now, mut mixture) = (&mut subject.now, subject.facts.mixture.clone());
    let anchor = active && now.anchored < 0;
    mixture::close_day(&mut mixture, anchor);
    if anchor {
        now.anchored = time_us.div_euclid(DAY_US);
    }
    now.strayed = if now.anchored >= 0 { mixture::strayed(&mixture) } else { 0 };
    mixture
}

impl Bench<'_, '_> {
    /// Whether with the day that ended the mixture of tools has strayed too far.
    pub fn strays(&self, subject: &Subject<'_>, ended: &Ended) -> bool {
        let (limit, now) = (self.config.stray_limit, &subject.now);
        let crossed = now.strayed > limit && subject.facts.now.strayed <= limit;
        ended.mixture.is_some() && crossed && now.state() == State::Active
    }

    /// Let an agent's counts fade to the day of an event, and end its day before.
    ///
    /// The reference does the same at the same event, and finds it done.
    pub fn roll(&self, act: &Act<'_>, facts: &mut Facts, habits: &mut Habits) -> PyResult<()> {
        let day = (act.time_us - self.epoch_us).div_euclid(DAY_US).max(0);
        if day <= habits.day() {
            return Ok(());
        }
        habits.roll(day);
        count_day(&mut facts.now);
        self.asked.seen_on(self.py, day, facts.now.per_day)
    }
}

/// Let a day's number of events count towards the usual.
fn count_day(now: &mut Now) {
    let events = now.day_events as f64;
    let rate = if now.per_day != 0.0 { now.per_day } else { events };
    now.per_day = (1.0 - NEWEST_DAY) * rate + NEWEST_DAY * events;
    now.day_events = 0;
}
