//! The numbers of an event of which nothing is to be said, for whoever compares judgements;
//! `models.assessing`.

use crate::baseline::profile::QUANTITIES;
use crate::calibration::p_values::SUM;
use crate::deciding::Quiet;
use crate::json::action::Act;
use crate::r#loop::batch::Acts;
use crate::r#loop::one_event::Bench;
use crate::r#loop::scoring::Scored;

const MOST_FAR: f64 = 6.0;
const STEADY_BITS: f64 = 8.0;
const MOST_STEADY: f64 = 10.0;

/// Rank in the queue in bits, p-value with its pool, and the p-value of the session.
#[derive(Clone, Copy, Default)]
pub struct Numbers {
    rank: f64,
    p: Option<f64>,
    pool: Option<&'static str>,
    session_p: Option<f64>,
}

/// What an event is, as far as judgements are told apart by it: position, agent, id, session, event
/// time in microseconds, and whether it says where its arguments came from; then the numbers.
pub type Told = (
    (usize, String, String, Option<String>, i64, bool),
    (f64, Option<f64>, Option<&'static str>, Option<f64>),
);

impl Numbers {
    /// Tell them with what they are of.
    pub fn told(self, acts: &Acts, at: usize) -> Option<Told> {
        let act = acts.plain(at)?;
        let text = |text: &crate::json::values::Text<'_>| text.to_string();
        let event = (
            at,
            text(&act.agent.id),
            text(&act.id),
            act.session.as_ref().map(text),
            act.time_us,
            carries_origins(act),
        );
        Some((event, (self.rank, self.p, self.pool, self.session_p)))
    }
}

fn carries_origins(act: &Act<'_>) -> bool {
    act.argument_origins.as_ref().is_some_and(|origins| !origins.is_empty())
}

impl Bench<'_, '_> {
    /// The numbers of an event.
    pub fn numbers_of(&self, scored: &Scored, quiet: &Quiet) -> Numbers {
        let (calibrated, session) = (&scored.calibrated, quiet.ranked.as_ref());
        Numbers {
            rank: self.rank_in_queue(scored),
            p: calibrated.p,
            pool: calibrated.pool,
            session_p: session.and_then(|ranked| ranked.p),
        }
    }

    fn rank_in_queue(&self, scored: &Scored) -> f64 {
        let steady = scored.categories.steady;
        match (scored.counted, scored.calibrated.p) {
            (None, None) => most(scored),
            (None, Some(_)) => others(scored).max(0.0),
            (Some(counted), _) => {
                let far = (others(scored) - self.config.excess_bits).clamp(0.0, MOST_FAR);
                counted + far.max((steady - STEADY_BITS).min(MOST_STEADY))
            }
        }
    }
}

/// Bits by which the features beside content go beyond what happens by chance.
fn others(scored: &Scored) -> f64 {
    let smallest = scored.calibrated.each[SUM..].iter().flatten().copied().reduce(f64::min);
    -(3.0 * smallest.unwrap_or(1.0)).log2()
}

/// The most surprising of an event's parts, where there is nothing to rank it among yet.
fn most(scored: &Scored) -> f64 {
    let amounts = scored.measures.bits[..QUANTITIES].iter().copied();
    amounts.fold(scored.categories.most, f64::max)
}
