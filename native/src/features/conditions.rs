//! Conditions on the fields of an event; `models.features.conditions`.

use crate::features::containers::{cut, lower};
use crate::features::fields::{Fields, Place};
use crate::features::plan::Plan;
use pyo3::prelude::*;
use rustc_hash::FxHashMap;

const MAX_REMEMBERED: usize = 50_000;

/// A test of a value.
#[derive(PartialEq)]
pub struct Test {
    pub equal: Vec<String>,
    pub words: Vec<String>,
    pub parts: Vec<Vec<String>>,
}

/// Which tests values passed, a bit for each.
pub type Passed = u128;

/// A field, or a field of records, with the tests of its values: their bits and they themselves.
pub struct TestedField {
    pub kind: Option<usize>,
    pub field: Place,
    pub tests: Vec<(Passed, Test)>,
    /// Whether all of them compare the value with a few others.
    pub compares: bool,
}

/// Remembers which values passed which tests.
#[derive(Default)]
pub struct Tested {
    known: Vec<FxHashMap<Box<str>, Passed>>,
}

impl Tested {
    /// The tests that any value of an event passes.
    pub fn passed(&mut self, py: Python<'_>, plan: &Plan, fields: &Fields<'_>) -> PyResult<Passed> {
        self.known.resize_with(plan.tested.len(), FxHashMap::default);
        let mut passed = 0;
        for (of, known) in plan.tested.iter().zip(&mut self.known) {
            for value in fields.values(of.kind, of.field) {
                if of.compares {
                    let equal = |(_, test): &&(_, Test)| test.equal.iter().any(|one| one == value);
                    passed |= of.tests.iter().filter(equal).fold(0, |all, (bit, _)| all | bit);
                    continue;
                }
                if let Some(&found) = known.get(value) {
                    passed |= found;
                    continue;
                }
                if known.len() >= MAX_REMEMBERED {
                    known.clear();
                }
                let mut found = 0;
                for (bit, test) in &of.tests {
                    if test.of(py, value, plan.constants.max_tested)? {
                        found |= bit;
                    }
                }
                known.insert(value.into(), found);
                passed |= found;
            }
        }
        Ok(passed)
    }
}

/// Whether a condition holds: of each group one test is passed.
pub fn holds(passed: Passed, when: &[Passed]) -> bool {
    when.iter().all(|group| passed & group != 0)
}

impl Test {
    fn of(&self, py: Python<'_>, value: &str, maximum: usize) -> PyResult<bool> {
        if self.equal.iter().any(|one| one == value) {
            return Ok(true);
        }
        if self.words.is_empty() && self.parts.is_empty() {
            return Ok(false);
        }
        let text = lower(py, cut(value, maximum))?;
        if self.words.iter().any(|word| text.contains(word.as_str())) {
            return Ok(true);
        }
        if self.parts.is_empty() {
            return Ok(false);
        }
        let between = |one: char| {
            one.is_whitespace() || "/._:-".contains(one) || ('\x1c'..='\x1f').contains(&one)
        };
        let found: Vec<&str> = text.split(between).collect();
        let has = |words: &Vec<String>| words.iter().any(|word| found.contains(&word.as_str()));
        Ok(self.parts.iter().all(has))
    }
}
