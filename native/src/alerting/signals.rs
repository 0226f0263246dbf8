//! Signals: what each detector says of a session; `models.alerting.signals`.

use crate::baseline::subject::Subject;
use pyo3::prelude::*;

/// One detector's word on a session.
#[pyclass(frozen, get_all, module = "habitus_native")]
pub struct Signal {
    pub detector: String,
    pub family: String,
    pub subject: Option<Subject>,
    pub bits: f64,
    pub rarity: f64,
    pub fresh: bool,
}
