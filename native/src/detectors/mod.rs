//! What scores an event against the past; `models.detectors`.

pub mod amounts;
pub mod moment;
pub mod novelty;
pub mod promises;
pub mod relations;
pub mod rules;
pub mod slow_change;
pub mod spread;
pub mod traces;
