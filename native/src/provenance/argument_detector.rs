//! Scores a call by the provenance of its arguments and by its tool given the request.

use crate::codec::hashing::Hasher;
use crate::provenance::call_scoring::{ArgumentOrigins, CallScorer};
use crate::provenance::history::history_cleaning::clean_history;
use crate::provenance::history::learning;
use crate::provenance::history::request_clusters::{RoleTable, YOUNG};
use crate::provenance::history::similarity::{overlaps, WordWeights};
use crate::provenance::novelty::{familiarity, own_cluster, similar_marks, SimilarClusters};
use crate::provenance::novelty_prior::NoveltyRates;
use crate::provenance::request::{Request, TextParser};
use crate::provenance::session::{CallScore, NearCluster, Ordered, Session};
use crate::units::DAY_US;
use pyo3::prelude::*;
use rustc_hash::FxHashMap;
use std::cmp::Ordering;
use std::ops::Deref;
use std::sync::Arc;

const SIMILAR_LOW: f64 = 0.2;
const SIMILAR_HIGH: f64 = 0.6;
const MIN_SIMILARITY: f64 = 0.03;
const MAX_NEAR: usize = 8;
const ON_TASK_BITS: f64 = 0.5;
const TOOL_WORD_FLOOR: f64 = 0.2;
const OFF_TASK_CAP: f64 = 200.0;
pub const UNTAINTED_FACTOR: f64 = 0.5;

/// The argument detector with the tables of all roles and of the fleet.
pub struct ArgumentDetector {
    pub hasher: Hasher,
    pub parser: TextParser,
    pub roles: FxHashMap<String, RoleTable>,
    pub words: WordWeights,
    pub rates: NoveltyRates,
}

impl ArgumentDetector {
    pub fn request(&mut self, py: Python<'_>, session: &mut Session) -> PyResult<Arc<Request>> {
        if let Some(request) = &session.request {
            return Ok(request.clone());
        }
        let request = self.parser.request(py, &self.hasher, &session.purpose)?;
        session.request = Some(request.clone());
        Ok(request)
    }

    pub fn role(&mut self, name: &str) -> &mut RoleTable {
        if !self.roles.contains_key(name) {
            self.roles.insert(name.to_owned(), RoleTable::new());
        }
        self.roles.get_mut(name).expect("just put there")
    }

    /// Compares the session's request with the role's clusters.
    pub fn compare(&mut self, py: Python<'_>, session: &mut Session) -> PyResult<()> {
        let request = self.request(py, session)?;
        self.role(&session.role);
        let Some(role) = self.roles.get_mut(&session.role) else { return Ok(()) };
        let near = similar_clusters(role, &mut self.words, &request.words);
        session.familiarity = familiarity(near.iter().filter_map(|&(number, _, similar)| {
            role.cluster(number).map(|cluster| (similar, cluster.familiar, cluster.skipped))
        }));
        session.near = near;
        Ok(())
    }

    /// Learns a finished session; gives false when it is skipped.
    pub fn close(&mut self, py: Python<'_>, session: &mut Session) -> PyResult<bool> {
        let learned = learning::close(self, py, session)?;
        if self.role(&session.role).early_sessions.len() == YOUNG as usize {
            clean_history(self, &session.role);
        }
        Ok(learned)
    }

    /// Scores one call of an open session; stored state does not change.
    pub fn score<T: Deref<Target = str>>(
        &mut self,
        py: Python<'_>,
        session: &mut Session,
        name: &str,
        origins: Option<&[ArgumentOrigins<T>]>,
    ) -> PyResult<CallScore> {
        let request = self.request(py, session)?;
        let tool = self.hasher.of(name);
        let role = self.roles.get(&session.role);
        let alike = SimilarClusters::new(role, &session.near);
        let mut content = CallScore {
            score: 0.0,
            intent: None,
            off_task_bits: None,
            tainted: None,
            familiarity: session.familiarity,
            uses: Vec::new(),
            votes: Ordered::default(),
            snapshots: Vec::new(),
            tool,
            sources: Vec::new(),
        };
        let mut name_floor = 0.0;
        if !session.purpose.is_empty() {
            let own = self.parser.tool_words(py, &self.hasher, name)?;
            name_floor = tool_name_floor(&mut self.words, &request, &own);
            let (intent, off_task_bits) = intent_bits(role, name_floor, tool, &alike);
            (content.intent, content.off_task_bits) = (Some(intent), Some(off_task_bits));
        }
        let mut has_new_taint = false;
        if let Some(origins) = origins {
            let unknown;
            let role = match role {
                Some(role) => role,
                None => {
                    unknown = RoleTable::new();
                    &unknown
                }
            };
            let mut scorer = CallScorer {
                hasher: &self.hasher,
                parser: &mut self.parser,
                role,
                rates: &self.rates,
                agent_id: &session.agent_id,
                sources: &session.sources,
                role_hash: self.hasher.of(&session.role),
                request: &request,
                alike: &alike,
                own: similar_marks(&session.near, own_cluster(&session.near, role)),
                votes_count: session.learning || session.trusted_history,
                day: session.last_us.div_euclid(DAY_US),
                max_bits: 0.0,
                has_new_taint: false,
            };
            match scorer.trace_origins(py, origins)? {
                Some(trace_origins) => scorer.call(py, &mut content, &trace_origins, name_floor)?,
                None => scorer.call(py, &mut content, origins, name_floor)?,
            }
            has_new_taint = scorer.has_new_taint;
        }
        let tainted_bits = content.tainted.as_ref().map_or(0.0, |tainted| tainted.bits);
        let bits = tainted_bits + content.intent.unwrap_or(0.0);
        content.score = bits * if has_new_taint { 1.0 } else { UNTAINTED_FACTOR };
        Ok(content)
    }
}

/// Order by similarity, then by overlap, both descending, then by number.
fn nearer(a: &NearCluster, b: &NearCluster) -> Ordering {
    b.2.total_cmp(&a.2).then(b.1.total_cmp(&a.1)).then(a.0.cmp(&b.0))
}

/// The role's clusters similar to a request.
pub fn similar_clusters(
    role: &mut RoleTable,
    weights: &mut WordWeights,
    words: &[u64],
) -> Vec<NearCluster> {
    let found = overlaps(role, weights, words);
    let similar = |(number, overlap): (i64, f64)| -> Option<NearCluster> {
        let similar = (overlap - SIMILAR_LOW) / (SIMILAR_HIGH - SIMILAR_LOW);
        (similar > MIN_SIMILARITY).then(|| (number, overlap, similar.min(1.0)))
    };
    let mut near: Vec<NearCluster> = found.into_iter().filter_map(similar).collect();
    if near.len() > MAX_NEAR {
        near.select_nth_unstable_by(MAX_NEAR, nearer);
        near.truncate(MAX_NEAR);
        near.sort_unstable_by(nearer);
    }
    near
}

/// `-log2 P(tool | request)`, and the off-task bits of the tool.
pub fn intent_bits(
    role: Option<&RoleTable>,
    name_floor: f64,
    tool: u64,
    alike: &SimilarClusters<'_>,
) -> (f64, f64) {
    let shares = role.map_or(0.0, |role| role.share_of(tool));
    let clusters = role.map_or(0, |role| role.by_number.len());
    let overall = (0.2 + shares) / (4.0 + clusters as f64);
    let (mut near_sum, mut off_task_sum, mut known) = (0.0, 0.0, 0.0);
    for &(weight, cluster, similar) in &alike.near {
        let sessions = similar * similar * (cluster.n as f64).min(OFF_TASK_CAP);
        known += sessions;
        if let Some(seen) = cluster.tools.find(tool) {
            let share = seen as f64 / cluster.n as f64;
            near_sum += weight * share;
            off_task_sum += sessions * share;
        }
    }
    let p = ((near_sum + overall) / (alike.total + 1.0)).max(name_floor);
    let bits = -((off_task_sum + overall.max(name_floor)) / (known + 1.0)).log2();
    (-p.log2(), role.map_or(0.0, |role| off_task_bits(role, tool, bits, known)))
}

/// The evidence that a tool serves another task of the role than the request, in bits.
///
/// `bits`: surprise of the tool given the request, from `known` sessions.
fn off_task_bits(role: &RoleTable, tool: u64, bits: f64, known: f64) -> f64 {
    if bits <= ON_TASK_BITS {
        return 0.0;
    }
    let largest = role.largest_shares.share(tool);
    if largest == 0.0 {
        return 0.0;
    }
    (bits + largest.log2()).max(0.0) * largest * (known / (known + 1.0))
}

/// The lower bound of a tool's probability, from the words of its name in the request.
fn tool_name_floor(words: &mut WordWeights, request: &Request, own: &[u64]) -> f64 {
    let (mut shared, mut all, mut any) = (0.0, 0.0, false);
    for &word in own {
        let weight = words.weight(word);
        all += weight;
        if request.words.binary_search(&word).is_ok() {
            shared += weight;
            any = true;
        }
    }
    if any {
        TOOL_WORD_FLOOR * (shared / all)
    } else {
        0.0
    }
}
