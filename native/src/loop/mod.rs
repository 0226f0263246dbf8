//! The loop over ordinary events; `models.fast_path`.

pub mod agent;
pub mod batch;
pub mod config;
pub mod engine;
pub mod judge;
pub mod lookahead;
pub mod numbers;
pub mod one_event;
pub mod python_calls;
pub mod run;
pub mod scoring;
pub mod session_lookup;
