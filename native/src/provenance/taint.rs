//! Traces identifiers that the agent rewrote to the result they came from;
//!.

use crate::codec::compact_reader::Reader as Packed;
use crate::codec::compact_writer::Writer;
use crate::codec::hashing::Hasher;
use crate::provenance::call_scoring::Carried;
use crate::provenance::deobfuscation::{marked, traceable};
use crate::provenance::request::{Reader, Request, Value};
use indexmap::IndexMap;
use pyo3::prelude::*;
use rustc_hash::FxBuildHasher;
use std::ops::Deref;
use std::sync::Arc;

pub const REWRITTEN: &str = "rewritten";
const MOST_CAME: usize = 32;
const MOST_PIECES: usize = 4;

/// Marks of the letters and digits of what came out of results, by the result's tool.
#[derive(Default)]
pub struct Came(IndexMap<String, Vec<u64>, FxBuildHasher>);

impl Came {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tool whose result something came out of.
    pub fn source_of(&self, mark: u64) -> Option<&str> {
        let found = self.0.iter().find(|(_, marks)| marks.contains(&mark));
        found.map(|(source, _)| source.as_str())
    }

    /// Remembers where something came from first, within bounds.
    pub fn remember(&mut self, mark: u64, source: &str) {
        let known: usize = self.0.values().map(Vec::len).sum();
        if known >= MOST_CAME || self.source_of(mark).is_some() {
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
        let mut came = Came::default();
        for _ in 0..from.map()? {
            let source = from.text()?.to_owned();
            let marks = (0..from.array()?).map(|_| from.unsigned()).collect::<PyResult<_>>()?;
            came.0.insert(source, marks);
        }
        Ok(came)
    }
}

/// What the identifiers of one call are traced by.
pub struct Tracer<'a> {
    pub hasher: &'a Hasher,
    pub reader: &'a mut Reader,
    pub request: &'a Request,
    pub came: &'a Came,
    /// What stood nowhere so far.
    pub pieces: Vec<Arc<Value>>,
}

impl Tracer<'_> {
    /// The origins of a call's identifiers with those of what was rewritten, if anything was.
    pub fn traced<T: Deref<Target = str>>(
        &mut self,
        py: Python<'_>,
        origins: &[Carried<T>],
    ) -> PyResult<Option<Vec<Carried>>> {
        let mut found = Vec::new();
        for (at, (_, values)) in origins.iter().enumerate() {
            for (index, (raw, told)) in values.iter().enumerate() {
                if told.is_empty() {
                    found.extend(self.source(py, raw)?.map(|source| (at, index, source)));
                }
            }
        }
        if found.is_empty() {
            return Ok(None);
        }
        let mut all: Vec<Carried> = origins.iter().map(copied).collect();
        for (at, index, source) in found {
            all[at].1[index].1 = vec![format!("result:{source}"), REWRITTEN.to_owned()];
        }
        Ok(Some(all))
    }

    fn source(&mut self, py: Python<'_>, raw: &str) -> PyResult<Option<String>> {
        let value = self.reader.value(py, self.hasher, raw)?;
        let Some(value) = value.filter(|value| !value.asked_for(self.request)) else {
            return Ok(None);
        };
        self.pieces.push(value);
        let forms = self.reader.forms(py, self.hasher, raw)?;
        let whole = forms.iter().find_map(|&mark| self.came.source_of(mark));
        Ok(whole.or_else(|| self.joined()).map(str::to_owned))
    }

    /// What the latest came from, put together with those before it.
    fn joined(&self) -> Option<&str> {
        (2..=self.pieces.len().min(MOST_PIECES)).find_map(|many| {
            let pieces = &self.pieces[self.pieces.len() - many..];
            let text: String = pieces.iter().map(|piece| piece.bare.as_str()).collect();
            traceable(&text).then(|| self.came.source_of(marked(&text, self.hasher))).flatten()
        })
    }
}

fn copied<T: Deref<Target = str>>((key, values): &Carried<T>) -> Carried {
    let texts = |all: &Vec<T>| all.iter().map(|one| one.to_string()).collect();
    (key.to_string(), values.iter().map(|(raw, told)| (raw.to_string(), texts(told))).collect())
}
