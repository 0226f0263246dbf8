//! The inner loops of Habitus, compiled. `models/` holds the same arithmetic in Python and is the
//! reference: both give the same numbers, bit for bit. A file has the name and the folder of the
//! module that it compiles; `json/` and `loop/` have no counterpart in Python.

use pyo3::prelude::*;

/// An event makes many small allocations: the allocator of the system takes a seventh more time.
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod baseline;
mod calibration;
mod changing;
mod codec;
mod config;
mod deciding;
mod features;
mod float_sums;
mod json;
mod learning;
mod r#loop;
mod narrower;
mod peers;
mod prefetch;
mod provenance;
mod ranked;
mod rules;
mod together;
mod trust;
mod units;
mod watch;

#[pymodule]
fn habitus_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("__sources__", env!("HABITUS_NATIVE_SOURCES"))?;
    module.add_function(wrap_pyfunction!(codec::compacted, module)?)?;
    module.add_function(wrap_pyfunction!(codec::expanded, module)?)?;
    module.add_class::<codec::hashing::Hashes>()?;
    module.add_class::<codec::sealing::Seals>()?;
    module.add_class::<provenance::session::Session>()?;
    module.add_class::<provenance::session::CallScore>()?;
    module.add_class::<provenance::session::TaintedValue>()?;
    module.add_class::<provenance::backend::ProvenanceDetector>()?;
    module.add_class::<provenance::open_sessions::OpenSessions>()?;
    module.add_class::<peers::groups::Groups>()?;
    module.add_class::<peers::view::View>()?;
    module.add_class::<peers::baselines::PeerBaselines>()?;
    module.add_class::<baseline::frequency_model::FrequencyModel>()?;
    module.add_class::<baseline::surprise::Surprise>()?;
    module.add_class::<calibration::session_calibration::SessionPools>()?;
    module.add_class::<calibration::p_values::Calibrated>()?;
    module.add_class::<watch::heard::Heard>()?;
    module.add_class::<watch::heard::Voice>()?;
    module.add_class::<r#loop::agent::Agent>()?;
    module.add_class::<r#loop::batch::ActionBatch>()?;
    module.add_class::<r#loop::judge::Judge>()
}
