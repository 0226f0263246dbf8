//! The bits of one act; `models.habits.Surprise`.

use super::places::Category;
use super::FEATURES;
use pyo3::prelude::*;

/// The categories of an act, in bits.
#[pyclass(frozen)]
#[derive(Default)]
pub struct Surprise {
    categories: [Category; FEATURES],
    bits: [f64; FEATURES],
    length: usize,
    #[pyo3(get)]
    pub total: f64,
    #[pyo3(get)]
    most: f64,
    #[pyo3(get)]
    pub peak: f64,
    #[pyo3(get)]
    pub order: f64,
    #[pyo3(get)]
    pub steady: f64,
}

impl Surprise {
    /// Take in one category with its bits; one that goes on from another is not summed up.
    pub fn push(&mut self, found: Category, bits: f64, summed: bool) {
        self.categories[self.length] = found;
        self.bits[self.length] = bits;
        self.length += 1;
        if summed {
            self.total += bits;
            self.most = self.most.max(bits);
        }
    }

    /// Take in how rare one category is among the peers.
    pub fn rare(&mut self, bits: f64, steady: bool) {
        self.peak = self.peak.max(bits);
        if steady {
            self.steady = self.steady.max(bits);
        }
    }

    pub fn each(&self) -> impl Iterator<Item = (Category, f64)> + '_ {
        self.categories.iter().copied().zip(self.bits).take(self.length)
    }
}

#[pymethods]
impl Surprise {
    /// (feature, bits, value, node after its context) of each category.
    #[getter]
    fn found(&self) -> Vec<(usize, f64, u32, u32)> {
        self.each().map(|(found, bits)| (found.index, bits, found.value, found.inside)).collect()
    }
}
