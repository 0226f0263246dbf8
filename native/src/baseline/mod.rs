//! What is remembered of an agent and of a session; `models.baseline`.

pub mod open_day;
pub mod profile;
pub mod session;
pub mod subject;
