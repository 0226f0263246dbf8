//! Calls into Python, with caches of their results.

use crate::features::categories::location_of;
use crate::features::extraction::Origin;
use crate::json::action::{Egress, Network, Operation};
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
    count_active_agent: Py<PyAny>,
    stdtr: Py<PyAny>,
    origins: FxHashMap<Vec<u8>, Arc<Origin>>,
    key: Vec<u8>,
    operations: FxHashMap<String, Operation>,
}

impl PythonCalls {
    /// Takes the functions for the origin of an event, the operation of a tool, and the first event
    /// of an agent on a day.
    pub fn new(
        py: Python<'_>,
        origin: Py<PyAny>,
        infer: Py<PyAny>,
        count_active_agent: Py<PyAny>,
    ) -> PyResult<Self> {
        let known = |module: &str, name: &str| py.import(module)?.getattr(name).map(Bound::unbind);
        Ok(PythonCalls {
            origin,
            infer,
            count_active_agent,
            stdtr: known("scipy.special.cython_special", "stdtr")?,
            origins: FxHashMap::default(),
            key: Vec::new(),
            operations: FxHashMap::default(),
        })
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
        let origin = match network {
            None => Origin { egress: Egress::Unknown, asn: None, country: None, location: None },
            Some(one) => self.look_up(py, one)?,
        };
        if self.origins.len() >= MAX_KNOWN {
            self.origins.clear();
        }
        let origin = Arc::new(origin);
        self.origins.insert(self.key.clone(), origin.clone());
        Ok(origin)
    }

    fn look_up(&self, py: Python<'_>, one: &Network<'_>) -> PyResult<Origin> {
        let egress = one.egress.map(Egress::name);
        let given = (one.source_ip.as_deref(), egress, one.asn, one.country.as_deref());
        let found = self.origin.bind(py).call1(given)?;
        let name: String = found.getattr("egress")?.extract()?;
        let asn: Option<i64> = found.getattr("asn")?.extract()?;
        let country: Option<String> = found.getattr("country")?.extract()?;
        let address = one.source_ip.as_deref();
        let location = address.and_then(|address| location_of(address, country.as_deref(), asn));
        let egress = Egress::named(&name).unwrap_or(Egress::Unknown);
        Ok(Origin { egress, asn: asn.map(|asn| asn.to_string()), country, location })
    }

    /// Operation of a tool, where the event has none.
    pub fn operation(&mut self, py: Python<'_>, tool: &str) -> PyResult<Operation> {
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

    /// Count an agent on its first event of a day, with its mean events a day.
    pub fn count_active_agent(&self, py: Python<'_>, day: i64, per_day: f64) -> PyResult<()> {
        self.count_active_agent.bind(py).call1((day, per_day)).map(drop)
    }

    /// Distribution function of Student's t.
    pub fn stdtr(&self, py: Python<'_>, freedom: f64, t: f64) -> PyResult<f64> {
        self.stdtr.bind(py).call1((freedom, t))?.extract()
    }
}
