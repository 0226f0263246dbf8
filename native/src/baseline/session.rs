//! What the sessions of agents have shown so far, until they are idle; `models.baseline.session`.

use crate::baseline::subject::Subject;
use crate::codec::compact_reader::{Read, Reader};
use crate::codec::compact_writer::Writer;
use crate::features::plan::Plan;
use crate::plan_json::wrong;
use indexmap::IndexMap;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rustc_hash::FxBuildHasher;
use std::hash::Hash;
use std::sync::Arc;

pub const MARK: &[u8] = b"\xc1S";
const PARTS: usize = 16;
/// Keys and values of a session are the low 32 bits of marks.
pub const LOW32: u64 = 0xffff_ffff;

pub type Ordered<K, V> = IndexMap<K, V, FxBuildHasher>;

/// What one session has shown so far.
#[pyclass(module = "habitus_native")]
pub struct SessionScores {
    #[pyo3(get)]
    pub mark: u64,
    pub day: i64,
    pub previous_tool: String,
    pub slots: Ordered<u64, (u8, f64)>,
    pub seen: Ordered<u64, u64>,
    pub best: Ordered<u64, f64>,
    pub fresh: Ordered<u64, u64>,
    pub touched: Ordered<Arc<str>, u64>,
    pub amounts: Ordered<u64, f64>,
    pub distinct: Ordered<u64, u64>,
    pub repeats: Ordered<u64, u64>,
    pub bits: Ordered<u64, f64>,
    pub subjects: Ordered<u64, Subject>,
    pub rarities: Ordered<Arc<str>, f64>,
    #[pyo3(get)]
    pub combined: f64,
    pub lead: Option<Arc<str>>,
}

#[pymethods]
impl SessionScores {
    #[getter]
    fn lead(&self) -> Option<&str> {
        self.lead.as_deref()
    }

    #[setter]
    fn set_lead(&mut self, family: Option<&str>) {
        self.lead = family.map(Arc::from);
    }

    #[getter]
    fn amounts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        floats(py, &self.amounts)
    }

    #[getter]
    fn bits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        floats(py, &self.bits)
    }

    #[getter]
    fn rarities<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let found = PyDict::new(py);
        for (family, rarity) in &self.rarities {
            found.set_item(&**family, rarity)?;
        }
        Ok(found)
    }

    #[getter]
    fn subjects<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let found = PyDict::new(py);
        for (series, subject) in &self.subjects {
            found.set_item(series, Bound::new(py, subject.clone())?)?;
        }
        Ok(found)
    }
}

/// A table of numbers for Python.
pub fn floats<'py>(py: Python<'py>, all: &Ordered<u64, f64>) -> PyResult<Bound<'py, PyDict>> {
    let found = PyDict::new(py);
    for (key, value) in all {
        found.set_item(key, value)?;
    }
    Ok(found)
}

fn write_map<K: Hash + Eq, V>(
    out: &mut Writer,
    all: &Ordered<K, V>,
    mut write: impl FnMut(&mut Writer, &K, &V),
) {
    out.map(all.len());
    all.iter().for_each(|(key, value)| write(out, key, value));
}

fn read_map<'a, K: Hash + Eq, V>(
    from: &mut Reader<'a>,
    mut read: impl FnMut(&mut Reader<'a>) -> Read<(K, V)>,
) -> Read<Ordered<K, V>> {
    let mut all = Ordered::default();
    for _ in 0..from.map()? {
        let (key, value) = read(from)?;
        all.insert(key, value);
    }
    Ok(all)
}

fn float(out: &mut Writer, key: &u64, value: &f64) {
    out.unsigned(*key);
    out.float(*value);
}

fn number(out: &mut Writer, key: &u64, value: &u64) {
    out.unsigned(*key);
    out.unsigned(*value);
}

impl SessionScores {
    pub fn new(mark: u64) -> Self {
        SessionScores {
            mark,
            day: -1,
            previous_tool: "START".to_owned(),
            slots: Ordered::default(),
            seen: Ordered::default(),
            best: Ordered::default(),
            fresh: Ordered::default(),
            touched: Ordered::default(),
            amounts: Ordered::default(),
            distinct: Ordered::default(),
            repeats: Ordered::default(),
            bits: Ordered::default(),
            subjects: Ordered::default(),
            rarities: Ordered::default(),
            combined: 0.0,
            lead: None,
        }
    }

    /// The bytes that the reference stores.
    pub fn dump(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.out.extend(MARK);
        out.array(PARTS);
        out.unsigned(self.mark);
        out.signed(self.day);
        out.text(&self.previous_tool);
        write_map(&mut out, &self.slots, |out, key, (level, bits)| {
            out.unsigned(*key);
            out.array(2);
            out.unsigned(u64::from(*level));
            out.float(*bits);
        });
        write_map(&mut out, &self.seen, number);
        write_map(&mut out, &self.best, float);
        write_map(&mut out, &self.fresh, number);
        write_map(&mut out, &self.touched, |out, family, events| {
            out.text(family);
            out.unsigned(*events);
        });
        write_map(&mut out, &self.amounts, float);
        write_map(&mut out, &self.distinct, number);
        write_map(&mut out, &self.repeats, number);
        write_map(&mut out, &self.bits, float);
        write_map(&mut out, &self.subjects, |out, key, subject| {
            out.unsigned(*key);
            subject.write(out);
        });
        write_map(&mut out, &self.rarities, |out, family, rarity| {
            out.text(family);
            out.float(*rarity);
        });
        out.float(self.combined);
        match &self.lead {
            Some(lead) => out.text(lead),
            None => out.nil(),
        }
        out.out
    }

    /// Read what `dump` wrote, without its mark.
    pub fn load(plan: &Plan, raw: &[u8]) -> Read<SessionScores> {
        let mut from = Reader::new(raw);
        let parts = from.array()?;
        if parts != PARTS {
            return Err(wrong(&format!("{parts} parts, expected {PARTS}")));
        }
        let family = |name: &str| match plan.family_places.get_key_value(name) {
            Some((known, _)) => known.clone(),
            None => name.into(),
        };
        let of_float = |from: &mut Reader<'_>| Ok((from.unsigned()?, from.float()?));
        let of_number = |from: &mut Reader<'_>| Ok((from.unsigned()?, from.unsigned()?));
        let found = SessionScores {
            mark: from.unsigned()?,
            day: from.signed()?,
            previous_tool: from.text()?.to_owned(),
            slots: read_map(&mut from, |from| {
                let key = from.unsigned()?;
                from.array()?;
                Ok((key, (from.unsigned()? as u8, from.float()?)))
            })?,
            seen: read_map(&mut from, of_number)?,
            best: read_map(&mut from, of_float)?,
            fresh: read_map(&mut from, of_number)?,
            touched: read_map(&mut from, |from| Ok((family(from.text()?), from.unsigned()?)))?,
            amounts: read_map(&mut from, of_float)?,
            distinct: read_map(&mut from, of_number)?,
            repeats: read_map(&mut from, of_number)?,
            bits: read_map(&mut from, of_float)?,
            subjects: read_map(&mut from, |from| Ok((from.unsigned()?, Subject::read(from)?)))?,
            rarities: read_map(&mut from, |from| Ok((family(from.text()?), from.float()?)))?,
            combined: from.float()?,
            lead: if from.skip_nil() { None } else { Some(family(from.text()?)) },
        };
        from.end()?;
        Ok(found)
    }
}

/// `models.errors.StateError`.
pub fn state_error(py: Python<'_>, text: &str) -> PyErr {
    let kind = py.import("models.errors").and_then(|errors| errors.getattr("StateError"));
    match kind.and_then(|kind| kind.call1((text,))) {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}
