//! Scores the identifiers of one call, and finds the tainted value with the most bits.

use crate::codec::hashing::{mix, Hasher};
use crate::provenance::cross_task_spread::{is_spread, matches_by_chance, MAX_SPREAD_BITS};
use crate::provenance::entity_binding::{check_binding, MATCHED, UNBOUND, VIOLATED};
use crate::provenance::history::bounded_table::{count_marks, marks_of};
use crate::provenance::history::request_clusters::{RoleTable, YOUNG};
use crate::provenance::history::snapshot::{snapshot_uses, Call};
use crate::provenance::novelty::{
    familiarity, strata, ArgumentContext, SimilarClusters, AGENT_FLOW, BINDING, NEW_AT_ARGUMENT,
    NEW_DOMAIN, SPREAD,
};
use crate::provenance::novelty_prior::{NoveltyRates, FLOW, VALUE};
use crate::provenance::request::{Request, TextParser, Value};
use crate::provenance::session::{CallScore, TaintedValue, MAX_USES};
use crate::provenance::session_uses::{Use, Vote};
use crate::provenance::taint::{TaintSources, Tracer, REWRITTEN};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use std::borrow::Cow;
use std::ops::Deref;

pub const COVERAGE_DISCOUNT: f64 = 0.7;
pub const RECURRENCE_BITS: f64 = 4.0;
const MAX_RECURRENCES: u32 = 2;
/// Level of a value that violates the binding of an entity of the request.
const OTHER_ENTITY: u64 = 5;

/// The text of a Python string; lone surrogates are replaced.
pub fn text<'a>(string: &'a Bound<'_, PyString>) -> Cow<'a, str> {
    match string.to_str() {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(string.to_string_lossy().into_owned()),
    }
}

/// The identifiers of one argument, each with its origins.
pub type ArgumentOrigins<T = String> = (T, Vec<(T, Vec<T>)>);

/// Converts the origins of a call's identifiers from Python.
pub fn read_origins(origins: &Bound<'_, PyDict>) -> PyResult<Vec<ArgumentOrigins>> {
    let texts = |all: &Bound<'_, PyAny>| -> PyResult<Vec<String>> {
        let each = all.downcast::<PyList>()?.iter();
        each.map(|one| Ok(text(one.downcast()?).into_owned())).collect()
    };
    let one = |one: Bound<'_, PyAny>| -> PyResult<(String, Vec<String>)> {
        let one = one.downcast::<PyTuple>()?;
        let value = text(one.get_item(0)?.downcast()?).into_owned();
        Ok((value, texts(&one.get_item(1)?)?))
    };
    let value_share =
        |(key, found): (Bound<'_, PyAny>, Bound<'_, PyAny>)| -> PyResult<ArgumentOrigins> {
            let values = found.downcast::<PyList>()?.iter().map(one).collect::<PyResult<_>>()?;
            Ok((text(key.downcast()?).into_owned(), values))
        };
    origins.iter().map(value_share).collect()
}

/// The tool of the first result with the identifier; None for a requested one.
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

/// The number of other tasks in which a value was suspicious; `own` are the marks of its
/// cluster and the similar ones.
pub fn recurrence(role: &RoleTable, value: u64, day: i64, own: &[i64]) -> u32 {
    if !role.suspicions.has(value) {
        return 0;
    }
    count_marks(marks_of(role.suspicions.get(value), day), own).min(MAX_RECURRENCES)
}

/// Scores the identifiers of one call of an open session.
pub struct CallScorer<'a> {
    pub hasher: &'a Hasher,
    pub parser: &'a mut TextParser,
    pub role: &'a RoleTable,
    pub rates: &'a NoveltyRates,
    pub agent_id: &'a str,
    /// Values from results in this session so far.
    pub sources: &'a TaintSources,
    pub role_hash: u64,
    pub request: &'a Request,
    pub alike: &'a SimilarClusters<'a>,
    /// Marks of the session's cluster and the similar ones.
    pub own: Vec<i64>,
    pub votes_count: bool,
    pub day: i64,
    pub max_bits: f64,
    pub has_new_taint: bool,
}

/// The argument of an identifier, and how familiar similar calls are with it.
struct Argument<'a> {
    key: &'a str,
    hashed_key: u64,
    tool_key: u64,
    familiarity: f64,
}

impl CallScorer<'_> {
    /// The origins of all identifiers with those of rewritten ones; None without any.
    pub fn trace_origins<T: Deref<Target = str>>(
        &mut self,
        py: Python<'_>,
        origins: &[ArgumentOrigins<T>],
    ) -> PyResult<Option<Vec<ArgumentOrigins>>> {
        if self.sources.is_empty() {
            return Ok(None);
        }
        let (hasher, request, sources) = (self.hasher, self.request, self.sources);
        let mut tracer =
            Tracer { hasher, parser: self.parser, request, sources, pieces: Vec::new() };
        tracer.trace_origins(py, origins)
    }

    /// Scores all identifiers of a call; `name_floor` is the lower bound of its tool's probability.
    pub fn call<T: Deref<Target = str>>(
        &mut self,
        py: Python<'_>,
        content: &mut CallScore,
        origins: &[ArgumentOrigins<T>],
        name_floor: f64,
    ) -> PyResult<()> {
        for (key, found) in origins {
            self.key(py, content, key, found)?;
        }
        if self.role.n < YOUNG {
            let (hasher, request, role_hash) = (self.hasher, self.request, self.role_hash);
            let call = Call { hasher, request, role_hash, tool: content.tool, name_floor };
            content.snapshots = snapshot_uses(py, self.parser, &call, origins)?;
        }
        Ok(())
    }

    fn key<T: Deref<Target = str>>(
        &mut self,
        py: Python<'_>,
        content: &mut CallScore,
        key: &str,
        found: &[(T, Vec<T>)],
    ) -> PyResult<()> {
        let hashed_key = self.hasher.of(key);
        let tool_key = mix(content.tool, hashed_key, 1);
        let here =
            self.alike.near.iter().map(|&(_, cluster, similar)| {
                (similar, cluster.keys.get(tool_key), cluster.skipped)
            });
        let familiarity = (content.familiarity + familiarity(here)) / 2.0;
        let argument = Argument { key, hashed_key, tool_key, familiarity };
        for (raw, origins) in found {
            if let Some(value) = self.parser.value(py, self.hasher, raw)? {
                self.value(content, &argument, &value, origins);
            }
        }
        Ok(())
    }

    fn value<T: Deref<Target = str>>(
        &mut self,
        content: &mut CallScore,
        argument: &Argument<'_>,
        value: &Value,
        origins: &[T],
    ) {
        let source = source(origins).filter(|_| !value.is_requested(self.request));
        let from = source.filter(|s| !s.is_empty()).map_or(0, |s| self.hasher.of(s));
        let mut used = Use {
            tool_key: argument.tool_key,
            value: value.hashed,
            root: value.root,
            flow: if from == 0 { 0 } else { mix(from, argument.tool_key, 3) },
            flow_key: if from == 0 { 0 } else { mix(from, argument.hashed_key, 4) },
            level: 0,
            is_entity: value.is_entity,
            domain: value.domain,
        };
        let (mut level, mut flow_level, mut binding) = (0, 0, UNBOUND);
        let context = ArgumentContext::new(
            self.role_hash,
            argument.tool_key,
            argument.hashed_key,
            value.kind,
        );
        let domain_is_surprising =
            || context.domain_is_surprising(self.rates, argument.familiarity, self.day);
        if let Some(source) = source.filter(|_| from != 0 && value.fingerprint != 0) {
            if self.sources.source_of(value.fingerprint).is_none() {
                content.sources.push((value.fingerprint, source.to_owned()));
            }
        }
        if source.is_some() {
            (level, flow_level) = self.alike.levels(self.role, &used, 1, domain_is_surprising);
            let own = || mix(used.flow, self.hasher.of(self.agent_id), AGENT_FLOW);
            if flow_level != 0 && self.role.flow.has(own()) {
                flow_level = 0;
            }
            used.level = level;
            let counts = self.votes_count || level != 0 || flow_level != 0;
            if counts && used.is_entity {
                let names = &self.request.entities;
                binding = check_binding(&self.role.bindings, used.tool_key, names, used.value);
            }
            if binding == VIOLATED && level == 0 && flow_level == 0 {
                binding = MATCHED; // a value typical for such requests violates no binding
            }
        }
        if content.uses.len() < MAX_USES {
            content.uses.push(used);
        }
        let spread = level != 0
            && flow_level != 0
            && !matches_by_chance(value)
            && is_spread(self.role, used.value, self.day, &self.own);
        if self.votes_count {
            let (contexts, familiarity) = (context.contexts, argument.familiarity);
            let vote =
                Vote { contexts, value_level: level, flow_level, familiarity, binding, spread };
            content.votes.entry(context.exact).or_insert(vote).raise(&vote);
        }
        let Some(source) = source.filter(|_| level != 0 || flow_level != 0) else { return };
        level = context.effective_level(self.rates, level, argument.familiarity, self.day);
        let mut value_bits = context.bits(self.rates, VALUE, level, argument.familiarity, self.day);
        let flow_bits = context.bits(self.rates, FLOW, flow_level, argument.familiarity, self.day);
        if binding == VIOLATED {
            let binding = strata(&context.contexts, BINDING);
            value_bits = value_bits.max(self.rates.bits(&binding, VALUE, self.day));
            if level != NEW_DOMAIN {
                level = OTHER_ENTITY;
            }
        }
        let (mut recurrences, mut cross_task_bits) = (0, 0.0);
        if level > NEW_AT_ARGUMENT {
            recurrences = recurrence(self.role, used.value, self.day, &self.own);
            cross_task_bits = RECURRENCE_BITS * f64::from(recurrences);
        }
        if spread {
            let seldom = self.rates.bits(&strata(&context.contexts, SPREAD), VALUE, self.day);
            cross_task_bits += seldom.min(MAX_SPREAD_BITS);
        }
        value_bits += cross_task_bits;
        let cover = value.request_coverage(self.request);
        let uncovered = cover < 0.5;
        let bits = (value_bits + flow_bits) * (1.0 - COVERAGE_DISCOUNT * cover) * value.specificity;
        if bits > self.max_bits {
            self.max_bits = bits;
            content.tainted = Some(TaintedValue {
                bits,
                key: argument.key.to_owned(),
                kind: value.kind,
                source: source.to_owned(),
                value_bits,
                flow_bits,
                value_level: level,
                flow_level,
                value: used.value,
                argument: argument.tool_key,
                recurrences,
                rewritten: origins.iter().any(|one| **one == *REWRITTEN),
                uncovered,
                cross_task_bits,
            });
        }
        self.has_new_taint |= level >= NEW_AT_ARGUMENT && uncovered;
    }
}
