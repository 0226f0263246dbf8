//! One call: its identifiers, one after the other.

use crate::codec::hashing::{mix, Hasher};
use crate::provenance::cross_task_spread::{alike_by_chance, has_wandered, MOST_WANDERING_BITS};
use crate::provenance::entity_binding::{standing, BROKEN, KEPT, UNSAID};
use crate::provenance::history::bounded_table::{marks_of, noted};
use crate::provenance::history::request_clusters::{Role, YOUNG};
use crate::provenance::history::snapshot::{see, Call};
use crate::provenance::novelty::{
    familiarity, strata, Alike, Place, OUTSIDE, OWN, SAID, UNKNOWN, WANDERED,
};
use crate::provenance::novelty_prior::{Rates, FLOW, VALUE};
use crate::provenance::request::{Reader, Request, Value};
use crate::provenance::session::{Carrier, Content, MAX_USES};
use crate::provenance::session_uses::{Use, Vote};
use crate::provenance::taint::{Came, Tracer, REWRITTEN};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use std::borrow::Cow;
use std::ops::Deref;

pub const COVER_DISCOUNT: f64 = 0.7;
pub const RECURRENCE_BITS: f64 = 4.0;
const MOST_RECURRENCES: u32 = 2;
/// Level of a value that is not the one which always came with a name of the request.
const OTHER: u64 = 5;

/// Text of a Python string; what is no text at all is replaced.
pub fn text<'a>(string: &'a Bound<'_, PyString>) -> Cow<'a, str> {
    match string.to_str() {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(string.to_string_lossy().into_owned()),
    }
}

/// The identifiers of one argument, each with where it had stood before.
pub type Carried<T = String> = (T, Vec<(T, Vec<T>)>);

/// What a call carries, out of Python's hands.
pub fn read_origins(origins: &Bound<'_, PyDict>) -> PyResult<Vec<Carried>> {
    let texts = |all: &Bound<'_, PyAny>| -> PyResult<Vec<String>> {
        let each = all.downcast::<PyList>()?.iter();
        each.map(|one| Ok(text(one.downcast()?).into_owned())).collect()
    };
    let one = |one: Bound<'_, PyAny>| -> PyResult<(String, Vec<String>)> {
        let one = one.downcast::<PyTuple>()?;
        let value = text(one.get_item(0)?.downcast()?).into_owned();
        Ok((value, texts(&one.get_item(1)?)?))
    };
    let carried = |(key, found): (Bound<'_, PyAny>, Bound<'_, PyAny>)| -> PyResult<Carried> {
        let values = found.downcast::<PyList>()?.iter().map(one).collect::<PyResult<_>>()?;
        Ok((text(key.downcast()?).into_owned(), values))
    };
    origins.iter().map(carried).collect()
}

/// The first result tool an identifier came from, None when it was asked for.
pub fn source<T: Deref<Target = str>>(origins: &[T]) -> Option<&str> {
    let mut source = None;
    for origin in origins {
        let origin: &str = origin;
        if origin == "request" || origin == "system" {
            return None;
        }
        if source.is_none() {
            source = origin.strip_prefix("result:");
        }
    }
    source
}

/// In how many other kinds of request a value raised suspicion; `own` are the marks of its own
/// kind and its like.
pub fn recurrence(role: &Role, value: u64, day: i64, own: &[i64]) -> u32 {
    if !role.sightings.has(value) {
        return 0;
    }
    noted(marks_of(role.sightings.get(value), day), own).min(MOST_RECURRENCES)
}

/// One call with all that its identifiers are judged by.
pub struct Scene<'a> {
    pub hasher: &'a Hasher,
    pub reader: &'a mut Reader,
    pub role: &'a Role,
    pub rates: &'a Rates,
    pub agent_id: &'a str,
    /// What came out of results in this session so far.
    pub came: &'a Came,
    pub role_hash: u64,
    pub request: &'a Request,
    pub alike: &'a Alike<'a>,
    /// Mark of the cluster that the session belongs to.
    pub own: Vec<i64>,
    pub votes_count: bool,
    pub day: i64,
    pub most: f64,
    pub foreign: bool,
}

/// Where an identifier stands in the call.
struct Spot<'a> {
    key: &'a str,
    hashed_key: u64,
    tool_key: u64,
    mixed: f64,
}

impl Scene<'_> {
    /// The origins of all with those of what was rewritten, if anything was.
    pub fn traced<T: Deref<Target = str>>(
        &mut self,
        py: Python<'_>,
        origins: &[Carried<T>],
    ) -> PyResult<Option<Vec<Carried>>> {
        if self.came.is_empty() {
            return Ok(None);
        }
        let (hasher, request, came) = (self.hasher, self.request, self.came);
        let mut tracer = Tracer { hasher, reader: self.reader, request, came, pieces: Vec::new() };
        tracer.traced(py, origins)
    }

    /// Judges all that a call carries; `named` is the least probability of its tool.
    pub fn call<T: Deref<Target = str>>(
        &mut self,
        py: Python<'_>,
        content: &mut Content,
        origins: &[Carried<T>],
        named: f64,
    ) -> PyResult<()> {
        for (key, found) in origins {
            self.key(py, content, key, found)?;
        }
        if self.role.n < YOUNG {
            let (hasher, request, role_hash) = (self.hasher, self.request, self.role_hash);
            let call = Call { hasher, request, role_hash, tool: content.tool, named };
            content.seen = see(py, self.reader, &call, origins)?;
        }
        Ok(())
    }

    fn key<T: Deref<Target = str>>(
        &mut self,
        py: Python<'_>,
        content: &mut Content,
        key: &str,
        found: &[(T, Vec<T>)],
    ) -> PyResult<()> {
        let hashed_key = self.hasher.of(key);
        let tool_key = mix(content.tool, hashed_key, 1);
        let here =
            self.alike.near.iter().map(|&(_, cluster, similar)| {
                (similar, cluster.keys.get(tool_key), cluster.skipped)
            });
        let mixed = (content.known + familiarity(here)) / 2.0;
        let spot = Spot { key, hashed_key, tool_key, mixed };
        for (raw, origins) in found {
            if let Some(value) = self.reader.value(py, self.hasher, raw)? {
                self.value(content, &spot, &value, origins);
            }
        }
        Ok(())
    }

    fn value<T: Deref<Target = str>>(
        &mut self,
        content: &mut Content,
        spot: &Spot<'_>,
        value: &Value,
        origins: &[T],
    ) {
        let source = source(origins).filter(|_| !value.asked_for(self.request));
        let from = source.filter(|s| !s.is_empty()).map_or(0, |s| self.hasher.of(s));
        let mut held = Use {
            tool_key: spot.tool_key,
            value: value.hashed,
            root: value.root,
            flow: if from == 0 { 0 } else { mix(from, spot.tool_key, 3) },
            flow_key: if from == 0 { 0 } else { mix(from, spot.hashed_key, 4) },
            level: 0,
            who: value.who,
            domain: value.domain,
        };
        let (mut level, mut flow_level, mut said) = (0, 0, UNSAID);
        let place = Place::new(self.role_hash, spot.tool_key, spot.hashed_key, value.kind);
        let telling = || place.telling(self.rates, spot.mixed, self.day);
        if let Some(source) = source.filter(|_| from != 0 && value.mark != 0) {
            if self.came.source_of(value.mark).is_none() {
                content.came.push((value.mark, source.to_owned()));
            }
        }
        if source.is_some() {
            (level, flow_level) = self.alike.levels(self.role, &held, 1, telling);
            let own = || mix(held.flow, self.hasher.of(self.agent_id), OWN);
            if flow_level != 0 && self.role.flow.has(own()) {
                flow_level = 0;
            }
            held.level = level;
            let counts = self.votes_count || level != 0 || flow_level != 0;
            if counts && held.who {
                let names = &self.request.names;
                said = standing(&self.role.names, held.tool_key, names, held.value);
            }
            if said == BROKEN && level == 0 && flow_level == 0 {
                said = KEPT; // it is usual for such requests all the same
            }
        }
        if content.uses.len() < MAX_USES {
            content.uses.push(held);
        }
        let wandered = level != 0
            && flow_level != 0
            && !alike_by_chance(value)
            && has_wandered(self.role, held.value, self.day, &self.own);
        if self.votes_count {
            let (contexts, familiarity) = (place.contexts, spot.mixed);
            let vote =
                Vote { contexts, value_level: level, flow_level, familiarity, said, wandered };
            content.votes.entry(place.exact).or_insert(vote).raise(&vote);
        }
        let Some(source) = source.filter(|_| level != 0 || flow_level != 0) else { return };
        level = place.counting(self.rates, level, spot.mixed, self.day);
        let mut value_bits = place.bits(self.rates, VALUE, level, spot.mixed, self.day);
        let flow_bits = place.bits(self.rates, FLOW, flow_level, spot.mixed, self.day);
        if said == BROKEN {
            let said = strata(&place.contexts, SAID);
            value_bits = value_bits.max(self.rates.bits(&said, VALUE, self.day));
            if level != OUTSIDE {
                level = OTHER;
            }
        }
        let (mut recurrences, mut elsewhere) = (0, 0.0);
        if level > UNKNOWN {
            recurrences = recurrence(self.role, held.value, self.day, &self.own);
            elsewhere = RECURRENCE_BITS * f64::from(recurrences);
        }
        if wandered {
            let seldom = self.rates.bits(&strata(&place.contexts, WANDERED), VALUE, self.day);
            elsewhere += seldom.min(MOST_WANDERING_BITS);
        }
        value_bits += elsewhere;
        let cover = value.covered(self.request);
        let bare = cover < 0.5;
        let bits = (value_bits + flow_bits) * (1.0 - COVER_DISCOUNT * cover) * value.specific;
        if bits > self.most {
            self.most = bits;
            content.carrier = Some(Carrier {
                bits,
                key: spot.key.to_owned(),
                kind: value.kind,
                source: source.to_owned(),
                value_bits,
                flow_bits,
                value_level: level,
                flow_level,
                value: held.value,
                place: spot.tool_key,
                recurrences,
                rewritten: origins.iter().any(|one| **one == *REWRITTEN),
                bare,
                elsewhere,
            });
        }
        self.foreign |= level >= UNKNOWN && bare;
    }
}
