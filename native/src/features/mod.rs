//! From an event to the fields that features, counters and rules are declared over;
//! `models.features`.

pub mod arguments;
pub mod conditions;
pub mod containers;
pub mod fields;
pub mod network;
pub mod plan;
pub mod reading;
pub mod told;
