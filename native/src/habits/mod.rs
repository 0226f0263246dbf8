//! Habits of agents and what their peers do: counts, votes, score windows, and p-values from them.

mod agent;
mod calibrate;
mod chains;
mod counts;
mod different;
mod group;
mod groups;
mod places;
mod pools;
mod stored;
mod surprise;
mod view;
mod votes;
mod window;

use pyo3::prelude::*;

pub use agent::Habits;
pub use calibrate::{Calibrated, Statistics, Whose, SUM, VOLUME};
pub use chains::Chains;
pub use counts::{power, power_of_two};
pub use groups::{Groups, FLEET_NAME, MOST_NAME};
pub use places::Places;
pub use pools::SessionPools;
pub use surprise::Surprise;
pub use view::View;

/// Declared features, `models.features.extraction.FEATURES`.
pub const FEATURES: usize = 16;
/// Most features and contexts together.
pub const PLACES: usize = 2 * FEATURES;
/// `models.features.extraction.METRICS`.
pub const METRICS: usize = 18;
/// `models.ranked.STATISTICS`.
pub const STATISTICS: usize = 4;
/// Score windows of a group: of the statistics, of each feature, of each metric.
pub const WINDOWS: usize = STATISTICS + FEATURES + METRICS;
/// `models.ranked.LEAST_BITS`.
pub const LEAST_BITS: f64 = 5.0;

/// What is read of `models.config.ModelConfig`.
#[derive(Clone)]
pub struct Config {
    pub half_life_days: f64,
    pub daily_cap: i64,
    pub agent_window: u64,
    pub peer_window: u64,
    pub pool_minimum: u64,
}

impl Config {
    fn of(config: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Config {
            half_life_days: config.getattr("half_life_days")?.extract()?,
            daily_cap: config.getattr("daily_cap")?.extract()?,
            agent_window: config.getattr("agent_window")?.extract()?,
            peer_window: config.getattr("peer_window")?.extract()?,
            pool_minimum: config.getattr("pool_minimum")?.extract()?,
        })
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<groups::Groups>()?;
    module.add_class::<view::View>()?;
    module.add_class::<agent::Habits>()?;
    module.add_class::<pools::SessionPools>()?;
    module.add_class::<surprise::Surprise>()?;
    module.add_class::<calibrate::Calibrated>()
}
