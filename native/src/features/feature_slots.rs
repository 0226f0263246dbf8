//! Keys of the counts of each feature.

use crate::baseline::counts::MISSING;
use crate::codec::hashing::{mix, Hasher};
use crate::features::{FEATURES, TEXTS};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

const LOW31: u64 = 0x7FFF_FFFF;
const FARTHEST: usize = 2;
const NEIGHBOUR_BITS: f64 = 3.0;

/// One feature: its node, the probability of an unused value, and its context.
pub struct FeatureSlot {
    pub node: u32,
    pub uniform: f64,
    context: Option<usize>,
    /// Earlier feature of the same values whose chain this one extends.
    pub extends: Option<usize>,
    /// Whether a new value is surprising by itself.
    pub alone: bool,
    /// Whether a new version of the agent leaves it unchanged.
    pub steady: bool,
    /// Whether peers have counts after a context as well.
    pub together: bool,
    /// Ordered values. A value near a typical one is less surprising than a distant one.
    row: Vec<u32>,
}

impl FeatureSlot {
    /// Values near another one in the order, each with its distance in bits.
    pub fn neighbours(&self, value: u32) -> impl Iterator<Item = (u32, f64)> + '_ {
        let here = self.row.iter().position(|known| *known == value);
        let off = move |there: usize| here.map(|here| here.abs_diff(there));
        self.row.iter().enumerate().filter_map(move |(there, &other)| {
            let off = off(there).filter(|off| (1..=FARTHEST).contains(off))?;
            Some((other, NEIGHBOUR_BITS * off as f64))
        })
    }
}

/// All declared features, and their names in an action.
pub struct FeatureSlots {
    pub all: Vec<FeatureSlot>,
    /// Features first, then contexts that are not features.
    names: Vec<Py<PyString>>,
}

/// One category of an action: hashed value, and node after its context (0: none).
#[derive(Clone, Copy, Default)]
pub struct Category {
    pub index: usize,
    pub value: u32,
    pub context_node: u32,
    /// Indices of its node, and of the node after its context, in an agent's counts.
    pub at: [u32; 2],
}

impl FeatureSlots {
    /// Read `models.features.extraction.FEATURES`.
    pub fn declared(py: Python<'_>, hasher: &Hasher) -> PyResult<Self> {
        let features = py.import("models.features.extraction")?.getattr("FEATURES")?;
        let number = features.len()?;
        if number != FEATURES {
            let text =
                format!("models.features.extraction has {number} features, expected {FEATURES}");
            return Err(PyValueError::new_err(text));
        }
        let mut names: Vec<String> = Vec::new();
        for feature in features.try_iter()? {
            names.push(feature?.getattr("name")?.extract()?);
        }
        let mut all = Vec::new();
        for feature in features.try_iter()? {
            let feature = feature?;
            let universe: f64 = feature.getattr("universe")?.extract()?;
            let context: Option<String> = feature.getattr("context")?.extract()?;
            let context = context.map(|name| {
                names.iter().position(|known| *known == name).unwrap_or_else(|| {
                    names.push(name);
                    names.len() - 1
                })
            });
            let extends: Option<String> = feature.getattr("extends")?.extract()?;
            let extends = extends.and_then(|name| names.iter().position(|known| *known == name));
            let alone: bool = feature.getattr("alone")?.extract()?;
            let steady: bool = feature.getattr("steady")?.extract()?;
            let together: bool = feature.getattr("together")?.extract()?;
            let row: Vec<String> = feature.getattr("row")?.extract()?;
            let row = row.iter().map(|value| hasher.of(value) as u32).collect();
            let hash = hasher.of(&format!("feature:{}", names[all.len()]));
            all.push(FeatureSlot {
                node: (hash & LOW31) as u32,
                uniform: 1.0 / universe,
                context,
                extends,
                alone,
                steady,
                together,
                row,
            });
        }
        let names = names.iter().map(|name| PyString::intern(py, name).unbind()).collect();
        Ok(FeatureSlots { all, names })
    }

    /// Name of a feature.
    pub fn name<'py>(&self, py: Python<'py>, index: usize) -> &Bound<'py, PyString> {
        self.names[index].bind(py)
    }

    /// The declared categories of an action, in the order of the features.
    pub fn of(
        &self,
        hasher: &Hasher,
        x: &Bound<'_, PyDict>,
        mut each: impl FnMut(Category),
    ) -> PyResult<()> {
        let py = x.py();
        let mut hashes = [None; TEXTS];
        for (hash, name) in hashes.iter_mut().zip(&self.names) {
            if let Some(text) = x.get_item(name.bind(py))? {
                *hash = Some(hash_of(hasher, text.cast::<PyString>()?)?);
            }
        }
        self.each(&hashes, &mut each);
        Ok(())
    }

    /// Index of a feature or context by its name.
    pub fn index_of(&self, py: Python<'_>, name: &str) -> PyResult<usize> {
        let known = |known: &Py<PyString>| known.bind(py).to_str().is_ok_and(|text| text == name);
        let text = || PyValueError::new_err(format!("models.features.extraction has no {name:?}"));
        self.names.iter().position(known).ok_or_else(text)
    }

    /// The same from hashes by the index of their feature or context.
    pub fn each(&self, hashes: &[Option<u64>; TEXTS], each: &mut impl FnMut(Category)) {
        for (index, (slot, hash)) in self.all.iter().zip(hashes).enumerate() {
            let Some(hash) = *hash else { continue };
            let context = slot.context.and_then(|at| hashes[at]);
            let context_node =
                context.map_or(0, |context| mix(u64::from(slot.node), context, 0) & LOW31);
            each(Category {
                index,
                value: hash as u32,
                context_node: context_node as u32,
                at: [MISSING; 2],
            });
        }
    }
}

fn hash_of(hasher: &Hasher, text: &Bound<'_, PyString>) -> PyResult<u64> {
    if let Ok(text) = text.to_str() {
        return Ok(hasher.of(text));
    }
    let raw = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
    Ok(hasher.once_bytes(raw.cast::<PyBytes>()?.as_bytes()))
}
