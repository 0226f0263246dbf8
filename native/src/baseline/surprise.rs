//! The bits of one action; `models.baseline.frequency_model.Surprise`.

use crate::features::feature_slots::Category;
use crate::features::FEATURES;
use pyo3::prelude::*;

/// Bits by which a feature must exceed its earlier peak in the session.
const FURTHER: f64 = 2.0;

/// The categories of an action, in bits.
#[pyclass(frozen)]
#[derive(Default)]
pub struct Surprise {
    categories: [Category; FEATURES],
    bits: [f64; FEATURES],
    length: usize,
    #[pyo3(get)]
    pub total: f64,
    #[pyo3(get)]
    pub maximum: f64,
    #[pyo3(get)]
    pub peak: f64,
    #[pyo3(get)]
    pub order: f64,
    #[pyo3(get)]
    pub steady: f64,
    #[pyo3(get)]
    pub rarest: f64,
    /// Excess of features far above their typical bits, else 0.
    excess: [f64; FEATURES],
    /// Bit set of those features that reached this excess in the session before.
    #[pyo3(get)]
    pub repeated: u32,
}

impl Surprise {
    /// Add one category with its bits. One that extends another chain is not summed.
    pub fn push(&mut self, found: Category, bits: f64, summed: bool) {
        self.categories[self.length] = found;
        self.bits[self.length] = bits;
        self.length += 1;
        if summed {
            self.total += bits;
            self.maximum = self.maximum.max(bits);
        }
    }

    /// Add one category far above its typical bits, with its rarity among the peers.
    pub fn rare(&mut self, index: usize, excess: f64, bits: f64, steady: bool, before: f64) {
        self.excess[index] = excess;
        self.rarest = self.rarest.max(bits);
        if excess < before + FURTHER {
            self.repeated |= 1 << index;
            return;
        }
        self.peak = self.peak.max(bits);
        if steady {
            self.steady = self.steady.max(bits);
        }
    }

    /// Features far above their typical bits, with their excess.
    pub fn excesses(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.excess.iter().copied().enumerate().filter(|(_, excess)| *excess != 0.0)
    }

    pub fn each(&self) -> impl Iterator<Item = (Category, f64)> + '_ {
        self.categories.iter().copied().zip(self.bits).take(self.length)
    }
}

#[pymethods]
impl Surprise {
    #[getter(excesses)]
    fn each_far(&self) -> Vec<(usize, f64)> {
        self.excesses().collect()
    }

    /// (feature, bits, value, node after its context) of each category.
    #[getter]
    fn found(&self) -> Vec<(usize, f64, u32, u32)> {
        self.each()
            .map(|(found, bits)| (found.index, bits, found.value, found.context_node))
            .collect()
    }
}
