//! What agents share; `models.peers`.

pub mod knowledge;
