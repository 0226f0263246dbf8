//! The inner loops of Habitus, compiled. `models/` holds the same arithmetic in Python and is the
//! reference: both give the same numbers, bit for bit.

use pyo3::prelude::*;

/// An event makes and drops many small things: a seventh of its time goes with the system's own.
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod canonical;
mod content;
mod fetching;
mod habits;
mod hashing;
mod pack;
mod quiet;
mod sealing;
mod sums;
mod units;

#[pymodule]
fn habitus_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("__sources__", env!("HABITUS_NATIVE_SOURCES"))?;
    module.add_class::<hashing::Hashes>()?;
    module.add_class::<sealing::Seals>()?;
    pack::register(module)?;
    content::register(module)?;
    habits::register(module)?;
    quiet::register(module)
}
