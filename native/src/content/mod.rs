//! Content: what calls carry, and the sessions they belong to; `models.provenance`, compiled.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

mod ballots;
mod detector;
mod journal;
mod kernel;
mod learning;
mod most;
mod names;
mod novelty;
mod open;
mod rates;
mod reader;
mod rewritten;
mod scene;
mod second_look;
mod seeing;
mod session;
mod similarity;
mod table;
mod tables;
mod text;
mod tracing;
mod uses;
mod voting;
mod wandering;

pub use detector::Detector;
pub use journal::{Journal, Shared};
pub use kernel::ContentKernel;
pub use learning::note;
pub use novelty::OUTSIDE;
pub use open::OpenSessions;
pub use session::{Content, Session};

/// A name or a key, and the bytes stored under it.
type Stored<'py, Key> = (Key, Bound<'py, PyBytes>);

/// The error of the reference for bytes that cannot be read.
fn state_error(py: Python<'_>, error: PyErr) -> PyErr {
    let made = py
        .import("models.errors")
        .and_then(|errors| errors.getattr("StateError")?.call1((error.value(py).to_string(),)));
    made.map_or(error, |made| PyErr::from_value(made))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<session::Session>()?;
    module.add_class::<session::Content>()?;
    module.add_class::<session::Carrier>()?;
    module.add_class::<kernel::ContentKernel>()?;
    module.add_class::<open::OpenSessions>()
}
