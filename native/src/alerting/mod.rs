//! From the rarities of families to a case; `models.alerting`.

pub mod combination;
pub mod signals;
pub mod weighing;
