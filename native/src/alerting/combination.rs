//! The rarest family leads, other stories add to it; `models.alerting.combination`.

use crate::features::plan::Plan;
use crate::float_sums::{exact_sum, larger};

/// The combination of the rarities of all families, and the family that leads it.
pub fn combine(plan: &Plan, rarities: &[f64]) -> (f64, Option<usize>) {
    let constants = &plan.constants;
    let mut stories = vec![0.0; plan.stories];
    let (mut lead, mut highest) = (None, 0.0);
    for (place, (family, &bits)) in plan.families.iter().zip(rarities).enumerate() {
        if bits > constants.noise_bits {
            let beyond = bits - constants.noise_bits;
            stories[family.story] = larger(stories[family.story], beyond);
        }
        if family.alone && bits > highest {
            (lead, highest) = (Some(place), bits);
        }
    }
    let mut others = exact_sum(stories.iter().copied().filter(|&bits| bits != 0.0));
    if let Some(lead) = lead {
        others -= stories[plan.families[lead].story];
    }
    (highest + constants.other_stories * others, lead)
}
