//! Traces identifiers that the agent rewrote to the result they came from (taint tracking).

use crate::codec::compact_reader::Reader as Packed;
use crate::codec::compact_writer::Writer;
use crate::codec::hashing::Hasher;
use crate::provenance::call_scoring::ArgumentOrigins;
use crate::provenance::deobfuscation::{fingerprint, traceable};
use crate::provenance::request::{Request, TextParser, Value};
use indexmap::IndexMap;
use pyo3::prelude::*;
use rustc_hash::FxBuildHasher;
use std::ops::Deref;
use std::sync::Arc;

pub const REWRITTEN: &str = "rewritten";
const MAX_SOURCES: usize = 32;
const MAX_PIECES: usize = 4;

/// Fingerprints of the values from results, by the result's tool.
#[derive(Default)]
pub struct TaintSources(IndexMap<String, Vec<u64>, FxBuildHasher>);

impl TaintSources {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tool whose result contains a value.
    pub fn source_of(&self, mark: u64) -> Option<&str> {
        let found = self.0.iter().find(|(_, marks)| marks.contains(&mark));
        found.map(|(source, _)| source.as_str())
    }

    /// Adds the fingerprint of a value with the first tool that returned it, up to `MAX_SOURCES`.
    pub fn add(&mut self, mark: u64, source: &str) {
        let known: usize = self.0.values().map(Vec::len).sum();
        if known >= MAX_SOURCES || self.source_of(mark).is_some() {
            return;
        }
        match self.0.get_mut(source) {
            Some(marks) => marks.push(mark),
            None => {
                self.0.insert(source.to_owned(), vec![mark]);
            }
        }
    }

    pub fn write(&self, out: &mut Writer) {
        out.map(self.0.len());
        for (source, marks) in &self.0 {
            out.text(source);
            out.array(marks.len());
            marks.iter().for_each(|&mark| out.unsigned(mark));
        }
    }

    pub fn read(from: &mut Packed<'_>) -> PyResult<Self> {
        let mut came = TaintSources::default();
        for _ in 0..from.map()? {
            let source = from.text()?.to_owned();
            let marks = (0..from.array()?).map(|_| from.unsigned()).collect::<PyResult<_>>()?;
            came.0.insert(source, marks);
        }
        Ok(came)
    }
}

/// Traces the identifiers of one call.
pub struct Tracer<'a> {
    pub hasher: &'a Hasher,
    pub parser: &'a mut TextParser,
    pub request: &'a Request,
    pub sources: &'a TaintSources,
    /// Values without origin so far.
    pub pieces: Vec<Arc<Value>>,
}

impl Tracer<'_> {
    /// The origins of a call's identifiers with those of rewritten ones; None without any.
    pub fn trace_origins<T: Deref<Target = str>>(
        &mut self,
        py: Python<'_>,
        origins: &[ArgumentOrigins<T>],
    ) -> PyResult<Option<Vec<ArgumentOrigins>>> {
        let mut found = Vec::new();
        for (at, (_, values)) in origins.iter().enumerate() {
            for (index, (raw, reported)) in values.iter().enumerate() {
                if reported.is_empty() {
                    found.extend(self.source(py, raw)?.map(|source| (at, index, source)));
                }
            }
        }
        if found.is_empty() {
            return Ok(None);
        }
        let mut all: Vec<ArgumentOrigins> = origins.iter().map(copied).collect();
        for (at, index, source) in found {
            all[at].1[index].1 = vec![format!("result:{source}"), REWRITTEN.to_owned()];
        }
        Ok(Some(all))
    }

    fn source(&mut self, py: Python<'_>, raw: &str) -> PyResult<Option<String>> {
        let value = self.parser.value(py, self.hasher, raw)?;
        let Some(value) = value.filter(|value| !value.is_requested(self.request)) else {
            return Ok(None);
        };
        self.pieces.push(value);
        let forms = self.parser.forms(py, self.hasher, raw)?;
        let whole = forms.iter().find_map(|&mark| self.sources.source_of(mark));
        Ok(whole.or_else(|| self.joined()).map(str::to_owned))
    }

    /// The source of the last 2 .. 4 pieces joined together.
    fn joined(&self) -> Option<&str> {
        (2..=self.pieces.len().min(MAX_PIECES)).find_map(|many| {
            let pieces = &self.pieces[self.pieces.len() - many..];
            let text: String = pieces.iter().map(|piece| piece.alphanumerics.as_str()).collect();
            traceable(&text)
                .then(|| self.sources.source_of(fingerprint(&text, self.hasher)))
                .flatten()
        })
    }
}

fn copied<T: Deref<Target = str>>((key, values): &ArgumentOrigins<T>) -> ArgumentOrigins {
    let texts = |all: &Vec<T>| all.iter().map(|one| one.to_string()).collect();
    (
        key.to_string(),
        values.iter().map(|(raw, reported)| (raw.to_string(), texts(reported))).collect(),
    )
}
