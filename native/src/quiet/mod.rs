//! Events that are as usual, judged whole; the reference is `models.engine`.

mod act;
mod acts;
mod agent;
mod ahead;
mod amounts;
mod answer;
mod asked;
mod bench;
mod changing;
mod config;
mod counting;
mod deciding;
mod ending;
mod engine;
mod excess;
mod facts;
mod haste;
mod heard;
mod judge;
mod kinds;
mod learning;
mod level;
mod measure;
mod meeting;
mod mixture;
mod narrower;
mod numbers;
mod order;
mod peer_levels;
mod rules;
mod run;
mod scoring;
mod sizes;
mod subject;
mod tail;
mod texts;
mod together;
mod trust;
mod values;
mod week;
mod when;
mod words;

use pyo3::prelude::*;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<acts::Acts>()?;
    module.add_class::<agent::Agent>()?;
    module.add_class::<heard::Heard>()?;
    module.add_class::<heard::Voice>()?;
    module.add_class::<judge::Judge>()?;
    module.add_class::<peer_levels::PeerLevels>()
}
