//! Trust of an agent; `models.trust`.

pub mod update;
