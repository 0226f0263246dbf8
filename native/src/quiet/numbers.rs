//! The numbers of a quiet event, for the list of the latest ones; `models.quiet_loop`.

use crate::float_sums::larger;
use crate::scorer::Scorer;
use crate::scores::Scored;
use pyo3::prelude::*;

/// Sum and maximum of the bits, rarity of the event, that of its session if it has a lead, share of
/// past sessions, agents of a day, and days known if the rates are calibrated.
pub type Numbers = (f64, f64, f64, Option<f64>, Option<f64>, f64, Option<u64>);

/// Give the numbers of an event before it is learned; `p` is that of its session.
pub fn numbers_of(
    py: Python<'_>,
    scorer: &mut Scorer,
    scores: &Scored<'_>,
    p: Option<f64>,
) -> Numbers {
    let state = scorer.state();
    let (constants, shared) = (&state.plan.constants, &state.shared);
    let agents = larger(shared.active_agents(constants, scores.day), 1.0);
    let known_days = shared.calibrated().then(|| shared.combined.known_days());
    let weighed = &scores.weighed;
    let led = scores.session.borrow(py).lead.is_some();
    (weighed.sum, weighed.most, weighed.own, led.then_some(weighed.rarity), p, agents, known_days)
}
