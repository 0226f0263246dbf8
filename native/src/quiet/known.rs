//! An agent in one mode during a batch, and what its trust state in Python does not have yet.

use crate::baseline::profile::Profile;
use crate::json::action::Action;
use crate::units::DAY_US;
use pyo3::intern;
use pyo3::prelude::*;
use rustc_hash::FxHashSet;

/// The agent of some events of a batch, where the kernel may judge them.
#[derive(Default)]
pub struct Slot {
    /// Number of the agent, the same in all its modes.
    pub agent: usize,
    pub known: Option<Known>,
    /// Name and key of its last session.
    pub session: Option<(String, u64)>,
}

/// An agent with its identity, whatever its events claim; `models.baseline.identity`.
pub struct Known {
    pub agent_state: Py<PyAny>,
    pub trust: Py<PyAny>,
    pub profile: Py<Profile>,
    pub registered: Option<bool>,
    role: Option<String>,
    owner: Option<String>,
    /// From the inventory. None where claims have no effect.
    team: Option<String>,
    /// Whether it has open cases.
    pub filed: bool,
    /// Its sessions that are known to be in none of them.
    pub unfiled: FxHashSet<u64>,
    /// Whether evidence of another mode may count.
    pub agent_wide: bool,
    /// Number of its latest session, and the key of the scores of that; numbers begin with 1.
    pub scores: (i64, u64),
    events: i64,
    last_us: i64,
    version: Option<String>,
    /// Clean events by day.
    clean: Vec<(i64, i64)>,
}

impl Known {
    pub fn of(
        agent_state: &Bound<'_, PyAny>,
        standing: (Option<bool>, Option<String>),
        flags: (bool, bool),
    ) -> PyResult<Self> {
        let trust = agent_state.getattr("trust")?;
        let profile = agent_state.getattr("profile")?;
        Ok(Known {
            role: trust.getattr("role")?.extract()?,
            owner: trust.getattr("owner")?.extract()?,
            agent_state: agent_state.clone().unbind(),
            trust: trust.unbind(),
            profile: profile.cast::<Profile>()?.clone().unbind(),
            registered: standing.0,
            team: standing.1,
            filed: flags.0,
            unfiled: FxHashSet::default(),
            agent_wide: flags.1,
            scores: (0, 0),
            events: 0,
            last_us: 0,
            version: None,
            clean: Vec::new(),
        })
    }

    /// Whether an event claims the same identity, so that the reference has nothing to change.
    pub fn agrees(&self, action: &Action<'_>) -> bool {
        let agent = &action.agent;
        agrees(agent.role.as_deref(), self.role.as_deref())
            && agrees(agent.owner.as_deref(), self.owner.as_deref())
            && self.team.as_deref().is_none_or(|team| action.teams().all(|one| one == team))
    }

    pub fn role(&self) -> &str {
        self.role.as_deref().unwrap_or_default()
    }

    /// Count an event; it is clean where it was learned.
    pub fn note(&mut self, action: &Action<'_>, learned: bool) {
        self.events += 1;
        self.last_us = self.last_us.max(action.time_us);
        let version = action.agent.version.as_deref();
        if version.is_some() && version != self.version.as_deref() {
            self.version = version.map(str::to_owned);
        }
        if learned {
            let day = action.time_us.div_euclid(DAY_US);
            match self.clean.iter_mut().find(|(known, _)| *known == day) {
                Some((_, number)) => *number += 1,
                None => self.clean.push((day, 1)),
            }
        }
    }

    /// Give the trust state what it does not have yet.
    pub fn sync(&mut self, py: Python<'_>) -> PyResult<()> {
        if self.events == 0 {
            return Ok(());
        }
        let trust = self.trust.bind(py);
        let (events, last) = (intern!(py, "events"), intern!(py, "last_seen_us"));
        trust.setattr(events, trust.getattr(events)?.extract::<i64>()? + self.events)?;
        trust.setattr(last, trust.getattr(last)?.extract::<i64>()?.max(self.last_us))?;
        trust.setattr(intern!(py, "state"), self.profile.borrow(py).state())?;
        if let Some(version) = self.version.take() {
            trust.setattr(intern!(py, "version"), version)?;
        }
        if !self.clean.is_empty() {
            let ledger = trust.getattr(intern!(py, "ledger"))?;
            for (day, number) in self.clean.drain(..) {
                ledger.call_method1(intern!(py, "count"), (day, number))?;
            }
        }
        (self.events, self.last_us) = (0, 0);
        Ok(())
    }
}

fn agrees(claimed: Option<&str>, known: Option<&str>) -> bool {
    claimed.is_none_or(|claimed| claimed.is_empty() || Some(claimed) == known)
}
