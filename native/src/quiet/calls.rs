//! Calls into Python, with caches of their results.

use crate::features::reading::Origin;
use crate::json::action::{Action, Egress, Network, Operation};
use pyo3::prelude::*;
use rustc_hash::FxHashMap;
use std::sync::Arc;

const MAX_KNOWN: usize = 50_000;
/// Byte of a missing part of a key. No text has it.
const NOTHING: u8 = 0xff;

/// Functions of Python, with caches of their results.
pub struct PythonCalls {
    origin: Py<PyAny>,
    infer: Py<PyAny>,
    origins: FxHashMap<Vec<u8>, Arc<Origin>>,
    key: Vec<u8>,
    operations: FxHashMap<String, Operation>,
}

impl PythonCalls {
    /// Takes the functions for the origin of an event, and the operation of a tool.
    pub fn new(origin: Py<PyAny>, infer: Py<PyAny>) -> Self {
        let (origins, key, operations) = Default::default();
        PythonCalls { origin, infer, origins, key, operations }
    }

    /// Origin of an event.
    pub fn origin(
        &mut self,
        py: Python<'_>,
        network: Option<&Network<'_>>,
    ) -> PyResult<Arc<Origin>> {
        self.key.clear();
        if let Some(one) = network {
            self.key.push(one.egress.map_or(NOTHING, |egress| egress as u8));
            self.key.extend(one.asn.unwrap_or(-1).to_le_bytes());
            for text in [&one.country, &one.source_ip] {
                self.key.push(text.as_ref().map_or(NOTHING, |_| 0));
                self.key.extend(text.as_deref().unwrap_or_default().bytes());
            }
        }
        if let Some(known) = self.origins.get(&self.key) {
            return Ok(known.clone());
        }
        let found = match network {
            None => Origin { egress: Egress::Unknown.name().to_owned(), asn: None, country: None },
            Some(one) => {
                let egress = one.egress.map(Egress::name);
                let given = (one.source_ip.as_deref(), egress, one.asn, one.country.as_deref());
                self.origin.bind(py).call1(given)?.extract()?
            }
        };
        if self.origins.len() >= MAX_KNOWN {
            self.origins.clear();
        }
        let found = Arc::new(found);
        self.origins.insert(self.key.clone(), found.clone());
        Ok(found)
    }

    /// Operation of an event, inferred from its tool where it has none.
    pub fn operation(&mut self, py: Python<'_>, action: &Action<'_>) -> PyResult<Operation> {
        if action.operation != Operation::Unknown {
            return Ok(action.operation);
        }
        let tool = &*action.tool;
        if let Some(&known) = self.operations.get(tool) {
            return Ok(known);
        }
        let name: String = self.infer.bind(py).call1((tool,))?.extract()?;
        let operation = Operation::named(&name).unwrap_or_default();
        if self.operations.len() >= MAX_KNOWN {
            self.operations.clear();
        }
        self.operations.insert(tool.to_owned(), operation);
        Ok(operation)
    }
}
