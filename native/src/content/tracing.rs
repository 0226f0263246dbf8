//! Traces identifiers that the agent rewrote to the result they came from;
//! `models.content.tracing`.

use super::reader::{Reader, Request, Value};
use super::rewritten::traceable;
use super::scene::Carried;
use super::session::Ordered;
use crate::hashing::Hasher;
use pyo3::prelude::*;
use std::ops::Deref;
use std::sync::Arc;

pub const REWRITTEN: &str = "rewritten";
pub const MOST_CAME: usize = 32;
const MOST_PIECES: usize = 4;

/// What the identifiers of one call are traced by.
pub struct Tracer<'a> {
    pub hasher: &'a Hasher,
    pub reader: &'a mut Reader,
    pub request: &'a Request,
    pub came: &'a Ordered<String>,
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
        let whole = forms.iter().find_map(|form| self.came.get(form));
        Ok(whole.or_else(|| self.joined()).cloned())
    }

    /// What the latest came from, put together with those before it.
    fn joined(&self) -> Option<&String> {
        (2..=self.pieces.len().min(MOST_PIECES)).find_map(|many| {
            let pieces = &self.pieces[self.pieces.len() - many..];
            let text: String = pieces.iter().map(|piece| piece.bare.as_str()).collect();
            traceable(&text).then(|| self.came.get(&self.hasher.once(&text))).flatten()
        })
    }
}

fn copied<T: Deref<Target = str>>((key, values): &Carried<T>) -> Carried {
    let texts = |all: &Vec<T>| all.iter().map(|one| one.to_string()).collect();
    (key.to_string(), values.iter().map(|(raw, told)| (raw.to_string(), texts(told))).collect())
}
