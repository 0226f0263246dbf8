//! The numbers of an ordinary event, for comparisons of judgements;
//! `models.assessing`.

use crate::baseline::profile::QUANTITIES;
use crate::calibration::p_values::SUM;
use crate::deciding::Ordinary;
use crate::json::action::Action;
use crate::r#loop::batch::ActionBatch;
use crate::r#loop::one_event::EventJudge;
use crate::r#loop::scoring::EventScores;

const MAX_FAR: f64 = 6.0;
const STEADY_BITS: f64 = 8.0;
const MAX_STEADY: f64 = 10.0;

/// Rank in the queue in bits, p-value with its pool, and the p-value of the session.
#[derive(Clone, Copy, Default)]
pub struct Numbers {
    rank: f64,
    p: Option<f64>,
    pool: Option<&'static str>,
    session_p: Option<f64>,
}

/// An event and its numbers. The event: position, agent, id, session, event time in microseconds,
/// and whether it has origins of arguments.
pub type EventNumbers = (
    (usize, String, String, Option<String>, i64, bool),
    (f64, Option<f64>, Option<&'static str>, Option<f64>),
);

impl Numbers {
    /// The numbers with their event.
    pub fn with_event(self, actions: &ActionBatch, at: usize) -> Option<EventNumbers> {
        let action = actions.plain(at)?;
        let text = |text: &crate::json::values::Text<'_>| text.to_string();
        let event = (
            at,
            text(&action.agent.id),
            text(&action.id),
            action.session.as_ref().map(text),
            action.time_us,
            has_origins(action),
        );
        Some((event, (self.rank, self.p, self.pool, self.session_p)))
    }
}

fn has_origins(action: &Action<'_>) -> bool {
    action.argument_origins.as_ref().is_some_and(|origins| !origins.is_empty())
}

impl EventJudge<'_, '_> {
    /// The numbers of an event.
    pub fn numbers_of(&self, scored: &EventScores, ordinary: &Ordinary) -> Numbers {
        let (calibrated, session) = (&scored.calibrated, ordinary.ranked.as_ref());
        Numbers {
            rank: self.rank_in_queue(scored),
            p: calibrated.p,
            pool: calibrated.pool,
            session_p: session.and_then(|ranked| ranked.p),
        }
    }

    fn rank_in_queue(&self, scored: &EventScores) -> f64 {
        let steady = scored.categories.steady;
        match (scored.counted, scored.calibrated.p) {
            (None, None) => most_surprising(scored),
            (None, Some(_)) => others(scored).max(0.0),
            (Some(counted), _) => {
                let far = (others(scored) - self.config.excess_bits).clamp(0.0, MAX_FAR);
                counted + far.max((steady - STEADY_BITS).min(MAX_STEADY))
            }
        }
    }
}

/// Bits of the smallest p-value besides content, corrected for three tests.
fn others(scored: &EventScores) -> f64 {
    let smallest = scored.calibrated.each[SUM..].iter().flatten().copied().reduce(f64::min);
    -(3.0 * smallest.unwrap_or(1.0)).log2()
}

/// The most surprising part of an event, where no pool ranks it yet.
fn most_surprising(scored: &EventScores) -> f64 {
    let amounts = scored.measures.bits[..QUANTITIES].iter().copied();
    amounts.fold(scored.categories.maximum, f64::max)
}
