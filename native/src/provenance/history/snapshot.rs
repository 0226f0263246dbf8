//! Takes snapshots of a call's uses, from which history cleaning scores them again.

use crate::codec::hashing::{mix, Hasher};
use crate::provenance::call_scoring::{source, ArgumentOrigins, COVERAGE_DISCOUNT};
use crate::provenance::novelty::ArgumentContext;
use crate::provenance::request::{Request, TextParser};
use crate::provenance::session::MAX_USES;
use crate::provenance::session_uses::UseSnapshot;
use pyo3::prelude::*;
use std::ops::Deref;

/// The tool of a call, with its role and request.
pub struct Call<'a> {
    pub hasher: &'a Hasher,
    pub request: &'a Request,
    pub role_hash: u64,
    pub tool: u64,
    pub name_floor: f64,
}

/// One snapshot for each use of a call, in their order.
pub fn snapshot_uses<T: Deref<Target = str>>(
    py: Python<'_>,
    parser: &mut TextParser,
    call: &Call<'_>,
    origins: &[ArgumentOrigins<T>],
) -> PyResult<Vec<UseSnapshot>> {
    let mut snapshots = Vec::new();
    for (key, found) in origins {
        let hashed_key = call.hasher.of(key);
        let tool_key = mix(call.tool, hashed_key, 1);
        for (raw, origins) in found {
            let Some(value) = parser.value(py, call.hasher, raw)? else { continue };
            if snapshots.len() >= MAX_USES {
                continue;
            }
            let context = ArgumentContext::new(call.role_hash, tool_key, hashed_key, value.kind);
            let (mut discount, mut uncovered) = (0.0, false);
            if source(origins).is_some() && !value.is_requested(call.request) {
                let cover = value.request_coverage(call.request);
                (discount, uncovered) =
                    ((1.0 - COVERAGE_DISCOUNT * cover) * value.specificity, cover < 0.5);
            }
            let (tool, name_floor, contexts) = (call.tool, call.name_floor, context.contexts);
            snapshots.push(UseSnapshot { tool, name_floor, contexts, discount, uncovered });
        }
    }
    Ok(snapshots)
}
