//! What is ranked among the peers.

use crate::features::{FEATURES, METRICS};

/// `models.ranked.STATISTICS`.
pub const STATISTICS: usize = 4;
/// Score windows of a group: of the statistics, of each feature, of each metric.
pub const WINDOWS: usize = STATISTICS + FEATURES + METRICS;
/// `models.ranked.MIN_BITS`.
pub const MIN_BITS: f64 = 5.0;
