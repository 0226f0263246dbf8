//! The interface of the provenance detector to the engine: `models.provenance.backend`.

use crate::codec::hashing::Hasher;
use crate::provenance::argument_detector::ArgumentDetector;
use crate::provenance::call_scoring::{read_origins, text};
use crate::provenance::history::learning;
use crate::provenance::history::request_clusters::RoleTable;
use crate::provenance::history::similarity::WordWeights;
use crate::provenance::history::stored_tables::{
    read_rates, read_role, read_words, write_rates, write_role, write_words, written_role, Journal,
    Shared,
};
use crate::provenance::novelty_prior::NoveltyRates;
use crate::provenance::request::{PythonText, TextParser};
use crate::provenance::session::{CallScore, Session};
use crate::provenance::{state_error, Stored};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyString};
use rustc_hash::FxHashMap;
use std::sync::{Mutex, PoisonError};

const DOCUMENTS: &str = "documents";
const RATES: &str = "rates";
const ROLE: &str = "role:";

/// The detector and the journals of its stored bytes.
struct State {
    detector: ArgumentDetector,
    journals: FxHashMap<String, Journal>,
}

/// Scores and learns the arguments of calls.
#[pyclass(module = "habitus_native")]
pub struct ProvenanceDetector {
    /// Never locked: one caller at a time has the kernel to itself. It may then move between
    /// threads.
    state: Mutex<State>,
}

impl ProvenanceDetector {
    fn state(&mut self) -> &mut State {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn detector(&mut self) -> &mut ArgumentDetector {
        &mut self.state().detector
    }
}

#[pymethods]
impl ProvenanceDetector {
    #[new]
    fn new(
        secret: &[u8],
        stems: Py<PyAny>,
        entity_names: Py<PyAny>,
        long_words: Py<PyAny>,
        normalise: Py<PyAny>,
        parse_value: Py<PyAny>,
        decoded_forms: Py<PyAny>,
    ) -> PyResult<Self> {
        let detector = ArgumentDetector {
            hasher: Hasher::new(secret)?,
            parser: TextParser::new(PythonText {
                stems,
                entity_names,
                long_words,
                normalise,
                parse_value,
                decoded_forms,
            }),
            roles: FxHashMap::default(),
            words: WordWeights::default(),
            rates: NoveltyRates::default(),
        };
        let state = State { detector, journals: FxHashMap::default() };
        Ok(ProvenanceDetector { state: Mutex::new(state) })
    }

    /// Opens a session and compares its request with the clusters.
    #[allow(clippy::too_many_arguments)] // the fields of a session
    fn open(
        &mut self,
        py: Python<'_>,
        agent_id: String,
        mode: String,
        role: String,
        purpose: Bound<'_, PyString>,
        opened_us: i64,
        seen_us: i64,
        ordinal: i64,
        learning: bool,
        trusted_history: bool,
    ) -> PyResult<Session> {
        let purpose = purpose.to_string_lossy().into_owned();
        let mut session = Session::new(
            agent_id,
            mode,
            role,
            purpose,
            opened_us,
            seen_us,
            ordinal,
            learning,
            trusted_history,
        );
        self.state().detector.compare(py, &mut session)?;
        Ok(session)
    }

    /// Scores one call of an open session; state does not change.
    fn score(
        &mut self,
        session: &mut Session,
        tool: &Bound<'_, PyString>,
        origins: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<CallScore> {
        let py = tool.py();
        let origins = origins.map(read_origins).transpose()?;
        self.state().detector.score(py, session, &text(tool), origins.as_deref())
    }

    /// Records one scored call in its session.
    fn record_call(&self, session: &mut Session, content: &CallScore) {
        learning::record_call(session, content);
    }

    /// Learns a finished session; gives false when it is skipped.
    fn close(&mut self, py: Python<'_>, session: &mut Session) -> PyResult<bool> {
        self.state().detector.close(py, session)
    }

    /// Gives the changes since the last call, or all tables; new parts replace old ones.
    #[pyo3(signature = (*, whole = false))]
    fn dump<'py>(&mut self, py: Python<'py>, whole: bool) -> Vec<Stored<'py, String>> {
        let written = self.state().dump(whole);
        written.into_iter().map(|(name, blob)| (name, PyBytes::new(py, &blob))).collect()
    }

    /// Replaces all tables by the bytes of `dump`.
    fn load(&mut self, py: Python<'_>, shared: FxHashMap<String, PyBackedBytes>) -> PyResult<()> {
        let shared: Shared = shared.into_iter().collect();
        self.state().load(&shared).map_err(|error| state_error(py, error))
    }

    /// Write an open session.
    fn dump_session<'py>(&self, py: Python<'py>, session: &Session) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &session.dump())
    }

    /// Read an open session.
    fn load_session(&self, py: Python<'_>, blob: &[u8]) -> PyResult<Session> {
        Session::load(blob).map_err(|error| state_error(py, error))
    }
}

impl State {
    fn dump(&mut self, whole: bool) -> Vec<(String, Vec<u8>)> {
        let State { detector, journals } = self;
        let mut out = Vec::new();
        if whole || detector.words.changed {
            let journal = journals.entry(DOCUMENTS.to_owned()).or_default();
            out.push(
                journal.write(DOCUMENTS, whole, |g, all| write_words(&detector.words, g, all)),
            );
            detector.words.frequencies.stored();
            detector.words.changed = false;
        }
        let rates = &mut detector.rates;
        if whole || rates.is_changed() {
            let journal = journals.entry(RATES.to_owned()).or_default();
            out.push(journal.write(RATES, whole, |g, all| write_rates(rates, g, all)));
            rates.stored();
        }
        let wanted = |role: &RoleTable| role.touched || (whole && role.next_id > 1);
        let roles = detector.roles.iter_mut().filter(|(_, role)| wanted(role));
        let mut roles: Vec<(&String, &mut RoleTable)> = roles.collect();
        roles.sort_unstable_by_key(|(name, _)| *name);
        for (name, role) in roles {
            let name = format!("{ROLE}{name}");
            let journal = journals.entry(name.clone()).or_default();
            out.push(journal.write(&name, whole, |g, all| write_role(role, g, all)));
            written_role(role);
        }
        out
    }

    fn load(&mut self, shared: &Shared) -> PyResult<()> {
        let State { detector, journals } = self;
        journals.clear();
        detector.roles.clear();
        detector.words = WordWeights::default();
        detector.rates = NoveltyRates::default();
        for name in shared.keys() {
            let journal = match name.as_str() {
                DOCUMENTS => {
                    Journal::read(name, shared, |b, g| read_words(&mut detector.words, b, g))
                }
                RATES => Journal::read(name, shared, |b, g| read_rates(&mut detector.rates, b, g)),
                _ => {
                    let Some(role) = name.strip_prefix(ROLE) else { continue };
                    let role = detector.role(role);
                    Journal::read(name, shared, |b, g| read_role(role, b, g))
                }
            };
            journals.insert(name.clone(), journal?);
        }
        for role in detector.roles.values_mut() {
            for slot in role.in_order() {
                if let Some(number) = role.slots[slot].as_ref().map(|cluster| cluster.number) {
                    role.share(number, 1);
                }
            }
        }
        Ok(())
    }
}
