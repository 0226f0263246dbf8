//! Values read from Python once: parameters of the model, and indices of metrics.

use crate::units::MINUTE_US;
use crate::watch::counting::{COUNTED, COUNTS};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::collections::HashMap;

/// Parameters of `models.config.ModelConfig`, without those of the frequency model.
pub struct Config {
    pub alerts_per_day: f64,
    pub gate: f64,
    pub session_minimum: u64,
    pub credential_us: i64,
    pub drift_bits: f64,
    pub stray_limit: i64,
    /// CUSUM of a tool from which on a leak is reported.
    pub leak: f64,
    pub snapshot_us: i64,
    pub excess_bits: f64,
    /// Windows of degraded telemetry, which are not learned.
    degraded: Vec<(i64, i64)>,
}

/// Indices of metrics in `models.features.extraction.METRICS`.
pub struct Metrics {
    pub counted: [usize; COUNTS],
    pub out_day: usize,
    pub drift: usize,
    pub disorder: usize,
    pub astray: usize,
    /// Bits of each metric that a new version may change permanently.
    pub shifting: HashMap<usize, f64>,
}

impl Config {
    pub fn of(config: &Bound<'_, PyAny>) -> PyResult<Self> {
        let number = |name: &str| -> PyResult<f64> { config.getattr(name)?.extract() };
        let whole = |name: &str| -> PyResult<i64> { config.getattr(name)?.extract() };
        let constant = |module: &str, name: &str| -> PyResult<f64> {
            config.py().import(module)?.getattr(name)?.extract()
        };
        Ok(Config {
            leak: constant("models.watch.leak", "ALARM")?,
            alerts_per_day: number("alerts_per_day")?,
            gate: number("gate")?,
            session_minimum: config.getattr("session_minimum")?.extract()?,
            credential_us: whole("credential_minutes")? * MINUTE_US,
            drift_bits: number("drift_tests")?.log2(),
            stray_limit: whole("stray_limit")?,
            snapshot_us: whole("snapshot_minutes")? * MINUTE_US,
            excess_bits: number("excess_bits")?,
            degraded: config.getattr("degraded")?.extract()?,
        })
    }

    /// Whether telemetry is degraded at a time.
    pub fn is_degraded(&self, time_us: i64) -> bool {
        self.degraded.iter().any(|&(start, end)| (start..end).contains(&time_us))
    }
}

impl Metrics {
    pub fn of(py: Python<'_>) -> PyResult<Self> {
        let names: Vec<String> =
            py.import("models.features.extraction")?.getattr("METRICS")?.extract()?;
        let at = |name: &str| -> PyResult<usize> {
            let text = || {
                PyValueError::new_err(format!("models.features.extraction has no metric {name:?}"))
            };
            names.iter().position(|known| known == name).ok_or_else(text)
        };
        let mut counted = [0; COUNTS];
        for (index, (name, _)) in counted.iter_mut().zip(COUNTED) {
            *index = at(name)?;
        }
        let shifting = py.import("models.watch.measure")?.getattr("SHIFTING")?.extract()?;
        let (out_day, drift) = (at("bytes_out_day")?, at("drift")?);
        let (disorder, astray) = (at("disorder")?, at("astray")?);
        Ok(Metrics { counted, out_day, drift, disorder, astray, shifting })
    }
}
