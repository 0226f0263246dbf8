//! Parameters read from `models.config.ModelConfig`.

use pyo3::prelude::*;

/// The parameters that counts and windows need.
#[derive(Clone)]
pub struct Config {
    pub half_life_days: f64,
    pub daily_cap: i64,
    pub agent_window: u64,
    pub peer_window: u64,
    pub pool_minimum: u64,
}

impl Config {
    pub fn of(config: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Config {
            half_life_days: config.getattr("half_life_days")?.extract()?,
            daily_cap: config.getattr("daily_cap")?.extract()?,
            agent_window: config.getattr("agent_window")?.extract()?,
            peer_window: config.getattr("peer_window")?.extract()?,
            pool_minimum: config.getattr("pool_minimum")?.extract()?,
        })
    }
}
