//! Notes what a call's identifiers are judged by, for a second look at a young role's sessions;
//!.

use crate::codec::hashing::{mix, Hasher};
use crate::provenance::call_scoring::{source, Carried, COVER_DISCOUNT};
use crate::provenance::novelty::Place;
use crate::provenance::request::{Reader, Request};
use crate::provenance::session::MAX_USES;
use crate::provenance::session_uses::Seen;
use pyo3::prelude::*;
use std::ops::Deref;

/// The tool of a call, and whose it is.
pub struct Call<'a> {
    pub hasher: &'a Hasher,
    pub request: &'a Request,
    pub role_hash: u64,
    pub tool: u64,
    pub named: f64,
}

/// One for each use of a call, in their order.
pub fn see<T: Deref<Target = str>>(
    py: Python<'_>,
    reader: &mut Reader,
    call: &Call<'_>,
    origins: &[Carried<T>],
) -> PyResult<Vec<Seen>> {
    let mut seen = Vec::new();
    for (key, found) in origins {
        let hashed_key = call.hasher.of(key);
        let tool_key = mix(call.tool, hashed_key, 1);
        for (raw, places) in found {
            let Some(value) = reader.value(py, call.hasher, raw)? else { continue };
            if seen.len() >= MAX_USES {
                continue;
            }
            let place = Place::new(call.role_hash, tool_key, hashed_key, value.kind);
            let (mut share, mut bare) = (0.0, false);
            if source(places).is_some() && !value.asked_for(call.request) {
                let cover = value.covered(call.request);
                (share, bare) = ((1.0 - COVER_DISCOUNT * cover) * value.specific, cover < 0.5);
            }
            let (tool, named, contexts) = (call.tool, call.named, place.contexts);
            seen.push(Seen { tool, named, contexts, share, bare });
        }
    }
    Ok(seen)
}
