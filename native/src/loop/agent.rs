//! One agent in one mode, held by the kernel between events that the reference judges.

use crate::baseline::frequency_model::FrequencyModel;
use crate::baseline::profile::{expect, Facts, Now, PublishedTrust, State};
use crate::baseline::volume_baseline::VolumeBaseline;
use crate::codec::compact_reader::Reader;
use crate::codec::compact_writer::Writer;
use crate::features::extraction::Texts;
use crate::json::action::Action;
use crate::peers::baselines::{index_of, VolumeBaselines, BY_NAME, VOLUMES};
use crate::peers::last_values::Chains;
use crate::peers::view::View;
use crate::trust::update::{Policy, Trust};
use crate::units::HOUR_US;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyBytes, PyDict};

const VERSION: u8 = 5;

type VolumeRow = (String, i64, f64, f64);
type Days = Vec<(i64, i64)>;
type TrustLevel<'py> = (Bound<'py, PyDict>, usize, [Option<i64>; 3]);
type TrustChanges<'py> = (i64, i64, &'static str, Days, Option<TrustLevel<'py>>, Option<String>);

/// One agent in one mode; `models.baseline.profile.Profile`, packed.
#[pyclass(module = "habitus_native")]
pub struct Agent {
    pub facts: Facts,
    pub volumes: VolumeBaselines,
    pub frequency_model: Py<FrequencyModel>,
    /// Its group in `models.peers.groups.Groups`, once it has joined.
    pub group: Option<(usize, String)>,
    /// Whether Python has taken and changed the parts since.
    pub taken: bool,
    pub unsynced: UnsyncedTrust,
    /// Its trust, where there is no negative evidence: the kernel then evaluates it hourly.
    pub trust: Option<Trust>,
    /// Name and key of its last session.
    pub session: (String, u64),
    /// The categories of the previous action, with their hashes.
    pub texts: Box<Texts>,
    /// The probabilities of these among its peers.
    pub chains: Box<Chains>,
}

/// Changes that the trust state in Python does not have yet.
#[derive(Default)]
pub struct UnsyncedTrust {
    /// Clean events by day.
    clean: Vec<(i64, i64)>,
    /// Last reported version.
    version: Option<String>,
    /// Whether there is a change.
    pub any: bool,
}

impl Agent {
    fn of(facts: Facts, volumes: VolumeBaselines, frequency_model: Py<FrequencyModel>) -> Self {
        let (unsynced, session, texts, chains) = Default::default();
        let (group, trust, taken) = (None, None, false);
        Agent {
            facts,
            volumes,
            frequency_model,
            group,
            taken,
            unsynced,
            trust,
            session,
            texts,
            chains,
        }
    }

    /// Whether the reference must connect it to its peers first: it is new or has another role.
    pub fn is_new_to(&self, role: &str) -> bool {
        self.group.is_none() || self.facts.now.events == 0 || self.facts.role != role
    }

    /// Store its numbers after an event. Gives the memory of the old list.
    pub fn keep(&mut self, now: Now, volumes: VolumeBaselines) -> Vec<i64> {
        self.volumes = volumes;
        std::mem::replace(&mut self.facts.now, now).seen
    }

    /// Count a clean event.
    pub fn count_clean(&mut self, day: i64) {
        match &mut self.trust {
            Some(trust) => trust.count(day, 1),
            None => self.unsynced.count_clean(day),
        }
    }

    /// Evaluate its hourly trust. True if its published trust changed. None leaves it to the
    /// reference.
    pub fn refresh_trust(
        &mut self,
        py: Python<'_>,
        policy: &Policy,
        time_us: i64,
    ) -> PyResult<Option<bool>> {
        let (Some(trust), now) = (&mut self.trust, &mut self.facts.now) else { return Ok(None) };
        let shown = trust.refresh(py, policy, time_us, now.last_us, now.state().name())?;
        now.utc_hour = time_us.div_euclid(HOUR_US);
        let before = self.facts.published.replace(shown);
        Ok(Some(before != self.facts.published))
    }

    fn rows(&self) -> Vec<VolumeRow> {
        let row = |at: usize| {
            self.volumes[at].map(|one| (VOLUMES[at].to_owned(), one.n, one.mean, one.square))
        };
        BY_NAME.into_iter().filter_map(row).collect()
    }
}

impl UnsyncedTrust {
    /// Note the version that an event reports.
    pub fn note(&mut self, action: &Action<'_>) {
        self.any = true;
        let version = action.agent.version.as_deref();
        if version.is_some() && version != self.version.as_deref() {
            self.version = version.map(str::to_owned);
        }
    }

    /// Count a clean event of an agent whose trust Python evaluates.
    fn count_clean(&mut self, day: i64) {
        match self.clean.iter_mut().find(|(known, _)| *known == day) {
            Some((_, number)) => *number += 1,
            None => self.clean.push((day, 1)),
        }
    }
}

#[pymethods]
impl Agent {
    /// Take the plain facts (as bytes), volumes and frequency model of a profile.
    #[new]
    fn new(
        facts: &[u8],
        volumes: Vec<VolumeRow>,
        frequency_model: Py<FrequencyModel>,
    ) -> PyResult<Self> {
        let mut from = Reader::new(facts);
        let facts = Facts::read(&mut from)?;
        from.end()?;
        let mut found = VolumeBaselines::default();
        for (name, n, mean, square) in volumes {
            take_volume(&mut found, &name, VolumeBaseline { n, mean, square })?;
        }
        Ok(Agent::of(facts, found, frequency_model))
    }

    /// Read the bytes of a profile.
    #[staticmethod]
    fn load(
        py: Python<'_>,
        raw: &[u8],
        agent_id: String,
        mode: String,
        config: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        if raw.first() != Some(&VERSION) {
            let text = format!("profile was written by another version than {VERSION}");
            return Err(PyValueError::new_err(text));
        }
        let mut from = Reader::compact(raw, 1);
        expect(from.array()?, 3)?;
        let mut facts = Facts::read(&mut from)?;
        (facts.agent_id, facts.mode) = (agent_id, mode);
        let mut volumes = VolumeBaselines::default();
        for _ in 0..from.array()? {
            expect(from.array()?, 4)?;
            let name = from.text()?;
            let level =
                VolumeBaseline { n: from.signed()?, mean: from.float()?, square: from.float()? };
            take_volume(&mut volumes, name, level)?;
        }
        let frequency_model = FrequencyModel::read(from.bytes()?, config)?;
        from.end()?;
        Ok(Agent::of(facts, volumes, Py::new(py, frequency_model)?))
    }

    /// The bytes of the profile.
    fn dump<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let mut start = Vec::with_capacity(2_048);
        start.push(VERSION);
        let mut out = Writer::compact(start);
        out.array(3);
        self.facts.write(&mut out, ["", ""])?; // its reader knows agent and mode
        let rows = self.rows();
        out.array(rows.len());
        for (name, n, mean, square) in rows {
            out.array(4);
            out.text(&name);
            out.signed(n);
            out.float(mean);
            out.float(square);
        }
        out.bytes(&self.frequency_model.borrow(py).written());
        Ok(PyBytes::new(py, &out.out))
    }

    /// Give the plain facts (as bytes) and volumes to Python, which holds them from now on.
    fn unpack<'py>(&mut self, py: Python<'py>) -> PyResult<(Bound<'py, PyBytes>, Vec<VolumeRow>)> {
        let mut out = Writer::default();
        self.facts.write(&mut out, [&self.facts.agent_id, &self.facts.mode])?;
        self.taken = true;
        Ok((PyBytes::new(py, &out.out), self.rows()))
    }

    /// Connect to the peers of a group.
    fn join(&mut self, view: &Bound<'_, View>, name: String) {
        self.group = Some((view.get().group, name));
        *self.chains = Chains::default(); // they may be of other groups
    }

    #[getter]
    fn frequency_model(&self, py: Python<'_>) -> Py<FrequencyModel> {
        self.frequency_model.clone_ref(py)
    }

    #[getter]
    fn role(&self) -> &str {
        &self.facts.role
    }

    #[getter]
    fn mode(&self) -> &str {
        &self.facts.mode
    }

    /// Changes for the trust state: events, last instant, state, clean events by day, and version.
    /// Where the kernel evaluates trust: all days, level and its times. Each change is given once.
    /// None without changes.
    fn take_changes<'py>(&mut self, py: Python<'py>) -> PyResult<Option<TrustChanges<'py>>> {
        if !self.unsynced.any {
            return Ok(None);
        }
        let (now, unsynced) = (&self.facts.now, std::mem::take(&mut self.unsynced));
        let trust = self.trust.as_ref().map(|trust| -> PyResult<TrustLevel<'py>> {
            Ok(((&trust.days).into_py_dict(py)?, trust.level, trust.since))
        });
        let (state, trust) = (now.state().name(), trust.transpose()?);
        Ok(Some((now.events, now.last_us, state, unsynced.clean, trust, unsynced.version)))
    }

    /// Whether the kernel evaluates its trust.
    #[getter]
    fn trust_loaded(&self) -> bool {
        self.trust.is_some()
    }

    /// Evaluate its trust in the kernel from now on, with its clean days, level and times.
    fn load_trust(&mut self, days: Days, level: usize, since: [Option<i64>; 3]) {
        let mut trust = Trust { days, level, since };
        for (day, number) in std::mem::take(&mut self.unsynced.clean) {
            trust.count(day, number);
        }
        self.trust = Some(trust);
    }

    /// Hour of the last evaluation of trust, and the published trust.
    #[getter]
    fn shown(&self) -> (i64, Option<PublishedTrust>) {
        (self.facts.now.utc_hour, self.facts.published.clone())
    }

    /// Note the hour of an evaluation, and the published trust.
    fn show(&mut self, utc_hour: i64, published: PublishedTrust) {
        (self.facts.now.utc_hour, self.facts.published) = (utc_hour, Some(published));
    }

    fn state(&self) -> &'static str {
        State::name(self.facts.now.state())
    }
}

fn take_volume(volumes: &mut VolumeBaselines, name: &str, level: VolumeBaseline) -> PyResult<()> {
    let text = || PyValueError::new_err(format!("profile has a level of {name:?}, which is none"));
    let at = index_of(name).filter(|&at| at < VOLUMES.len()).ok_or_else(text)?;
    volumes[at] = Some(level);
    Ok(())
}
