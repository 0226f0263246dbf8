//! The inner loops of Habitus, compiled. `models/` holds the same arithmetic in Python and is the
//! reference: both give the same numbers, bit for bit. A file has the name and the folder of the
//! module that it compiles.

use pyo3::prelude::*;

/// An event makes many small allocations: the allocator of the system takes a seventh more time.
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod alerting;
mod assembling;
mod baseline;
mod calibration;
mod codec;
mod detectors;
mod features;
mod float_sums;
mod json;
mod learning;
mod peers;
mod plan_json;
mod provenance;
mod quiet;
mod scorer;
mod scores;
mod scoring;
mod trust;
mod units;

extern "C" {
    fn mi_option_set(option: std::ffi::c_int, value: std::ffi::c_long);
}

/// `mi_option_purge_delay`, in milliseconds.
const PURGE_DELAY: std::ffi::c_int = 15;

/// Keep freed memory for a second: a batch takes again what the one before has freed.
fn keep_memory() {
    // SAFETY: a function of the linked allocator on two numbers.
    unsafe { mi_option_set(PURGE_DELAY, 1_000) }
}

#[pymodule]
fn habitus_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    keep_memory();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("__sources__", env!("HABITUS_NATIVE_SOURCES"))?;
    module.add_function(wrap_pyfunction!(assembling::word_sums::word_sums, module)?)?;
    module.add_function(wrap_pyfunction!(codec::compacted, module)?)?;
    module.add_function(wrap_pyfunction!(codec::expanded, module)?)?;
    module.add_class::<codec::hashing::Hashes>()?;
    module.add_class::<codec::sealing::Seals>()?;
    module.add_class::<provenance::session::Session>()?;
    module.add_class::<provenance::session::CallScore>()?;
    module.add_class::<provenance::session::TaintedValue>()?;
    module.add_class::<provenance::backend::ProvenanceDetector>()?;
    module.add_class::<provenance::open_sessions::OpenSessions>()?;
    module.add_class::<calibration::session_calibration::SessionPools>()?;
    module.add_class::<baseline::profile::Profile>()?;
    module.add_class::<baseline::session::SessionScores>()?;
    module.add_class::<baseline::open_scores::OpenScores>()?;
    module.add_class::<baseline::subject::Subject>()?;
    module.add_class::<scores::Scores>()?;
    module.add_class::<quiet::batch::ActionBatch>()?;
    module.add_class::<quiet::judge::QuietJudge>()?;
    module.add_class::<scorer::Scorer>()
}
