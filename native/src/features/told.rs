//! An event of Python as the kernel reads it; `models.event.Event`.

use crate::json::action::{
    Action, Agent, Credential, Egress, Human, Kind, Mode, Network, Operation, Outcome, Resource,
    Sensitivity, Volume,
};
use crate::json::values::{Arguments, Attributes, NotNegative, Scalar, Text};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};
use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::de::IntoDeserializer;
use serde::Deserialize;
use std::borrow::Cow;

type Any<'py> = Bound<'py, PyAny>;
type Owned = Text<'static>;

fn text(of: &Any<'_>) -> PyResult<Owned> {
    Ok(of.cast::<PyString>()?.to_str()?.to_owned().into())
}

fn maybe<'py, T>(
    of: &Any<'py>,
    read: impl FnOnce(&Any<'py>) -> PyResult<T>,
) -> PyResult<Option<T>> {
    if of.is_none() {
        return Ok(None);
    }
    read(of).map(Some)
}

fn all<'py, T>(of: &Any<'py>, read: impl Fn(&Any<'py>) -> PyResult<T>) -> PyResult<Vec<T>> {
    of.try_iter()?.map(|one| read(&one?)).collect()
}

/// One of a few names.
fn named<T: for<'de> Deserialize<'de>>(of: &Any<'_>) -> PyResult<T> {
    let name = of.cast::<PyString>()?.to_str()?;
    let from: StrDeserializer<'_, ValueError> = name.into_deserializer();
    T::deserialize(from).map_err(|error| crate::plan_json::wrong(&error.to_string()))
}

fn scalar(of: &Any<'_>) -> PyResult<Scalar<'static>> {
    Ok(if of.is_instance_of::<PyBool>() {
        Scalar::Truth(of.is_truthy()?)
    } else if of.is_instance_of::<PyFloat>() || of.is_instance_of::<PyInt>() {
        Scalar::Number(of.extract().unwrap_or(f64::INFINITY))
    } else if of.is_instance_of::<PyString>() {
        Scalar::Text(text(of)?)
    } else if let Ok(list) = of.cast::<PyList>() {
        let texts = list.iter().filter(|one| one.is_instance_of::<PyString>());
        Scalar::Texts(texts.map(|one| text(&one)).collect::<PyResult<_>>()?)
    } else {
        Scalar::Other
    })
}

fn table<'py, T>(
    of: &Any<'py>,
    read: impl Fn(&Any<'py>) -> PyResult<T>,
) -> PyResult<Vec<(Owned, T)>> {
    of.cast::<PyDict>()?.iter().map(|(key, value)| Ok((text(&key)?, read(&value)?))).collect()
}

/// Functions of Python that events are read by.
pub struct EventTools {
    pub microseconds: Py<PyAny>,
    /// Writes a value as JSON.
    pub encode: Py<PyAny>,
}

impl EventTools {
    /// Read an event at its time.
    pub fn read(&self, event: &Any<'_>, time_us: i64) -> PyResult<Action<'static>> {
        let py = event.py();
        let instant =
            |at: &Any<'_>| -> PyResult<i64> { self.microseconds.bind(py).call1((at,))?.extract() };
        macro_rules! get {
            ($of:expr, $name:literal) => {
                &$of.getattr(intern!(py, $name))?
            };
        }
        let agent = get!(event, "agent");
        let amount = |one: &Any<'_>| Ok(one.extract().unwrap_or(i64::MAX));
        let origin = |one: &Any<'_>| Ok((text(&one.get_item(0)?)?, all(&one.get_item(1)?, text)?));
        Ok(Action {
            id: text(get!(event, "id"))?,
            time_us,
            agent: Agent::new(text(get!(agent, "id"))?, maybe(get!(agent, "version"), text)?),
            tool: text(get!(event, "tool"))?,
            human: maybe(get!(event, "human"), |one| Ok(Human { id: text(get!(one, "id"))? }))?,
            mode: named::<Mode>(get!(event, "mode"))?,
            delegation: maybe(get!(event, "delegation"), |one| all(one, text))?,
            session: None,
            task: None,
            trace_id: maybe(get!(event, "trace_id"), text)?,
            purpose: maybe(get!(event, "purpose"), text)?,
            operation: named::<Operation>(get!(event, "operation"))?,
            arguments: maybe(get!(event, "arguments"), |one| self.arguments(one))?,
            argument_origins: maybe(get!(event, "argument_origins"), |one| {
                table(one, |found| all(found, origin))
            })?,
            resource: maybe(get!(event, "resource"), |one| {
                Ok(Resource {
                    id: text(get!(one, "id"))?,
                    kind: maybe(get!(one, "type"), text)?,
                    domain: maybe(get!(one, "domain"), text)?,
                    sensitivity: maybe(get!(one, "sensitivity"), named::<Sensitivity>)?,
                })
            })?,
            network: maybe(get!(event, "network"), |one| {
                Ok(Network {
                    source_ip: None,
                    destination: maybe(get!(one, "destination"), text)?,
                    egress: None::<Egress>,
                    asn: None,
                    country: None,
                })
            })?,
            volume: maybe(get!(event, "volume"), |one| {
                Ok(Volume {
                    bytes_in: maybe(get!(one, "bytes_in"), amount)?,
                    bytes_out: maybe(get!(one, "bytes_out"), amount)?,
                    records: maybe(get!(one, "records"), amount)?,
                })
            })?,
            outcome: maybe(get!(event, "outcome"), named::<Outcome>)?,
            duration_ms: maybe(get!(event, "duration_ms"), |one| Ok(NotNegative(one.extract()?)))?,
            credential: maybe(get!(event, "credential"), |one| {
                Ok(Credential {
                    id: text(get!(one, "id"))?,
                    issued_us: maybe(get!(one, "issued_at"), instant)?,
                    expires_us: maybe(get!(one, "expires_at"), instant)?,
                    scopes: maybe(get!(one, "scopes"), |one| all(one, text))?,
                    purpose: maybe(get!(one, "purpose"), text)?,
                })
            })?,
            kind: named::<Kind>(get!(event, "kind"))?,
            attributes: maybe(get!(event, "attributes"), |one| {
                Ok(Attributes(table(one, scalar)?))
            })?,
        })
    }

    fn arguments(&self, of: &Any<'_>) -> PyResult<Arguments<'static>> {
        let raw: Vec<u8> = self.encode.bind(of.py()).call1((of,))?.extract()?;
        let mut texts = Vec::new();
        for (key, value) in of.cast::<PyDict>()?.iter() {
            if value.is_instance_of::<PyString>() {
                texts.push((text(&key)?, text(&value)?));
            }
        }
        let raw = Cow::Owned(String::from_utf8_lossy(&raw).into_owned());
        Ok(Arguments { raw, texts, mark: None })
    }
}
