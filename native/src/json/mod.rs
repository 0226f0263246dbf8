//! Strict reading of the native format. Python reads irregular records.

pub mod action;
pub mod kinds;
pub mod timestamps;
pub mod values;
