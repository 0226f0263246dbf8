//! Trust of an agent, and the trust response; `models.trust`.

pub mod response;
pub mod update;
