//! State shared with the reference: the parts of `models.engine.Engine`, by name.

use crate::calibration::session_calibration::SessionPools;
use crate::peers::baselines::PeerBaselines;
use crate::peers::groups::Groups;
use crate::provenance::backend::ProvenanceDetector;
use crate::provenance::open_sessions::OpenSessions;
use crate::watch::heard::Heard;
use pyo3::prelude::*;

#[derive(FromPyObject)]
pub struct Engine<'py> {
    pub config: Bound<'py, PyAny>,
    pub policy: Bound<'py, PyAny>,
    pub content: Py<ProvenanceDetector>,
    pub sessions: Py<OpenSessions>,
    pub fleet: Fleet,
    pub watcher: Watcher,
}

/// Parts of `models.peers.fleet.Fleet`.
#[derive(FromPyObject)]
pub struct Fleet {
    pub groups: Py<Groups>,
    pub sessions: Py<SessionPools>,
    pub together: Py<SessionPools>,
    pub baselines: Py<PeerBaselines>,
    pub count_active_agent: Py<PyAny>,
}

/// Parts of `models.watch.watcher.Watcher`.
#[derive(FromPyObject)]
pub struct Watcher {
    pub heard: Py<Heard>,
}

/// Values of `models.peers.fleet.Head`.
#[derive(FromPyObject)]
pub struct Head {
    pub version: i64,
    pub epoch_us: i64,
    pub published_us: i64,
    pub watermark_us: i64,
}
