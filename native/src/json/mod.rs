//! Strict reading of the native format; what is unusual about a record is left to Python.

pub mod action;
pub mod kinds;
pub mod timestamps;
pub mod values;
