//! What enters the baseline after an event was scored; `models.learning`.

pub mod learner;
pub mod roll_forward;
