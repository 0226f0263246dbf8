//! Learning after scoring; `models.learning`.

pub mod learner;
pub mod roll_forward;
