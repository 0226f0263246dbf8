//! Whether an event leads to anything; `models.alerting.filing`.

use crate::float_sums::larger;
use crate::scorer::Scorer;
use crate::scores::Scored;
use pyo3::prelude::*;
use std::sync::Arc;

/// What is known of a scored event before it is filed.
pub struct Weight {
    /// Whether it is no case and no note.
    pub quiet: bool,
    /// Whether its session is rare.
    pub rare: bool,
    /// The family that leads its session from now on, where it changes.
    pub lead: Option<Arc<str>>,
}

/// Weigh a scored event; `least` is the least return period of a case, in bits.
pub fn weigh(py: Python<'_>, scorer: &mut Scorer, scores: &Scored<'_>, least: f64) -> Weight {
    let state = scorer.state();
    let (plan, shared) = (&*state.plan, &state.shared);
    let constants = &plan.constants;
    let rare = scores.weighed.rarity >= constants.noted_bits && shared.knows_rarity(constants);
    let session = scores.session.borrow(py);
    let mut found = Weight { quiet: true, rare, lead: None };
    let Some(lead) = &session.lead else { return found };
    let agents = shared.active_agents(constants, scores.day);
    let bits = |rarity: f64| rarity - larger(agents, 1.0).log2();
    let raised = if shared.calibrated() {
        bits(scores.weighed.rarity) >= least
    } else {
        let certain = session.rarities.iter().filter(|(name, _)| {
            let place = plan.family_places.get(*name);
            place.is_some_and(|&place| plan.families[place].certain)
        });
        let most = certain.max_by(|a, b| a.1.total_cmp(b.1).then_with(|| a.0.cmp(b.0)));
        let leads = most.map_or(lead, |(name, _)| name);
        found.lead = Some(leads.clone());
        let rarity = session.rarities.get(leads).copied().unwrap_or_default();
        most.is_some() && bits(rarity) >= least
    };
    found.quiet = !raised && (!rare || scores.raised.is_empty());
    found
}
