//! From an event to its categories; `models.features`.

pub mod categories;
pub mod extraction;
pub mod feature_slots;

/// Declared features, `models.features.extraction.FEATURES`.
pub const FEATURES: usize = 16;
/// Most features and contexts together.
pub const TEXTS: usize = 2 * FEATURES;
/// `models.features.extraction.METRICS`.
pub const METRICS: usize = 18;
