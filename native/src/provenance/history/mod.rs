//! The learned history of a role: `models.provenance.history`.

pub mod bounded_table;
pub mod history_cleaning;
pub mod learning;
pub mod request_clusters;
pub mod session_votes;
pub mod similarity;
pub mod snapshot;
pub mod stored_tables;
pub mod vote_retraction;
