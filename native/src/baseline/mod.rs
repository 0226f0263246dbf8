//! Expected behaviour of one agent in one mode; `models.baseline`.

pub mod agent_state;
pub mod counts;
pub mod distinct_values;
pub mod frequency_bytes;
pub mod frequency_model;
pub mod profile;
pub mod surprise;
pub mod volume_baseline;
