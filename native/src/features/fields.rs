//! The fields of one event; `models.features.fields`.

use crate::plan_json::wrong;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::borrow::Cow;

macro_rules! names {
    ($list:ident, $module:ident: $($constant:ident = $name:literal,)*) => {
        pub mod $module {
            #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
            enum Order { $($constant,)* }
            // Some fields are named by rows of the plan alone.
            $(#[allow(dead_code)] pub const $constant: usize = Order::$constant as usize;)*
        }
        pub const $list: &[&str] = &[$($name,)*];
    };
}

names! { SINGLE, single:
    TOOL = "tool",
    PREVIOUS_TOOL = "previous_tool",
    OPERATION = "operation",
    HOUR = "hour",
    MODE = "mode",
    OUTCOME = "outcome",
    PERSON = "person",
    DEFINITION = "definition",
    UNVERIFIED = "unverified",
    LEAKED_SECRET = "leaked_secret",
    CHANGED_HOOKS = "changed_hooks",
    UNREPORTED_TOOL = "unreported_tool",
    REVOKED = "revoked",
    IDENTITY_CHANGE = "identity_change",
    RESOURCE = "resource",
    TARGET = "target",
    DOMAIN = "domain",
    DATA_CLASS = "data_class",
    SENSITIVITY = "sensitivity",
    RESOURCE_TYPE = "resource_type",
    EGRESS = "egress",
    ASN = "asn",
    COUNTRY = "country",
    DESTINATION = "destination",
    DEPTH = "depth",
    LIFETIME = "lifetime",
    CREDENTIAL_PURPOSE = "credential_purpose",
    CONFLICT = "conflict",
    UNREGISTERED = "unregistered",
    OTHER_MODE = "other_mode",
    MISMATCH = "mismatch",
    EXPIRED = "expired",
    OTHER_COUNTRY = "other_country",
    OTHER_NETWORK = "other_network",
    UNANNOUNCED = "unannounced",
    SILENT = "silent",
    SOLE_HOST = "sole_host",
}

names! { RECORD, record:
    KEY = "key",
    ORIGIN = "origin",
    VALUE = "value",
    SOURCE = "source",
    VALUE_HOST = "value_host",
    SCOPE = "scope",
    DELEGATE = "delegate",
    CONTAINER = "container",
    PROGRAM = "program",
}

names! { KINDS, kind:
    DELEGATE = "delegate",
    SCOPE = "scope",
    CONTAINER = "container",
    PROGRAM = "program",
    ARGUMENT = "argument",
}

names! { NUMBERS, number:
    BYTES_OUT = "bytes_out",
    BYTES_IN = "bytes_in",
    RECORDS = "records",
    DURATION = "duration",
    TOKENS = "tokens",
    PRICE = "price",
    HASTE = "haste",
    EXPIRED = "expired",
    NEARNESS = "nearness",
    SILENCE = "silence",
    SOLE_DAYS = "sole_days",
}

/// Which field of an event or of a record it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Single(usize),
    Record(usize),
}

/// The place of a field, by its name.
pub fn place_of(name: &str) -> PyResult<Place> {
    if let Some(place) = SINGLE.iter().position(|one| *one == name) {
        return Ok(Place::Single(place));
    }
    let place = RECORD.iter().position(|one| *one == name);
    place.map(Place::Record).ok_or_else(|| unknown("field", name))
}

pub fn record_kind(name: &str) -> PyResult<usize> {
    KINDS.iter().position(|one| *one == name).ok_or_else(|| unknown("kind of record", name))
}

pub fn number_of_name(name: &str) -> PyResult<usize> {
    NUMBERS.iter().position(|one| *one == name).ok_or_else(|| unknown("number", name))
}

fn unknown(what: &str, name: &str) -> PyErr {
    wrong(&format!("the plan names the {what} {name:?}, which the compiled kernel does not read"))
}

/// A text of an event, or one that follows from it.
pub type Str<'t> = Cow<'t, str>;

fn owned(text: Str<'_>) -> Str<'static> {
    Cow::Owned(text.into_owned())
}

/// Fields of one of several values of an event.
#[derive(Default, Clone)]
pub struct Record<'t> {
    fields: Vec<(u8, Str<'t>)>,
}

impl<'t> Record<'t> {
    pub fn of(fields: impl IntoIterator<Item = (usize, Str<'t>)>) -> Self {
        Record { fields: fields.into_iter().map(|(place, value)| (place as u8, value)).collect() }
    }

    pub fn add(&mut self, place: usize, value: Str<'t>) {
        self.fields.push((place as u8, value));
    }

    fn into_owned(self) -> Record<'static> {
        Record { fields: self.fields.into_iter().map(|(at, text)| (at, owned(text))).collect() }
    }
}

impl Record<'_> {
    pub fn get(&self, place: usize) -> Option<&str> {
        let found = self.fields.iter().find(|(at, _)| usize::from(*at) == place);
        found.map(|(_, value)| &**value)
    }

    fn dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let found = PyDict::new(py);
        for (place, value) in &self.fields {
            found.set_item(RECORD[usize::from(*place)], &**value)?;
        }
        Ok(found)
    }
}

/// The fields of one event.
pub struct Fields<'t> {
    pub single: [Option<Str<'t>>; SINGLE.len()],
    pub records: [Option<Vec<Record<'t>>>; KINDS.len()],
    pub numbers: [Option<f64>; NUMBERS.len()],
}

impl Default for Fields<'_> {
    fn default() -> Self {
        Fields {
            single: [const { None }; SINGLE.len()],
            records: [const { None }; KINDS.len()],
            numbers: [const { None }; NUMBERS.len()],
        }
    }
}

impl<'t> Fields<'t> {
    pub fn into_owned(self) -> Fields<'static> {
        let records =
            |all: Vec<Record<'t>>| -> Vec<_> { all.into_iter().map(Record::into_owned).collect() };
        Fields {
            single: self.single.map(|one| one.map(owned)),
            records: self.records.map(|all| all.map(records)),
            numbers: self.numbers,
        }
    }

    pub fn single(&self, place: usize) -> Option<&str> {
        self.single[place].as_deref()
    }

    pub fn records(&self, kind: usize) -> &[Record<'t>] {
        self.records[kind].as_deref().unwrap_or_default()
    }

    /// A field of a record, or of the event.
    pub fn field<'a>(&'a self, place: Place, record: Option<&'a Record<'_>>) -> Option<&'a str> {
        match place {
            Place::Single(place) => self.single(place),
            Place::Record(place) => record.and_then(|record| record.get(place)),
        }
    }

    /// The values of a field: one, or one of each record of a kind.
    pub fn values(&self, kind: Option<usize>, place: Place) -> impl Iterator<Item = &str> {
        let one = if kind.is_none() { self.field(place, None) } else { None };
        let records = kind.map(|kind| self.records(kind)).unwrap_or_default();
        one.into_iter().chain(records.iter().filter_map(move |one| self.field(place, Some(one))))
    }
}

/// The same for Python, read when it is asked for.
#[pyclass(frozen, module = "habitus_native", name = "Fields")]
pub struct FieldsView {
    #[pyo3(get)]
    single: Py<PyDict>,
    #[pyo3(get)]
    records: Py<PyDict>,
    #[pyo3(get)]
    numbers: Py<PyDict>,
}

impl FieldsView {
    pub fn of(py: Python<'_>, fields: &Fields<'_>) -> PyResult<FieldsView> {
        let (single, records, numbers) = (PyDict::new(py), PyDict::new(py), PyDict::new(py));
        for (name, value) in SINGLE.iter().zip(&fields.single) {
            if let Some(value) = value {
                single.set_item(name, &**value)?;
            }
        }
        for (name, found) in KINDS.iter().zip(&fields.records) {
            if let Some(found) = found {
                let all: PyResult<Vec<_>> = found.iter().map(|one| one.dict(py)).collect();
                records.set_item(name, PyList::new(py, all?)?)?;
            }
        }
        for (name, value) in NUMBERS.iter().zip(&fields.numbers) {
            if let Some(value) = value {
                numbers.set_item(name, value)?;
            }
        }
        Ok(FieldsView {
            single: single.unbind(),
            records: records.unbind(),
            numbers: numbers.unbind(),
        })
    }
}
