//! From scores to p-values, and from bits to rarities; `models.calibration`.

pub mod day_maxima;
pub mod fading;
pub mod novelty_rates;
pub mod rate_tables;
pub mod rates;
pub mod score_window;
pub mod session_calibration;
