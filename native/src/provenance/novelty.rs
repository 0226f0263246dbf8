//! Novelty levels of a value and its flow, and the contexts that count them.

use crate::codec::hashing::mix;
use crate::provenance::history::bounded_table::mark_of;
use crate::provenance::history::request_clusters::{Cluster, RoleTable};
use crate::provenance::novelty_prior::{NoveltyRates, VALUE};
use crate::provenance::session::NearCluster;
use crate::provenance::session_uses::Use;

const CLUSTER_CAP: f64 = 8.0;
const FAMILIAR_HALF: f64 = 0.5;
const TYPICAL_SHARE: f64 = 0.15;
const TYPICAL_SESSIONS: f64 = 10.0;
pub const SAME_REQUEST: f64 = 0.9;
const SAME_TASK: f64 = 0.5;
pub const NEW_AT_ARGUMENT: u64 = 2;
/// Level of an address whose domain is new to the role.
pub const NEW_DOMAIN: u64 = 4;
/// Bits that a surprising domain adds to a new address at least.
const NEW_DOMAIN_BITS: f64 = 3.0;
pub const ACCEPTED_FLOW: u64 = 11;
pub const AGENT_FLOW: u64 = 13;
pub const KNOWN: u64 = 1;
pub const NEW: u64 = 2;
pub const BINDING: u64 = 3;
pub const SPREAD: u64 = 4;

/// Clusters similar to a session with weight and similarity, and the sum of the weights.
pub struct SimilarClusters<'a> {
    pub near: Vec<(f64, &'a Cluster, f64)>,
    pub total: f64,
}

/// The contexts in which the novelty of (role, tool, key, kind) is counted.
pub struct ArgumentContext {
    pub exact: u64,
    pub contexts: [u64; 3],
}

impl ArgumentContext {
    pub fn new(role: u64, tool_key: u64, key: u64, kind: u8) -> Self {
        let exact = mix(tool_key, u64::from(kind), 5);
        let general = mix(7, u64::from(kind) + 1, 0);
        ArgumentContext { exact, contexts: [general, mix(general, key, 0), mix(exact, role, 6)] }
    }

    /// Whether a new domain adds `NEW_DOMAIN_BITS` to the bits of a new address.
    pub fn domain_is_surprising(&self, rates: &NoveltyRates, known: f64, day: i64) -> bool {
        let bits = |level| self.bits(rates, VALUE, level, known, day);
        bits(NEW_DOMAIN) - bits(NEW_DOMAIN - 1) >= NEW_DOMAIN_BITS
    }

    /// The level of a value; a new domain that is not surprising counts as new address.
    pub fn effective_level(&self, rates: &NoveltyRates, level: u64, known: f64, day: i64) -> u64 {
        match level == NEW_DOMAIN && !self.domain_is_surprising(rates, known, day) {
            true => level - 1,
            false => level,
        }
    }

    pub fn bits(
        &self,
        rates: &NoveltyRates,
        column: usize,
        level: u64,
        known: f64,
        day: i64,
    ) -> f64 {
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

/// How well similar sessions are known, 0 .. 1, from the similarity, the sessions and the
/// skipped sessions of each cluster.
pub fn familiarity(near: impl Iterator<Item = (f64, i64, i64)>) -> f64 {
    let (mut mass, mut skipped_mass, mut top) = (0.0, 0.0, 0.0f64);
    for (similar, seen, skipped) in near {
        let square = similar * similar;
        skipped_mass += square * skipped as f64;
        if seen != 0 {
            mass += square * seen as f64;
            top = top.max(square);
        }
    }
    top * mass / (mass + skipped_mass + FAMILIAR_HALF)
}

/// The number of the cluster that a session belongs to, 0 without one.
pub fn own_cluster(near: &[NearCluster], role: &RoleTable) -> i64 {
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

/// The marks of a session's cluster (0: none yet) and of the clusters of the same task.
pub fn similar_marks(near: &[NearCluster], number: i64) -> Vec<i64> {
    let alike = near.iter().filter(|one| one.2 >= SAME_TASK).map(|one| one.0);
    let kinds = alike.chain([number]).filter(|&kind| kind != 0);
    kinds.map(|kind| mark_of(kind as u64)).collect()
}

impl<'a> SimilarClusters<'a> {
    pub fn new(role: Option<&'a RoleTable>, like: &[NearCluster]) -> Self {
        let mut alike = SimilarClusters { near: Vec::with_capacity(like.len()), total: 0.0 };
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

    /// The novelty levels of a value and its flow: 0 typical for such requests .. 3 new; a value
    /// also `NEW_DOMAIN`. A cluster with fewer than `min_sessions` sessions that used the value does
    /// not make it typical.
    pub fn levels(
        &self,
        role: &RoleTable,
        used: &Use,
        min_sessions: i64,
        domain_is_surprising: impl FnOnce() -> bool,
    ) -> (u64, u64) {
        let at = mix(used.tool_key, used.value, 2);
        let (mut value_share, mut flow_share) = (0.0, 0.0);
        let (mut value_sessions, mut flow_sessions) = (0.0, 0.0);
        for &(weight, cluster, similar) in &self.near {
            let seen = cluster.values.get(at);
            if seen >= min_sessions {
                value_share += weight * seen as f64 / cluster.n as f64;
                value_sessions += similar * similar * seen as f64;
            }
            if let Some(seen) = cluster.flows.find(used.flow) {
                flow_share += weight * seen as f64 / cluster.n as f64;
                flow_sessions += similar * similar * seen as f64;
            }
        }
        let typical = TYPICAL_SHARE * self.total;
        let known =
            || role.known_values.has(used.value) || (used.root != 0 && role.roots.has(used.root));
        let level = match value_share <= typical && value_sessions < TYPICAL_SESSIONS {
            false => 0,
            true if role.known_at.has(at) => 1,
            true if known() => 2,
            true if used.domain == 0 || role.roots.has(used.domain) => 3,
            true => NEW_DOMAIN,
        };
        let flow_level = match flow_share <= typical && flow_sessions < TYPICAL_SESSIONS {
            false => 0,
            true if role.flow.has(used.flow) => 1,
            true if role.flow_key.has(used.flow_key) => 2,
            true => 3,
        };
        let novel = level != 0 || flow_level != 0;
        if novel
            && role.flow.has(mix(used.flow, ACCEPTED_FLOW, 0))
            && role.suspicions.get(used.value) == 0
            && !(level == NEW_DOMAIN && domain_is_surprising())
        {
            return (0, 0);
        }
        (level, flow_level)
    }
}
