//! What is measured of an event beside its categories; `models.watch`.

pub mod amounts;
pub mod counting;
pub mod excess;
pub mod haste;
pub mod heard;
pub mod measure;
pub mod mixture;
pub mod order;
pub mod sizes;
pub mod tail;
pub mod week;
