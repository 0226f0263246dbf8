//! Scores the arguments of calls by their provenance: `models.provenance`, compiled.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

pub mod argument_detector;
pub mod backend;
pub mod call_scoring;
pub mod cross_task_spread;
pub mod deobfuscation;
pub mod entity_binding;
pub mod history;
pub mod novelty;
pub mod novelty_prior;
pub mod open_sessions;
pub mod request;
pub mod session;
pub mod session_uses;
pub mod taint;
pub mod text;
pub mod tool_shares;

/// A name or a key with its stored bytes.
pub type Stored<'py, Key> = (Key, Bound<'py, PyBytes>);

/// The error of the reference for bytes that cannot be read.
pub fn state_error(py: Python<'_>, error: PyErr) -> PyErr {
    let made = py
        .import("models.errors")
        .and_then(|errors| errors.getattr("StateError")?.call1((error.value(py).to_string(),)));
    made.map_or(error, |made| PyErr::from_value(made))
}
