//! How new an identifier and its flow are, and where that is counted.

use crate::codec::hashing::mix;
use crate::provenance::history::bounded_table::mark_of;
use crate::provenance::history::request_clusters::{Cluster, Role};
use crate::provenance::novelty_prior::{Rates, VALUE};
use crate::provenance::session::Near;
use crate::provenance::session_uses::Use;

const CLUSTER_CAP: f64 = 8.0;
const FAMILIAR_HALF: f64 = 0.5;
const USUAL_SHARE: f64 = 0.15;
const OFTEN: f64 = 10.0;
pub const SAME_REQUEST: f64 = 0.9;
const LIKE: f64 = 0.5;
pub const UNKNOWN: u64 = 2;
/// Level of an address whose whole domain is new to the role.
pub const OUTSIDE: u64 = 4;
/// Bits that a new domain must add to a new address to be news.
const TELLING: f64 = 3.0;
pub const ACCEPTED: u64 = 11;
pub const OWN: u64 = 13;
pub const KNOWN: u64 = 1;
pub const NEW: u64 = 2;
pub const SAID: u64 = 3;
pub const WANDERED: u64 = 4;

/// The clusters a session is like, each with its weight and similarity, and the sum of weights.
pub struct Alike<'a> {
    pub near: Vec<(f64, &'a Cluster, f64)>,
    pub total: f64,
}

/// Where the novelty of (role, tool, key, kind) is counted.
pub struct Place {
    pub exact: u64,
    pub contexts: [u64; 3],
}

impl Place {
    pub fn new(role: u64, tool_key: u64, key: u64, kind: u8) -> Self {
        let exact = mix(tool_key, u64::from(kind), 5);
        let general = mix(7, u64::from(kind) + 1, 0);
        Place { exact, contexts: [general, mix(general, key, 0), mix(exact, role, 6)] }
    }

    /// Whether a new domain is news where new addresses are: it seldom comes with them.
    pub fn telling(&self, rates: &Rates, known: f64, day: i64) -> bool {
        let bits = |level| self.bits(rates, VALUE, level, known, day);
        bits(OUTSIDE) - bits(OUTSIDE - 1) >= TELLING
    }

    /// The level that a value counts with: a domain that is no news is none.
    pub fn counting(&self, rates: &Rates, level: u64, known: f64, day: i64) -> u64 {
        match level == OUTSIDE && !self.telling(rates, known, day) {
            true => level - 1,
            false => level,
        }
    }

    pub fn bits(&self, rates: &Rates, column: usize, level: u64, known: f64, day: i64) -> f64 {
        if level == 0 {
            return 0.0;
        }
        let column = column + level as usize - 1;
        let mut bits = 0.0;
        if known != 0.0 {
            bits = known * rates.bits(&strata(&self.contexts, KNOWN), column, day);
        }
        if known < 1.0 {
            bits += (1.0 - known) * rates.bits(&strata(&self.contexts, NEW), column, day);
        }
        bits
    }
}

/// The four nodes of one stratum, from general to specific.
pub fn strata(contexts: &[u64; 3], stratum: u64) -> [u64; 4] {
    let [kind, kind_key, exact] = *contexts;
    [stratum, mix(kind, stratum, 0), mix(kind_key, stratum, 0), mix(exact, stratum, 0)]
}

/// How well sessions like this one are known, 0 .. 1, from the similarity, the sessions and the
/// skipped sessions of each cluster.
pub fn familiarity(near: impl Iterator<Item = (f64, i64, i64)>) -> f64 {
    let (mut mass, mut doubt, mut top) = (0.0, 0.0, 0.0f64);
    for (similar, seen, skipped) in near {
        let square = similar * similar;
        doubt += square * skipped as f64;
        if seen != 0 {
            mass += square * seen as f64;
            top = top.max(square);
        }
    }
    top * mass / (mass + doubt + FAMILIAR_HALF)
}

/// The number of the cluster that a session belongs to, 0 while there is none.
pub fn own_cluster(near: &[Near], role: &Role) -> i64 {
    let mut best = (0, -1.0, 0.0);
    for &one in near {
        if one.1 > best.1 && role.cluster(one.0).is_some() {
            best = one;
        }
    }
    if best.2 >= SAME_REQUEST {
        best.0
    } else {
        0
    }
}

/// The marks of a kind of request (0: none yet) and of those that are like it.
pub fn kinds_like(near: &[Near], number: i64) -> Vec<i64> {
    let alike = near.iter().filter(|one| one.2 >= LIKE).map(|one| one.0);
    let kinds = alike.chain([number]).filter(|&kind| kind != 0);
    kinds.map(|kind| mark_of(kind as u64)).collect()
}

impl<'a> Alike<'a> {
    pub fn new(role: Option<&'a Role>, like: &[Near]) -> Self {
        let mut alike = Alike { near: Vec::with_capacity(like.len()), total: 0.0 };
        let Some(role) = role else { return alike };
        for &(number, _, similar) in like {
            let Some(cluster) = role.cluster(number).filter(|cluster| cluster.n != 0) else {
                continue;
            };
            let weight = similar * similar * (cluster.n as f64).min(CLUSTER_CAP);
            alike.near.push((weight, cluster, similar));
            alike.total += weight;
        }
        alike
    }

    /// How new a value and its flow are: 0 usual for such requests .. 3 new to the role; a value
    /// also `OUTSIDE`. Of a kind of request that fewer than `least` sessions brought the value to,
    /// it is no part.
    pub fn levels(
        &self,
        role: &Role,
        held: &Use,
        least: i64,
        telling: impl FnOnce() -> bool,
    ) -> (u64, u64) {
        let at = mix(held.tool_key, held.value, 2);
        let (mut carried, mut flowed) = (0.0, 0.0);
        let (mut often_carried, mut often_flowed) = (0.0, 0.0);
        for &(weight, cluster, similar) in &self.near {
            let seen = cluster.values.get(at);
            if seen >= least {
                carried += weight * seen as f64 / cluster.n as f64;
                often_carried += similar * similar * seen as f64;
            }
            if let Some(seen) = cluster.flows.find(held.flow) {
                flowed += weight * seen as f64 / cluster.n as f64;
                often_flowed += similar * similar * seen as f64;
            }
        }
        let usual = USUAL_SHARE * self.total;
        let known =
            || role.anywhere.has(held.value) || (held.root != 0 && role.roots.has(held.root));
        let level = match carried <= usual && often_carried < OFTEN {
            false => 0,
            true if role.at.has(at) => 1,
            true if known() => 2,
            true if held.domain == 0 || role.roots.has(held.domain) => 3,
            true => OUTSIDE,
        };
        let flow_level = match flowed <= usual && often_flowed < OFTEN {
            false => 0,
            true if role.flow.has(held.flow) => 1,
            true if role.flow_key.has(held.flow_key) => 2,
            true => 3,
        };
        let seldom = level != 0 || flow_level != 0;
        if seldom
            && role.flow.has(mix(held.flow, ACCEPTED, 0))
            && role.sightings.get(held.value) == 0
            && !(level == OUTSIDE && telling())
        {
            return (0, 0);
        }
        (level, flow_level)
    }
}
