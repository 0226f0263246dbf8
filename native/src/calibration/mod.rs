//! From scores to p-values; `models.calibration`.

pub mod p_values;
pub mod score_window;
pub mod session_calibration;
