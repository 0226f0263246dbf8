//! Fields that rules are declared over: they follow from the agent's past and its registration;
//! `models.detectors.promises`.

use crate::detectors::moment::Moment;
use crate::features::fields::{number, single};
use crate::units::{HOUR_US, MINUTE_US};
use pyo3::prelude::*;
use std::collections::BTreeMap;

/// What the product knows of the sender of an event beside the event.
#[derive(FromPyObject)]
pub struct Standing {
    pub registered: Option<bool>,
    pub mismatch: String,
    pub conflict: bool,
    pub other_mode: String,
    /// What the agent does counts on no day.
    pub blocked: bool,
}

/// Add the fields of rules to those of the event; `credential` is the mark of its credential.
pub fn add_promises(at: &mut Moment<'_, '_, '_>, standing: Standing, credential: u64) {
    let (plan, facts) = (at.plan, at.facts);
    let put = &mut at.fields.single;
    if standing.conflict {
        put[single::CONFLICT] = Some(facts.id.clone());
    }
    if standing.registered == Some(false) {
        put[single::UNREGISTERED] = Some(facts.agent_id.clone());
    }
    if !standing.other_mode.is_empty() {
        let text = format!("{} instead of {}", facts.mode, standing.other_mode);
        put[single::OTHER_MODE] = Some(text.into());
    }
    if !standing.mismatch.is_empty() {
        put[single::MISMATCH] = Some(standing.mismatch.into());
    }
    if let Some(expires_us) = facts.expires_us {
        let late_us = at.time_us - expires_us;
        if late_us > plan.constants.expired_us {
            let hours = late_us as f64 / HOUR_US as f64;
            put[single::EXPIRED] = Some(format!("{hours:.1} hours after its end").into());
            let times = late_us as f64 / plan.constants.expired_us as f64;
            at.fields.numbers[number::EXPIRED] = Some(times);
        }
    }
    two_locations(at, credential);
    let Some(version) = &facts.version else { return };
    let (profile, deployed) = (&at.profile, Some(plan.words.deployed.as_str()));
    let versions = &profile.versions;
    let unknown = !versions.is_empty() && !versions.iter().any(|one| one == version);
    if unknown && profile.announced.as_deref() != Some(&**version) && at.state != deployed {
        at.fields.single[single::UNANNOUNCED] = Some(version.clone());
    }
}

/// Remember version and location of an event.
pub fn learn_promises(at: &mut Moment<'_, '_, '_>, credential: u64) {
    let (location, constants) = (location(at), &at.plan.constants);
    let profile = &mut *at.profile;
    if let Some(version) = &at.facts.version {
        let versions = &mut profile.versions;
        if !versions.iter().any(|one| one == version) {
            versions.push(version.to_string());
            versions.drain(..versions.len().saturating_sub(constants.max_versions));
        }
    }
    let Some(location) = location else { return };
    let known = profile.credentials.entry(credential).or_default();
    let latest = known.entry(location.clone()).or_insert(0);
    *latest = at.time_us.max(*latest);
    bound(known, constants.max_locations);
    while profile.credentials.len() > constants.max_credentials {
        let latest = |uses: &BTreeMap<String, i64>| uses.values().max().copied();
        let oldest = profile.credentials.iter().map(|(&mark, uses)| (latest(uses), mark)).min();
        oldest.map(|(_, mark)| profile.credentials.remove(&mark));
    }
    profile.locations.entry(location).or_insert(at.day);
    bound(&mut profile.locations, constants.max_known_locations);
}

fn location(at: &Moment<'_, '_, '_>) -> Option<String> {
    let country = at.fields.single(single::COUNTRY)?;
    Some(format!("{country} {}", at.fields.single(single::ASN).unwrap_or_default()))
}

/// Compare the location with those where the credential was used a short time ago.
fn two_locations(at: &mut Moment<'_, '_, '_>, credential: u64) {
    let Some(location) = location(at) else { return };
    if at.profile.locations.get(&location).is_some_and(|&first| first < at.day) {
        return;
    }
    let apart = at.plan.constants.apart_us;
    // The nearest location in another country, and in this one.
    let mut nearest: [Option<(i64, &str)>; 2] = [None, None];
    for (other, &time_us) in at.profile.credentials.get(&credential).into_iter().flatten() {
        let apart_us = (at.time_us - time_us).abs();
        if are_apart(other, &location) && apart_us < apart {
            let same = country(other) == country(&location);
            let known = &mut nearest[usize::from(same)];
            let found = (apart_us, other.as_str());
            *known = Some(known.map_or(found, |known| known.min(found)));
        }
    }
    let places = [single::OTHER_COUNTRY, single::OTHER_NETWORK];
    let worst = nearest.into_iter().zip(places).find_map(|(one, place)| Some((one?, place)));
    if let Some(((apart_us, other), place)) = worst {
        at.fields.single[place] = Some(format!("{} and {}", named(other), named(&location)).into());
        let nearness = apart as f64 / (apart_us + MINUTE_US) as f64;
        at.fields.numbers[number::NEARNESS] = Some(nearness);
    }
}

/// Whether two locations differ: in one country, only where both networks are known.
fn are_apart(one: &str, other: &str) -> bool {
    let known = !(one.ends_with(' ') || other.ends_with(' '));
    one != other && (known || country(one) != country(other))
}

/// A location for people.
fn named(location: &str) -> String {
    match location.split_once(' ') {
        Some((country, number)) if !number.is_empty() => format!("{country} (AS{number})"),
        _ => country(location).to_owned(),
    }
}

fn country(location: &str) -> &str {
    location.split(' ').next().unwrap_or_default()
}

/// Forget the location with the least number, where there are too many.
fn bound(known: &mut BTreeMap<String, i64>, maximum: usize) {
    while known.len() > maximum {
        let least = known.iter().map(|(one, &at)| (at, one.clone())).min();
        least.map(|(_, one)| known.remove(&one));
    }
}
