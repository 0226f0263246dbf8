//! Whether amounts of a call may go beyond what was asked for; `models.watch.excess`, which tells how
//! far.

use super::act::{Act, Operation};
use super::bench::Bench;
use pyo3::prelude::*;

const SIGNS: [char; 5] = ['+', '-', '$', '€', '£'];

impl Bench<'_, '_> {
    /// Whether the reference has to tell: a number stands nowhere, and there is a request.
    pub fn may_exceed(&mut self, act: &Act<'_>, request: &str) -> PyResult<bool> {
        let Some(origins) = act.argument_origins.as_deref() else { return Ok(false) };
        let mut values = origins.iter().flat_map(|(_, values)| values);
        let asked = request.bytes().any(|byte| byte.is_ascii_digit());
        let untold = asked && values.any(|(value, told)| told.is_empty() && is_number(value));
        Ok(untold && self.operation_of(act)? != Operation::Read)
    }
}

/// Whether a text may be an amount.
fn is_number(text: &str) -> bool {
    text.trim_start_matches(SIGNS).starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::is_number;

    #[test]
    fn whatever_may_be_an_amount_is_a_number() {
        assert!(["7", "-$1,250.50", "€5", "+£3 $"].into_iter().all(is_number));
        assert!(!["", "-", " 7", "Lily", "DE8937040044", "$"].into_iter().any(is_number));
    }
}
