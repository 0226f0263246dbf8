//! Turns bits into rarities, combines them, and says what each detector found; `models.scoring`.

use crate::alerting::combination::combine;
use crate::alerting::signals::Signal;
use crate::detectors::moment::Moment;
use crate::features::plan::Plan;
use crate::float_sums::larger;
use crate::learning::shared::SharedBehaviour;
use crate::scores::Scored;
use pyo3::prelude::*;
use std::collections::BTreeMap;

/// Rarities of an event and of its session, and sum and maximum of the bits that rose.
pub struct Weighed {
    pub own: f64,
    pub rarity: f64,
    pub sum: f64,
    pub most: f64,
}

/// Turn the bits that rose, and those that the event itself shows, into rarities; combine them.
pub fn weigh(at: &mut Moment<'_, '_, '_>, shared: &mut SharedBehaviour) -> PyResult<Weighed> {
    let (plan, mut found) = (at.plan, Weighed { own: 0.0, rarity: 0.0, sum: 0.0, most: 0.0 });
    let constants = &plan.constants;
    let mut own = vec![0.0; plan.families.len()];
    let mut all: Vec<u64> = at.raised.keys().chain(at.shown.keys()).copied().collect();
    all.sort_unstable();
    all.dedup();
    for series in all {
        let Some(row) = plan.series_of(series) else { continue };
        let family = &plan.families[row.family];
        if family.left_out {
            continue;
        }
        let shown = at.shown.get(&series).copied();
        let raised = at.raised.contains_key(&series);
        let bits = if raised { at.session.bits[&series] } else { shown.unwrap_or_default() };
        let (role, maxima) = (Some(at.profile.role.as_str()), Some(&at.profile.maxima));
        let rates = &mut shared.rates;
        let first = rates.rarity(constants, maxima, role, at.state, series, bits)?;
        let mut rarity = first;
        if family.several {
            rarity = rates.rarity(constants, maxima, role, at.state, family.series, first)?;
        }
        let counts = bits > constants.little_bits;
        if raised {
            let day = at.open_day();
            raise_to(&mut day.maxima, series, bits);
            if family.several {
                raise_to(&mut day.maxima, family.series, first);
            }
            if counts {
                let known = at.session.rarities.entry(family.name.clone()).or_insert(0.0);
                *known = larger(*known, rarity);
            }
        }
        if shown.is_some() {
            if counts {
                own[row.family] = larger(own[row.family], rarity);
            }
            found.sum += bits;
            found.most = larger(found.most, bits);
        }
    }
    let session = &mut *at.session;
    if !at.raised.is_empty() {
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
    let (combined, number) = (&mut shared.combined, plan.combination.id);
    found.rarity = combined.rarity(constants, None, None, None, number, whole)?;
    found.own = combined.rarity(constants, None, None, None, number, part)?;
    Ok(found)
}

fn raise_to(maxima: &mut BTreeMap<u64, f64>, series: u64, bits: f64) {
    let most = maxima.entry(series).or_insert(0.0);
    *most = larger(*most, bits);
}

/// What the detectors say of the session: a certain rule that is rarely broken, then the lead, then
/// the rarest family. What says little comes last.
pub fn signals(
    py: Python<'_>,
    plan: &Plan,
    shared: &mut SharedBehaviour,
    scores: &Scored<'_>,
) -> PyResult<Vec<Signal>> {
    let (session, profile) = (scores.session.borrow(py), scores.profile.borrow(py));
    let mut found = Vec::new();
    for (&series, &bits) in &session.bits {
        let Some(row) = plan.series_of(series) else { continue };
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
        let certain = |one: &Signal| {
            let place = plan.family_places.get(one.family.as_str());
            let certain = place.is_some_and(|&place| plan.families[place].certain);
            !(certain && of_family(one) > plan.constants.noise_bits)
        };
        let little = |one: &Signal| one.bits <= plan.constants.little_bits;
        little(a)
            .cmp(&little(b))
            .then_with(|| certain(a).cmp(&certain(b)))
            .then_with(|| follows(a).cmp(&follows(b)))
            .then_with(|| order(of_family(a), of_family(b)))
            .then_with(|| a.family.cmp(&b.family))
            .then_with(|| order(a.rarity, b.rarity))
    });
    Ok(found)
}
