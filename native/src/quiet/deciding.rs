//! Whether there is anything to say of an event; `models.assessing` and `models.deciding`.

use super::bench::Bench;
use super::facts::{Now, State};
use super::scoring::Scored;
use super::together::{oddest, total, CONTENT};
use crate::content::Session;
use crate::habits::SessionPools;

const EVENTS_A_DAY: f64 = 50.0;
const MOST_ALPHA: f64 = 0.01;
/// Shares of the budget where an event has content.
const SESSIONS: f64 = 0.5;
const DECISIVE: f64 = 0.3;
const TOGETHER: f64 = 0.05;
const EVENTS: f64 = 0.45;
const LEAST_P: f64 = 1e-9;
const MOST_P: f64 = 1.0 - 1e-4;

/// What is known of an event of which nothing is to be said.
pub struct Quiet {
    /// Where the event has content.
    pub ranked: Option<Ranked>,
    /// The learning gate; 0 in a past that is vouched for.
    pub gate: f64,
}

/// A session's rank after an event.
pub struct Ranked {
    pub score: (f64, Option<f64>),
    pub decisive: (f64, Option<f64>),
    pub least: [f64; 3],
}

impl Bench<'_, '_> {
    /// None where something about an event is to be said.
    pub fn is_quiet(&self, now: &mut Now, session: &mut Session, scored: &Scored) -> Option<Quiet> {
        let active = now.state() == State::Active;
        let alpha = self.alpha(now);
        let mut event_alpha = alpha.min(MOST_ALPHA);
        let mut ranked = None;
        if let Some(counted) = scored.counted {
            let per_session = (now.events as f64 / now.opened.max(1) as f64).max(1.0);
            let rose = counted > session.score;
            let decisive = scored.decisive.unwrap_or(0.0);
            let raised = decisive > session.decisive;
            let rare = scored.calibrated.each[CONTENT]
                .is_some_and(|p| p <= (DECISIVE * alpha * per_session).min(MOST_ALPHA));
            let mut rank = self.rank(session, (counted, rose), (decisive, raised));
            if active && !session.told {
                rank.least = oddest(session, &scored.calibrated.each);
            }
            if self.together_is_rare(session, &rank, TOGETHER * (alpha * per_session))
                || is_rare(rank.score.1, rose || !session.told, SESSIONS * alpha * per_session)
                || is_rare(rank.decisive.1, raised && rare, DECISIVE * alpha * per_session)
            {
                return None;
            }
            event_alpha *= EVENTS;
            ranked = Some(rank);
        }
        let gate = self.config.gate.max(event_alpha);
        let quiet = Quiet { ranked, gate: if self.vouched { 0.0 } else { gate } };
        let Some(p) = scored.calibrated.p else { return Some(quiet) };
        let held = p < gate && now.state() != State::Learning;
        if p <= event_alpha || held || active && !self.vouched && self.gathers(now, p, gate) {
            return None;
        }
        Some(quiet)
    }

    /// An event's share of the false alerts that are allowed in a day.
    fn alpha(&self, now: &Now) -> f64 {
        let known = if now.per_day == 0.0 { EVENTS_A_DAY } else { now.per_day };
        let per_day = known.max(self.events_each).max(1.0);
        self.config.alerts_per_day / (self.active * per_day)
    }

    /// Whether what is odd in several ways about a session has become too rare with an event.
    fn together_is_rare(&self, session: &mut Session, rank: &Ranked, alpha: f64) -> bool {
        if rank.least == session.least || !self.pools_are_large(self.together) {
            return false;
        }
        let (odd, u) = (total(rank.least), self.u(session));
        self.together.p_value(&session.role, odd, u) <= alpha.min(MOST_ALPHA)
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

    /// Where an event leaves its session, by all of its bits and by those that decide; each with
    /// whether it raised them.
    fn rank(&self, session: &mut Session, all: (f64, bool), decisive: (f64, bool)) -> Ranked {
        let mut now = Ranked {
            score: (session.score, session.p),
            decisive: (session.decisive, session.decisive_p),
            least: session.least,
        };
        if all.1 || session.p.is_none() {
            let score = session.score.max(all.0);
            now.score = (score, self.p_among(self.pools, session, score));
        }
        if decisive.1 {
            now.decisive = (decisive.0, self.p_among(self.decisive, session, decisive.0));
        }
        now
    }

    /// The p-value of a session among those of a pool that is large enough.
    fn p_among(&self, pool: &SessionPools, session: &mut Session, score: f64) -> Option<f64> {
        if !self.pools_are_large(pool) {
            return None;
        }
        let u = self.u(session);
        Some(pool.p_value(&session.role, score, u))
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
fn is_rare(p: Option<f64>, open: bool, alpha: f64) -> bool {
    open && p.is_some_and(|p| p <= alpha.min(MOST_ALPHA))
}

fn e_value(p: f64) -> f64 {
    let p = p.clamp(LEAST_P, MOST_P);
    let ln = p.ln();
    (1.0 - p + p * ln) / (p * ln * ln)
}
