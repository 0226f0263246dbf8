//! How far an agent is trusted, and the response that says so; `models.trust`.

pub mod response;
pub mod update;
