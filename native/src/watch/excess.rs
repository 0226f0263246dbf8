//! Whether amounts of a call may go beyond what was asked for; `models.watch.excess`, which tells
//! how far.

use crate::json::action::{Action, Operation};
use crate::r#loop::one_event::EventJudge;
use pyo3::prelude::*;

/// In names of arguments, in lower case; where one is there the reference looks closer.
const NAMES: [&str; 14] = [
    "amount", "price", "quantit", "qty", "total", "sum", "cost", "count", "budget", "fee",
    "payment", "balance", "units", "value",
];

impl EventJudge<'_, '_> {
    /// Whether the reference has to tell: an amount stands nowhere, and there is a request.
    pub fn may_exceed(&mut self, action: &Action<'_>, request: &str) -> PyResult<bool> {
        let Some(origins) = action.argument_origins.as_deref() else { return Ok(false) };
        let untold = origins.iter().any(|(key, values)| {
            values.iter().any(|(value, told)| told.is_empty() && has_digit(value)) && is_amount(key)
        });
        Ok(untold && has_digit(request) && self.operation_of(action)? != Operation::Read)
    }
}

/// Whether an argument may be an amount, by its name.
fn is_amount(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    NAMES.iter().any(|name| key.contains(name))
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{has_digit, is_amount};

    #[test]
    fn whatever_may_be_an_amount_is_looked_at() {
        assert!(["amount", "Price_Max", "items.totalSum", "qty"].into_iter().all(is_amount));
        assert!(!["to", "due", "order_id", ""].into_iter().any(is_amount));
        assert!(has_digit("EUR 5") && !has_digit("five"));
    }
}
