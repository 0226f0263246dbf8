//! From scores to p-values; `models.calibration`.

pub mod score_window;
pub mod session_calibration;
