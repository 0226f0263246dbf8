//! The plain part of a profile; `models.baseline.profile.Facts` and `models.watch.state.Watch`.

mod stored;

use crate::features::FEATURES;
use crate::watch::counting::COUNTS;
use crate::watch::mixture::Mixture;
use crate::watch::sizes::{Sizes, SIZED};
use crate::watch::week::Week;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

pub const QUANTITIES: usize = 4;
const MAX_CREDENTIALS: usize = 16;
const MAX_VERSIONS: usize = 16;

/// The numbers of `Facts` and `Watch` that any event may change.
#[derive(Default)]
pub struct Now {
    pub last_us: i64,
    pub events: i64,
    pub opened: i64,
    pub learn_until: i64,
    pub per_day: f64,
    pub day_events: i64,
    pub utc_hour: i64,
    pub hour: i64,
    pub sums: [i64; QUANTITIES],
    pub voted: bool,
    pub vote_version: i64,
    pub session: i64,
    pub disorder: f64,
    pub astray: f64,
    pub windows: [i64; 3],
    pub weights: [f64; 3],
    pub counts: [i64; COUNTS],
    pub rates: [f64; COUNTS],
    pub squares: [f64; COUNTS],
    pub seen: Vec<i64>,
    pub out_day: i64,
    pub out_sum: i64,
    pub evidence: f64,
    pub anchored: i64,
    pub strayed: i64,
    pub hasty: i64,
    pub expected: [f64; SIZED.len()],
    pub out_expected: f64,
    pub leak: f64,
    pub highs: [f64; SIZED.len() + 1],
    pub peaks: [i64; COUNTS],
    pub spent: f64,
    pub tops: [f64; FEATURES],
    pub kept: f64,
    /// State of the open hour, derived from the rest and never stored.
    pub due: [f64; 3],
}

/// Where and when a credential was last used.
pub struct CredentialUse {
    pub id: String,
    pub location: String,
    pub time_us: i64,
}

/// Published trust of an agent.
pub type PublishedTrust = (i64, i64, String, String, String);

/// The plain part of a profile.
#[derive(Default)]
pub struct Facts {
    pub agent_id: String,
    pub mode: String,
    pub role: String,
    version: Option<String>,
    pub first_us: i64,
    pub credentials: Vec<CredentialUse>,
    pub versions: Vec<String>,
    pub announced: Option<String>,
    waiting: Vec<u8>,
    pub published: Option<PublishedTrust>,
    pub before: String,
    pub mixture: Mixture,
    pub shifted: String,
    definitions: Vec<u8>,
    pub added: Vec<String>,
    pub sizes: Sizes,
    pub week: Week,
    contributed_us: i64,
    pub now: Now,
}

/// State of an agent's baseline.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum State {
    Learning,
    Relearning,
    Active,
}

impl State {
    pub fn name(self) -> &'static str {
        ["learning", "relearning", "active"][self as usize]
    }
}

impl Now {
    /// A copy that reuses the memory of a list.
    pub fn copied(&self, mut seen: Vec<i64>) -> Now {
        seen.clone_from(&self.seen);
        Now { seen, ..*self }
    }

    pub fn state(&self) -> State {
        if self.opened > self.learn_until {
            State::Active
        } else if self.voted {
            State::Relearning
        } else {
            State::Learning
        }
    }
}

impl Facts {
    /// Whether a deployment announced a tool.
    pub fn brings(&self, tool: &str) -> bool {
        self.added.iter().any(|added| added == tool)
    }

    /// The last use of a credential. It is mostly the newest entry.
    pub fn credential(&self, id: &str) -> Option<&CredentialUse> {
        self.credentials.iter().rev().find(|known| known.id == id)
    }

    /// Note the location of a credential. The least recently used entry is dropped.
    pub fn note_credential(&mut self, id: &str, location: &str, time_us: i64) {
        if let Some(known) = self.credentials.iter_mut().rev().find(|known| known.id == id) {
            known.time_us = time_us;
            if known.location != location {
                location.clone_into(&mut known.location);
            }
        } else {
            let (id, location) = (id.to_owned(), location.to_owned());
            self.credentials.push(CredentialUse { id, location, time_us });
        }
        if self.credentials.len() > MAX_CREDENTIALS {
            let oldest = self.credentials.iter().enumerate();
            let oldest =
                oldest.min_by(|(_, a), (_, b)| (a.time_us, &a.id).cmp(&(b.time_us, &b.id)));
            if let Some(at) = oldest.map(|(at, _)| at) {
                self.credentials.remove(at);
            }
        }
    }

    /// Note a version of the agent.
    pub fn note_version(&mut self, version: &str) {
        if !self.versions.iter().rev().any(|known| known == version) {
            self.versions.push(version.to_owned());
            let over = self.versions.len().saturating_sub(MAX_VERSIONS);
            self.versions.drain(..over);
        }
    }
}

/// An error unless a part has the expected length.
pub fn expect(length: usize, expected: usize) -> PyResult<()> {
    if length == expected {
        return Ok(());
    }
    Err(PyValueError::new_err(format!("profile has {length} parts, expected {expected}")))
}
