//! What is remembered of an agent and of a session; `models.baseline`.

pub mod open_day;
pub mod open_scores;
pub mod profile;
pub mod profile_bytes;
pub mod session;
pub mod subject;
