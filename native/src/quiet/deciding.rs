//! Whether there is anything to say of an event; `models.assessing` and `models.deciding`.

use super::bench::Bench;
use super::facts::{Now, State};
use super::scoring::Scored;
use super::together::{oddest, total};
use crate::content::Session;
use crate::habits::SessionPools;

const EVENTS_A_DAY: f64 = 50.0;
const MOST_ALPHA: f64 = 0.01;
/// Shares of the budget where an event has content.
const SESSIONS: f64 = 0.3;
const TOGETHER: f64 = 0.1;
const EVENTS: f64 = 0.5;
const LEAST_P: f64 = 1e-9;
const MOST_P: f64 = 1.0 - 1e-4;

/// A session's rank after an event.
pub struct Ranked {
    pub score: f64,
    pub p: Option<f64>,
    pub least: [f64; 3],
}

impl Bench<'_, '_> {
    /// The session's rank and the learning gate, where nothing about an event is to be said.
    pub fn is_quiet(
        &self,
        now: &mut Now,
        session: &Session,
        scored: &Scored,
        state: State,
    ) -> Option<(Option<Ranked>, f64)> {
        let known = if now.per_day == 0.0 { EVENTS_A_DAY } else { now.per_day };
        let per_day = known.max(self.events_each).max(1.0);
        let alpha = self.config.alerts_per_day / (self.active * per_day);
        let mut event_alpha = alpha.min(MOST_ALPHA);
        let mut ranked = None;
        if let Some(content) = &scored.content {
            let rose = content.score > session.score;
            let mut rank = self.rank(session, content.score, rose);
            if state == State::Active && !session.told {
                rank.least = oddest(session, &scored.calibrated.each);
            }
            let per_session = (now.events as f64 / now.opened.max(1) as f64).max(1.0);
            if rank.least != session.least && self.pools_are_large(self.together) {
                let together_alpha = (TOGETHER * (alpha * per_session)).min(MOST_ALPHA);
                let p = self.together.p_value(&session.role, total(rank.least), self.u(session));
                if p <= together_alpha {
                    return None;
                }
            }
            if rose {
                let session_alpha = (SESSIONS * alpha * per_session).min(MOST_ALPHA);
                if rank.p.is_some_and(|p| p <= session_alpha) {
                    return None;
                }
            } else if rank.p.is_some_and(|p| p <= 0.0) {
                return None;
            }
            event_alpha *= EVENTS;
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
        let mut now = Ranked { score: session.score, p: session.p, least: session.least };
        if rose || session.p.is_none() {
            now.score = session.score.max(score);
            if self.pools_are_large(self.pools) {
                now.p = Some(self.pools.p_value(&session.role, now.score, self.u(session)));
            }
        }
        now
    }

    fn pools_are_large(&self, pools: &SessionPools) -> bool {
        pools.n() >= self.config.session_minimum
    }

    /// What breaks ties among sessions.
    fn u(&self, session: &Session) -> f64 {
        let name = format!("{}\x1f{}\x1f{}", session.agent_id, session.mode, session.ordinal);
        self.hashes.uniform_of(name.as_bytes())
    }
}

fn e_value(p: f64) -> f64 {
    let p = p.clamp(LEAST_P, MOST_P);
    let ln = p.ln();
    (1.0 - p + p * ln) / (p * ln * ln)
}
