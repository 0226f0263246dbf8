//! Behaviour of peers; `models.peers`.

pub mod baselines;
pub mod counts;
pub mod group;
pub mod groups;
pub mod last_values;
pub mod view;
