//! An open session, and the score of one call.

use crate::codec::compact_reader::Reader;
use crate::codec::compact_writer::Writer;
use crate::provenance::request::Request;
use crate::provenance::session_uses::{exactly, Use, UseSnapshot, Vote};
use crate::provenance::taint::TaintSources;
use indexmap::IndexMap;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use rustc_hash::FxBuildHasher;
use std::sync::Arc;

pub const MAX_USES: usize = 512;
const FIELDS: usize = 26;
/// First byte of what is stored compactly.
const PACKED: u8 = 1;

pub type Ordered<T> = IndexMap<u64, T, FxBuildHasher>;

/// (cluster number, overlap, similarity) of a cluster similar to a session's request.
pub type NearCluster = (i64, f64, f64);

/// One session of one agent; it closes after an idle period and is then learned as a whole.
#[pyclass(module = "habitus_native")]
pub struct Session {
    #[pyo3(get)]
    pub agent_id: String,
    #[pyo3(get)]
    pub mode: String,
    #[pyo3(get)]
    pub role: String,
    #[pyo3(get)]
    pub purpose: String,
    #[pyo3(get)]
    pub opened_us: i64,
    #[pyo3(get, set)]
    pub last_us: i64,
    #[pyo3(get, set)]
    pub seen_us: i64,
    #[pyo3(get)]
    pub ordinal: i64,
    #[pyo3(get)]
    pub learning: bool,
    #[pyo3(get)]
    pub trusted_history: bool,
    #[pyo3(get)]
    pub familiarity: f64,
    #[pyo3(get, set)]
    pub events: i64,
    #[pyo3(get, set)]
    pub score: f64,
    #[pyo3(get, set)]
    pub p: Option<f64>,
    #[pyo3(get, set)]
    pub previous_tool: String,
    pub near: Vec<NearCluster>,
    pub tools: Vec<u64>,
    pub uses: Ordered<Use>,
    pub votes: Ordered<Vote>,
    /// Bits, value and (tool, key) of its most surprising call with a tainted value.
    pub peak_bits: f64,
    pub peak_value: u64,
    pub peak_argument: u64,
    /// Snapshots of `uses` for history cleaning; empty unless the role is young.
    pub snapshots: Ordered<UseSnapshot>,
    /// Whether one of its events has alerted.
    #[pyo3(get, set)]
    pub alerted: bool,
    /// Fingerprints of the values from results, by tool.
    pub sources: TaintSources,
    /// Whether the request covers less than half of the peak value and its flow is not typical.
    pub peak_unexplained: bool,
    /// Its parsed request, after the first use; not stored.
    pub request: Option<Arc<Request>>,
    /// Its random number for ties, after the first use; not stored.
    pub tie: Option<f64>,
}

impl Session {
    /// A new session, before it is compared with the clusters.
    #[allow(clippy::too_many_arguments)] // the fields of a session
    pub fn new(
        agent_id: String,
        mode: String,
        role: String,
        purpose: String,
        opened_us: i64,
        seen_us: i64,
        ordinal: i64,
        learning: bool,
        trusted_history: bool,
    ) -> Self {
        Session {
            agent_id,
            mode,
            role,
            purpose,
            opened_us,
            last_us: opened_us,
            seen_us,
            ordinal,
            learning,
            trusted_history,
            familiarity: 0.0,
            events: 0,
            score: -1.0,
            p: None,
            previous_tool: String::new(),
            near: Vec::new(),
            tools: Vec::new(),
            uses: Ordered::default(),
            votes: Ordered::default(),
            peak_bits: -1.0,
            peak_value: 0,
            peak_argument: 0,
            snapshots: Ordered::default(),
            alerted: false,
            sources: TaintSources::default(),
            peak_unexplained: false,
            request: None,
            tie: None,
        }
    }

    /// The bytes that the reference writes for other engines.
    pub fn dump(&self) -> Vec<u8> {
        let mut out = Writer::default();
        self.write(&mut out);
        out.out
    }

    /// The bytes that the reference stores.
    pub fn packed(&self) -> Vec<u8> {
        let mut out = Writer::compact(vec![PACKED]);
        self.write(&mut out);
        out.out
    }

    fn write(&self, out: &mut Writer) {
        out.array(FIELDS);
        for text in [&self.agent_id, &self.mode, &self.role, &self.purpose] {
            out.text(text);
        }
        for number in [self.opened_us, self.last_us, self.seen_us, self.ordinal] {
            out.signed(number);
        }
        out.boolean(self.learning);
        out.boolean(self.trusted_history);
        out.array(self.near.len());
        for &(number, overlap, similar) in &self.near {
            out.array(3);
            out.signed(number);
            out.float(overlap);
            out.float(similar);
        }
        out.float(self.familiarity);
        out.signed(self.events);
        out.float(self.score);
        match self.p {
            Some(p) => out.float(p),
            None => out.nil(),
        }
        out.text(&self.previous_tool);
        out.array(self.tools.len());
        self.tools.iter().for_each(|&tool| out.unsigned(tool));
        out.map(self.uses.len());
        for (&key, held) in &self.uses {
            out.unsigned(key);
            held.write(out);
        }
        out.map(self.votes.len());
        for (&key, vote) in &self.votes {
            out.unsigned(key);
            vote.write(out);
        }
        out.float(self.peak_bits);
        out.unsigned(self.peak_value);
        out.unsigned(self.peak_argument);
        out.map(self.snapshots.len());
        for (&key, seen) in &self.snapshots {
            out.unsigned(key);
            seen.write(out);
        }
        out.boolean(self.alerted);
        self.sources.write(out);
        out.boolean(self.peak_unexplained);
    }

    /// Read what `dump` wrote, here or in the reference.
    pub fn load(raw: &[u8]) -> PyResult<Self> {
        Self::read(Reader::new(raw))
    }

    /// Read what `packed` wrote, here or in the reference.
    pub fn unpack(raw: &[u8]) -> PyResult<Self> {
        if raw.first() != Some(&PACKED) {
            let text = format!("layout {:?}, expected {PACKED}", raw.first());
            return Err(PyValueError::new_err(text));
        }
        Self::read(Reader::compact(raw, 1))
    }

    fn read(mut from: Reader<'_>) -> PyResult<Self> {
        exactly(from.array()?, FIELDS)?;
        let mut session = Session {
            agent_id: from.text()?.to_owned(),
            mode: from.text()?.to_owned(),
            role: from.text()?.to_owned(),
            purpose: from.text()?.to_owned(),
            opened_us: from.signed()?,
            last_us: from.signed()?,
            seen_us: from.signed()?,
            ordinal: from.signed()?,
            learning: from.boolean()?,
            trusted_history: from.boolean()?,
            near: Vec::new(),
            familiarity: 0.0,
            events: 0,
            score: 0.0,
            p: None,
            previous_tool: String::new(),
            tools: Vec::new(),
            uses: Ordered::default(),
            votes: Ordered::default(),
            peak_bits: 0.0,
            peak_value: 0,
            peak_argument: 0,
            snapshots: Ordered::default(),
            alerted: false,
            sources: TaintSources::default(),
            peak_unexplained: false,
            request: None,
            tie: None,
        };
        for _ in 0..from.array()? {
            exactly(from.array()?, 3)?;
            session.near.push((from.signed()?, from.float()?, from.float()?));
        }
        session.familiarity = from.float()?;
        session.events = from.signed()?;
        session.score = from.float()?;
        session.p = if from.skip_nil() { None } else { Some(from.float()?) };
        session.previous_tool = from.text()?.to_owned();
        for _ in 0..from.array()? {
            session.tools.push(from.unsigned()?);
        }
        for _ in 0..from.map()? {
            let key = from.unsigned()?;
            session.uses.insert(key, Use::read(&mut from)?);
        }
        for _ in 0..from.map()? {
            let key = from.unsigned()?;
            session.votes.insert(key, Vote::read(&mut from)?);
        }
        session.peak_bits = from.float()?;
        session.peak_value = from.unsigned()?;
        session.peak_argument = from.unsigned()?;
        for _ in 0..from.map()? {
            session.snapshots.insert(from.unsigned()?, UseSnapshot::read(&mut from)?);
        }
        session.alerted = from.boolean()?;
        session.sources = TaintSources::read(&mut from)?;
        session.peak_unexplained = from.boolean()?;
        from.end()?;
        Ok(session)
    }
}

/// The identifier of a call that comes from a result, is not requested and has the most bits.
#[pyclass(module = "habitus_native", frozen, get_all)]
#[derive(Clone)]
pub struct TaintedValue {
    pub bits: f64,
    pub key: String,
    pub kind: u8,
    pub source: String,
    pub value_bits: f64,
    pub flow_bits: f64,
    pub value_level: u64,
    pub flow_level: u64,
    pub value: u64,
    pub argument: u64,
    pub recurrences: u32,
    /// Whether it was traced in another form.
    pub rewritten: bool,
    /// Whether the request covers less than half of it.
    pub uncovered: bool,
    /// Part of `value_bits` for recurrences and for cross-task spread.
    pub cross_task_bits: f64,
}

/// The score of one call, in bits.
#[pyclass(module = "habitus_native", frozen)]
pub struct CallScore {
    #[pyo3(get)]
    pub score: f64,
    #[pyo3(get)]
    pub intent: Option<f64>,
    #[pyo3(get)]
    pub off_task_bits: Option<f64>,
    #[pyo3(get)]
    pub tainted: Option<TaintedValue>,
    #[pyo3(get)]
    pub familiarity: f64,
    pub uses: Vec<Use>,
    pub votes: Ordered<Vote>,
    pub snapshots: Vec<UseSnapshot>,
    pub tool: u64,
    /// Fingerprints of the values from results, each with the result's tool.
    pub sources: Vec<(u64, String)>,
}
