//! What assembling events costs most: `pipeline.assembling`.

pub mod word_sums;
