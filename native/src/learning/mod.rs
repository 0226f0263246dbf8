//! What the agents share; `models.learning`.

pub mod change_log;
pub mod contribution;
pub mod rows;
pub mod shared;
