//! Scores a call by what it carries and whether its session's request calls for it.

use crate::codec::hashing::Hasher;
use crate::provenance::call_scoring::{Carried, Scene};
use crate::provenance::history::history_cleaning::look_again;
use crate::provenance::history::learning;
use crate::provenance::history::request_clusters::{Role, YOUNG};
use crate::provenance::history::similarity::{overlaps, Words};
use crate::provenance::novelty::{familiarity, kinds_like, own_cluster, Alike};
use crate::provenance::novelty_prior::Rates;
use crate::provenance::request::{Reader, Request};
use crate::provenance::session::{Content, Near, Ordered, Session};
use crate::units::DAY_US;
use pyo3::prelude::*;
use rustc_hash::FxHashMap;
use std::cmp::Ordering;
use std::ops::Deref;
use std::sync::Arc;

const SIMILAR_LOW: f64 = 0.2;
const SIMILAR_HIGH: f64 = 0.6;
const NEAR: f64 = 0.03;
const MOST_NEAR: usize = 8;
const ASKED_BITS: f64 = 0.5;
const TOOL_WORD_FLOOR: f64 = 0.2;
const KIND_CAP: f64 = 200.0;
pub const PLAIN_FACTOR: f64 = 0.5;

/// Everything the content detector remembers, over all roles.
pub struct Detector {
    pub hasher: Hasher,
    pub reader: Reader,
    pub roles: FxHashMap<String, Role>,
    pub words: Words,
    pub rates: Rates,
}

impl Detector {
    pub fn request(&mut self, py: Python<'_>, session: &mut Session) -> PyResult<Arc<Request>> {
        if let Some(request) = &session.request {
            return Ok(request.clone());
        }
        let request = self.reader.request(py, &self.hasher, &session.purpose)?;
        session.request = Some(request.clone());
        Ok(request)
    }

    pub fn role(&mut self, name: &str) -> &mut Role {
        if !self.roles.contains_key(name) {
            self.roles.insert(name.to_owned(), Role::new());
        }
        self.roles.get_mut(name).expect("just put there")
    }

    /// Compares the session's request with the role's clusters.
    pub fn compare(&mut self, py: Python<'_>, session: &mut Session) -> PyResult<()> {
        let request = self.request(py, session)?;
        self.role(&session.role);
        let Some(role) = self.roles.get_mut(&session.role) else { return Ok(()) };
        let near = like(role, &mut self.words, &request.words);
        session.known = familiarity(near.iter().filter_map(|&(number, _, similar)| {
            role.cluster(number).map(|cluster| (similar, cluster.full, cluster.skipped))
        }));
        session.near = near;
        Ok(())
    }

    /// Learns a finished session; false when it was skipped.
    pub fn close(&mut self, py: Python<'_>, session: &mut Session) -> PyResult<bool> {
        let learned = learning::close(self, py, session)?;
        if self.role(&session.role).first.len() == YOUNG as usize {
            look_again(self, &session.role);
        }
        Ok(learned)
    }

    /// Judges one call of an open session; changes nothing that is stored.
    pub fn score<T: Deref<Target = str>>(
        &mut self,
        py: Python<'_>,
        session: &mut Session,
        name: &str,
        origins: Option<&[Carried<T>]>,
    ) -> PyResult<Content> {
        let request = self.request(py, session)?;
        let tool = self.hasher.of(name);
        let role = self.roles.get(&session.role);
        let alike = Alike::new(role, &session.near);
        let mut content = Content {
            score: 0.0,
            intent: None,
            unasked: None,
            carrier: None,
            known: session.known,
            uses: Vec::new(),
            votes: Ordered::default(),
            seen: Vec::new(),
            tool,
            came: Vec::new(),
        };
        let mut said = 0.0;
        if !session.purpose.is_empty() {
            let own = self.reader.tool_words(py, &self.hasher, name)?;
            said = named(&mut self.words, &request, &own);
            let (intent, unasked) = intents(role, said, tool, &alike);
            (content.intent, content.unasked) = (Some(intent), Some(unasked));
        }
        let mut foreign = false;
        if let Some(origins) = origins {
            let unknown;
            let role = match role {
                Some(role) => role,
                None => {
                    unknown = Role::new();
                    &unknown
                }
            };
            let mut scene = Scene {
                hasher: &self.hasher,
                reader: &mut self.reader,
                role,
                rates: &self.rates,
                agent_id: &session.agent_id,
                came: &session.came,
                role_hash: self.hasher.of(&session.role),
                request: &request,
                alike: &alike,
                own: kinds_like(&session.near, own_cluster(&session.near, role)),
                votes_count: session.learning || session.vouched,
                day: session.last_us.div_euclid(DAY_US),
                most: 0.0,
                foreign: false,
            };
            match scene.traced(py, origins)? {
                Some(traced) => scene.call(py, &mut content, &traced, said)?,
                None => scene.call(py, &mut content, origins, said)?,
            }
            foreign = scene.foreign;
        }
        let carried = content.carrier.as_ref().map_or(0.0, |carrier| carrier.bits);
        let bits = carried + content.intent.unwrap_or(0.0);
        content.score = bits * if foreign { 1.0 } else { PLAIN_FACTOR };
        Ok(content)
    }
}

/// The more similar one first, of equal ones the one that overlaps more, then the older one.
fn nearer(a: &Near, b: &Near) -> Ordering {
    b.2.total_cmp(&a.2).then(b.1.total_cmp(&a.1)).then(a.0.cmp(&b.0))
}

/// The role's clusters that a request is like.
pub fn like(role: &mut Role, weights: &mut Words, words: &[u64]) -> Vec<Near> {
    let found = overlaps(role, weights, words);
    let similar = |(number, overlap): (i64, f64)| -> Option<Near> {
        let similar = (overlap - SIMILAR_LOW) / (SIMILAR_HIGH - SIMILAR_LOW);
        (similar > NEAR).then(|| (number, overlap, similar.min(1.0)))
    };
    let mut near: Vec<Near> = found.into_iter().filter_map(similar).collect();
    if near.len() > MOST_NEAR {
        near.select_nth_unstable_by(MOST_NEAR, nearer);
        near.truncate(MOST_NEAR);
        near.sort_unstable_by(nearer);
    }
    near
}

/// `-log2 P(tool | request)`, and how much the tool tells of another piece of work.
pub fn intents(role: Option<&Role>, named: f64, tool: u64, alike: &Alike<'_>) -> (f64, f64) {
    let shares = role.map_or(0.0, |role| role.share_of(tool));
    let clusters = role.map_or(0, |role| role.by_number.len());
    let overall = (0.2 + shares) / (4.0 + clusters as f64);
    let (mut like, mut more, mut whole) = (0.0, 0.0, 0.0);
    for &(weight, cluster, similar) in &alike.near {
        let full = similar * similar * (cluster.n as f64).min(KIND_CAP);
        whole += full;
        if let Some(seen) = cluster.tools.find(tool) {
            let share = seen as f64 / cluster.n as f64;
            like += weight * share;
            more += full * share;
        }
    }
    let p = ((like + overall) / (alike.total + 1.0)).max(named);
    let bits = -((more + overall.max(named)) / (whole + 1.0)).log2();
    (-p.log2(), role.map_or(0.0, |role| unasked(role, tool, bits, whole)))
}

/// How much a tool tells of another piece of work of the role than was asked for, in bits.
///
/// `bits`: of the tool given the request, whatever it names, `known` from so many sessions.
fn unasked(role: &Role, tool: u64, bits: f64, known: f64) -> f64 {
    if bits <= ASKED_BITS {
        return 0.0;
    }
    let most = role.most.share(tool);
    if most == 0.0 {
        return 0.0;
    }
    (bits + most.log2()).max(0.0) * most * (known / (known + 1.0))
}

/// The least probability of a tool for the words of its name in the request.
fn named(words: &mut Words, request: &Request, own: &[u64]) -> f64 {
    let (mut said, mut all, mut any) = (0.0, 0.0, false);
    for &word in own {
        let weight = words.weight(word);
        all += weight;
        if request.words.binary_search(&word).is_ok() {
            said += weight;
            any = true;
        }
    }
    if any {
        TOOL_WORD_FLOOR * (said / all)
    } else {
        0.0
    }
}
