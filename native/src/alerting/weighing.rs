//! Turns bits into rarities, combines them, and says what each detector found; `models.scoring`.

use crate::alerting::combination::combine;
use crate::alerting::signals::Signal;
use crate::detectors::moment::Moment;
use crate::features::plan::Plan;
use crate::float_sums::larger;
use crate::learning::shared::SharedBehaviour;
use crate::scores::Scores;
use pyo3::prelude::*;

/// Rarities of an event and of its session, and sum and maximum of the bits that rose.
pub struct Weighed {
    pub own: f64,
    pub rarity: f64,
    pub sum: f64,
    pub most: f64,
}

/// Turn the bits that rose into rarities, and combine them.
pub fn weigh(at: &mut Moment<'_, '_>, shared: &mut SharedBehaviour) -> PyResult<Weighed> {
    let (plan, mut found) = (at.plan, Weighed { own: 0.0, rarity: 0.0, sum: 0.0, most: 0.0 });
    let constants = &plan.constants;
    let mut own = vec![0.0; plan.families.len()];
    let mut raised: Vec<(u64, f64)> = at.raised.iter().map(|(&one, &bits)| (one, bits)).collect();
    raised.sort_unstable_by_key(|(series, _)| *series);
    let mut order = Vec::new();
    for &(series, now) in &raised {
        let bits = at.session.bits[&series];
        let most = at.open_day().maxima.entry(series).or_insert(0.0);
        *most = larger(*most, bits);
        let (rates, role) = (&mut shared.rates, Some(at.profile.role.as_str()));
        let maxima = Some(&at.profile.maxima);
        let mut rarity = rates.rarity(constants, maxima, role, at.state, series, bits)?;
        let place = plan.series_of(series)?.family;
        let family = &plan.families[place];
        if family.left_out {
            continue;
        }
        if family.several {
            let second = family.series;
            let most = at.open_day().maxima.entry(second).or_insert(0.0);
            *most = larger(*most, rarity);
            let (role, maxima) = (Some(at.profile.role.as_str()), Some(&at.profile.maxima));
            rarity = shared.rates.rarity(constants, maxima, role, at.state, second, rarity)?;
        }
        own[place] = larger(own[place], rarity);
        if !order.contains(&place) {
            order.push(place);
        }
        found.sum += now;
        found.most = larger(found.most, now);
    }
    let session = &mut *at.session;
    if !raised.is_empty() {
        for &place in &order {
            let known = session.rarities.entry(plan.families[place].name.clone()).or_insert(0.0);
            *known = larger(*known, own[place]);
        }
        let mut all = vec![0.0; plan.families.len()];
        for (family, &rarity) in &session.rarities {
            if let Some(&place) = plan.family_places.get(family) {
                all[place] = rarity;
            }
        }
        let (combined, lead) = combine(plan, &all);
        session.combined = combined;
        session.lead = lead.map(|place| plan.families[place].name.clone());
    }
    let (whole, part) = (session.combined, combine(plan, &own).0);
    let number = plan.combination.id;
    let combined = &mut shared.combined;
    found.rarity = combined.rarity(constants, None, None, None, number, whole)?;
    found.own = combined.rarity(constants, None, None, None, number, part)?;
    Ok(found)
}

/// What the detectors say of the session: those of its lead, then the rarest first.
pub fn signals(
    py: Python<'_>,
    plan: &Plan,
    shared: &mut SharedBehaviour,
    scores: &Scores,
) -> PyResult<Vec<Signal>> {
    let (session, profile) = (scores.session.borrow(py), scores.profile.borrow(py));
    let mut found = Vec::new();
    for (&series, &bits) in &session.bits {
        let row = plan.series_of(series)?;
        let (role, special) = (Some(profile.role.as_str()), scores.state.as_deref());
        let rarity = shared.rates.rarity(
            &plan.constants,
            Some(&profile.maxima),
            role,
            special,
            series,
            bits,
        )?;
        found.push(Signal {
            detector: row.name.clone(),
            family: plan.families[row.family].name.to_string(),
            subject: session.subjects.get(&series).cloned(),
            bits,
            rarity,
            fresh: scores.raised.contains_key(&series),
        });
    }
    let of_family =
        |one: &Signal| session.rarities.get(one.family.as_str()).copied().unwrap_or(0.0);
    let order = |a: f64, b: f64| b.partial_cmp(&a).unwrap_or(std::cmp::Ordering::Equal);
    found.sort_by(|a, b| {
        let follows = |one: &Signal| session.lead.as_deref() != Some(one.family.as_str());
        follows(a)
            .cmp(&follows(b))
            .then_with(|| order(of_family(a), of_family(b)))
            .then_with(|| a.family.cmp(&b.family))
            .then_with(|| order(a.rarity, b.rarity))
    });
    Ok(found)
}
