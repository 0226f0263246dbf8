//! Conditions on the fields of an event; `models.features.conditions`.

use crate::features::containers::{cut, lower};
use crate::features::fields::{Fields, Place};
use crate::features::plan::Plan;
use pyo3::prelude::*;
use rustc_hash::FxHashMap;

const MAX_REMEMBERED: usize = 50_000;

/// A test of one field, or of a field of records.
pub struct Test {
    pub kind: Option<usize>,
    pub field: Place,
    pub equal: Vec<String>,
    pub words: Vec<String>,
    pub parts: Vec<Vec<String>>,
}

/// Remembers which values passed which test.
#[derive(Default)]
pub struct Tested {
    known: Vec<FxHashMap<Box<str>, bool>>,
}

impl Tested {
    /// Whether a condition holds: of each group one test passes.
    pub fn holds(
        &mut self,
        py: Python<'_>,
        plan: &Plan,
        when: &[Vec<usize>],
        fields: &Fields,
    ) -> PyResult<bool> {
        self.known.resize_with(plan.tests.len(), FxHashMap::default);
        for group in when {
            let mut passed = false;
            for &test in group {
                passed = passed || self.passes(py, plan, test, fields)?;
            }
            if !passed {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn passes(
        &mut self,
        py: Python<'_>,
        plan: &Plan,
        at: usize,
        fields: &Fields,
    ) -> PyResult<bool> {
        let test = &plan.tests[at];
        let known = &mut self.known[at];
        for value in fields.values(test.kind, test.field) {
            let found = match known.get(value) {
                Some(&found) => found,
                None => {
                    if known.len() >= MAX_REMEMBERED {
                        known.clear();
                    }
                    let found = test.of(py, value, plan.constants.max_tested)?;
                    known.insert(value.into(), found);
                    found
                }
            };
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }
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
