//! Whether there is anything to say of an event; `models.assessing` and.

use crate::baseline::profile::{Now, State};
use crate::calibration::session_calibration::SessionPools;
use crate::provenance::session::Session;
use crate::r#loop::one_event::EventJudge;
use crate::r#loop::scoring::EventScores;
use crate::together::{oddest, total};

const EVENTS_A_DAY: f64 = 50.0;
const MAX_ALPHA: f64 = 0.01;
/// Shares of the budget where an event has content.
const SESSIONS: f64 = 0.5;
const TOGETHER: f64 = 0.05;
const EVENTS: f64 = 0.45;
const MIN_P: f64 = 1e-9;
const MAX_P: f64 = 1.0 - 1e-4;

/// What is known of an event of which nothing is to be said.
pub struct Ordinary {
    /// Where the event has content.
    pub ranked: Option<Ranked>,
    /// The learning gate; 0 in a past that is vouched for.
    pub gate: f64,
}

/// A session's rank after an event.
pub struct Ranked {
    pub score: f64,
    pub p: Option<f64>,
    pub least: [f64; 3],
}

impl EventJudge<'_, '_> {
    /// None where something about an event is to be said.
    pub fn is_ordinary(
        &self,
        now: &mut Now,
        session: &mut Session,
        scored: &EventScores,
    ) -> Option<Ordinary> {
        let active = now.state() == State::Active;
        let alpha = self.alpha(now);
        let mut event_alpha = alpha.min(MAX_ALPHA);
        let mut ranked = None;
        if let Some(counted) = scored.counted {
            let per_session = (now.events as f64 / now.opened.max(1) as f64).max(1.0);
            let rose = counted > session.score;
            let mut rank = self.rank(session, counted, rose);
            if active && !session.alerted {
                rank.least = oddest(session, &scored.calibrated.each);
            }
            if self.together_is_rare(session, &rank, TOGETHER * (alpha * per_session))
                || session_is_rare(&rank, rose || !session.alerted, SESSIONS * alpha * per_session)
            {
                return None;
            }
            event_alpha *= EVENTS;
            ranked = Some(rank);
        }
        let gate = self.config.gate.max(event_alpha);
        let ordinary = Ordinary { ranked, gate: if self.trusted_history { 0.0 } else { gate } };
        let Some(p) = scored.calibrated.p else { return Some(ordinary) };
        let held = p < gate && now.state() != State::Learning;
        if p <= event_alpha || held || active && !self.trusted_history && self.gathers(now, p, gate)
        {
            return None;
        }
        Some(ordinary)
    }

    /// An event's share of the false alerts that are allowed in a day.
    fn alpha(&self, now: &Now) -> f64 {
        let known = if now.per_day == 0.0 { EVENTS_A_DAY } else { now.per_day };
        let per_day = known.max(self.events_per_agent).max(1.0);
        self.config.alerts_per_day / (self.active * per_day)
    }

    /// Whether what is odd in several ways about a session has become too rare with an event.
    fn together_is_rare(&self, session: &mut Session, rank: &Ranked, alpha: f64) -> bool {
        if rank.least == session.peak_p_bits || !self.pools_are_large(self.together) {
            return false;
        }
        let (odd, u) = (total(rank.least), self.u(session));
        self.together.p_value(&session.role, odd, u) <= alpha.min(MAX_ALPHA)
    }

    /// Whether an event is held, or evidence for slow change has become too much with it.
    fn gathers(&self, now: &mut Now, p: f64, gate: f64) -> bool {
        let evidence = now.evidence.max(0.0) + e_value(p).log2();
        if p < gate || evidence >= self.config.drift_bits {
            return true;
        }
        now.evidence = evidence;
        false
    }

    fn rank(&self, session: &mut Session, score: f64, rose: bool) -> Ranked {
        let mut now = Ranked { score: session.score, p: session.p, least: session.peak_p_bits };
        if rose || session.p.is_none() {
            now.score = session.score.max(score);
            if self.pools_are_large(self.pools) {
                let u = self.u(session);
                now.p = Some(self.pools.p_value(&session.role, now.score, u));
            }
        }
        now
    }

    fn pools_are_large(&self, pools: &SessionPools) -> bool {
        pools.n() >= self.config.session_minimum
    }

    /// What breaks ties among sessions.
    fn u(&self, session: &mut Session) -> f64 {
        let Session { agent_id, mode, ordinal, .. } = &*session;
        let named = || format!("{agent_id}\x1f{mode}\x1f{ordinal}");
        let u = session.tie.unwrap_or_else(|| self.hashes.uniform_of(named().as_bytes()));
        session.tie = Some(u);
        u
    }
}

/// Whether a session's content is too rare; one that has alerted and did not rise was told of.
fn session_is_rare(rank: &Ranked, open: bool, alpha: f64) -> bool {
    let alpha = if open { alpha.min(MAX_ALPHA) } else { 0.0 };
    rank.p.is_some_and(|p| p <= alpha)
}

fn e_value(p: f64) -> f64 {
    let p = p.clamp(MIN_P, MAX_P);
    let ln = p.ln();
    (1.0 - p + p * ln) / (p * ln * ln)
}
