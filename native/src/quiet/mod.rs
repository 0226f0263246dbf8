//! The loop over quiet events: those that are no case, no note, and change nothing but what is
//! learned. `models.engine.Engine` is the reference, and judges all others.

pub mod batch;
pub mod calls;
pub mod content;
pub mod event;
pub mod filing;
pub mod judge;
pub mod known;
pub mod numbers;
pub mod sessions;
