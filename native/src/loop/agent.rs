//! One agent in one mode, kept whole in the kernel between events that need a second look.

use crate::baseline::frequency_model::Habits;
use crate::baseline::profile::{expect, Facts, Now, Shown, State};
use crate::baseline::volume_baseline::Level;
use crate::codec::compact_reader::Reader;
use crate::codec::compact_writer::Writer;
use crate::features::extraction::Texts;
use crate::json::action::Act;
use crate::peers::baselines::{place, Levels, BY_NAME, LEVELS};
use crate::peers::last_values::Chains;
use crate::peers::view::View;
use crate::trust::update::{Policy, Trust};
use crate::units::HOUR_US;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyBytes, PyDict};

const VERSION: u8 = 5;

type LevelRow = (String, i64, f64, f64);
type Days = Vec<(i64, i64)>;
type Stood<'py> = (Bound<'py, PyDict>, usize, [Option<i64>; 3]);
type News<'py> = (i64, i64, &'static str, Days, Option<Stood<'py>>, Option<String>);

/// One agent in one mode; `models.baseline.profile.Profile`, packed.
#[pyclass(module = "habitus_native")]
pub struct Agent {
    pub facts: Facts,
    pub levels: Levels,
    pub habits: Py<Habits>,
    /// Its group among `models.peers.groups.Groups`, once it has joined.
    pub group: Option<(usize, String)>,
    /// Whether Python has taken over and changed the parts since.
    pub taken: bool,
    pub untold: Untold,
    /// How it stands, where nothing speaks against it: then its hours are looked at here.
    pub trust: Option<Trust>,
    /// Name and key of the session it acted in last.
    pub session: (String, u64),
    /// The categories of the act before, with their hashes.
    pub texts: Box<Texts>,
    /// What its peers' votes said of that.
    pub chains: Box<Chains>,
}

/// What trust has not been told yet.
#[derive(Default)]
pub struct Untold {
    /// Clean events by day.
    clean: Vec<(i64, i64)>,
    /// Version as last said.
    version: Option<String>,
    /// Whether there is anything.
    pub any: bool,
}

impl Agent {
    fn of(facts: Facts, levels: Levels, habits: Py<Habits>) -> Self {
        let (untold, session, texts, chains) = Default::default();
        let (group, trust, taken) = (None, None, false);
        Agent { facts, levels, habits, group, taken, untold, trust, session, texts, chains }
    }

    /// Whether the reference has to let it meet its peers first, being new or in another role.
    pub fn is_new_to(&self, role: &str) -> bool {
        self.group.is_none() || self.facts.now.events == 0 || self.facts.role != role
    }

    /// Keep its numbers after an event; gives the list of those before, as memory for others.
    pub fn keep(&mut self, now: Now, levels: Levels) -> Vec<i64> {
        self.levels = levels;
        std::mem::replace(&mut self.facts.now, now).seen
    }

    /// Count a clean event.
    pub fn count_clean(&mut self, day: i64) {
        match &mut self.trust {
            Some(trust) => trust.count(day, 1),
            None => self.untold.count_clean(day),
        }
    }

    /// Look at how it stands, as once an hour; whether what is published of it has moved. None
    /// where the reference has to look.
    pub fn look_at_trust(
        &mut self,
        py: Python<'_>,
        policy: &Policy,
        time_us: i64,
    ) -> PyResult<Option<bool>> {
        let (Some(trust), now) = (&mut self.trust, &mut self.facts.now) else { return Ok(None) };
        let shown = trust.stand(py, policy, time_us, now.last_us, now.state().name())?;
        now.utc_hour = time_us.div_euclid(HOUR_US);
        let before = self.facts.published.replace(shown);
        Ok(Some(before != self.facts.published))
    }

    fn rows(&self) -> Vec<LevelRow> {
        let row = |at: usize| {
            self.levels[at].map(|one| (LEVELS[at].to_owned(), one.n, one.mean, one.square))
        };
        BY_NAME.into_iter().filter_map(row).collect()
    }
}

impl Untold {
    /// Note what an event says of the agent.
    pub fn hear(&mut self, act: &Act<'_>) {
        self.any = true;
        let said = act.agent.version.as_deref();
        if said.is_some() && said != self.version.as_deref() {
            self.version = said.map(str::to_owned);
        }
    }

    /// Count a clean event of an agent whose trust is looked at elsewhere.
    fn count_clean(&mut self, day: i64) {
        match self.clean.iter_mut().find(|(known, _)| *known == day) {
            Some((_, number)) => *number += 1,
            None => self.clean.push((day, 1)),
        }
    }
}

#[pymethods]
impl Agent {
    /// Take over the plain facts (as bytes), levels and habits of a profile.
    #[new]
    fn new(facts: &[u8], levels: Vec<LevelRow>, habits: Py<Habits>) -> PyResult<Self> {
        let mut from = Reader::new(facts);
        let facts = Facts::read(&mut from)?;
        from.end()?;
        let mut found = Levels::default();
        for (name, n, mean, square) in levels {
            take_level(&mut found, &name, Level { n, mean, square })?;
        }
        Ok(Agent::of(facts, found, habits))
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
        let mut levels = Levels::default();
        for _ in 0..from.array()? {
            expect(from.array()?, 4)?;
            let name = from.text()?;
            let level = Level { n: from.signed()?, mean: from.float()?, square: from.float()? };
            take_level(&mut levels, name, level)?;
        }
        let habits = Habits::read(from.bytes()?, config)?;
        from.end()?;
        Ok(Agent::of(facts, levels, Py::new(py, habits)?))
    }

    /// The bytes of the profile.
    fn dump<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let mut start = Vec::with_capacity(2_048);
        start.push(VERSION);
        let mut out = Writer::compact(start);
        out.array(3);
        self.facts.write(&mut out, ["", ""])?; // whose it is, its reader knows
        let rows = self.rows();
        out.array(rows.len());
        for (name, n, mean, square) in rows {
            out.array(4);
            out.text(&name);
            out.signed(n);
            out.float(mean);
            out.float(square);
        }
        out.bytes(&self.habits.borrow(py).written());
        Ok(PyBytes::new(py, &out.out))
    }

    /// Hand the plain facts (as bytes) and levels over; from now on they are Python's.
    fn unpack<'py>(&mut self, py: Python<'py>) -> PyResult<(Bound<'py, PyBytes>, Vec<LevelRow>)> {
        let mut out = Writer::default();
        self.facts.write(&mut out, [&self.facts.agent_id, &self.facts.mode])?;
        self.taken = true;
        Ok((PyBytes::new(py, &out.out), self.rows()))
    }

    /// See the peers of a group.
    fn join(&mut self, view: &Bound<'_, View>, name: String) {
        self.group = Some((view.get().group, name));
        *self.chains = Chains::default(); // of other groups, it may be
    }

    #[getter]
    fn habits(&self, py: Python<'_>) -> Py<Habits> {
        self.habits.clone_ref(py)
    }

    #[getter]
    fn role(&self) -> &str {
        &self.facts.role
    }

    #[getter]
    fn mode(&self) -> &str {
        &self.facts.mode
    }

    /// What trust has to know: events, the last instant, the state, clean events by day or, where
    /// it is looked at here, all days, level and since when; the version as last said. Told once;
    /// None where nothing is new.
    fn news<'py>(&mut self, py: Python<'py>) -> PyResult<Option<News<'py>>> {
        if !self.untold.any {
            return Ok(None);
        }
        let (now, untold) = (&self.facts.now, std::mem::take(&mut self.untold));
        let stood = self.trust.as_ref().map(|trust| -> PyResult<Stood<'py>> {
            Ok(((&trust.days).into_py_dict(py)?, trust.level, trust.since))
        });
        let (state, stood) = (now.state().name(), stood.transpose()?);
        Ok(Some((now.events, now.last_us, state, untold.clean, stood, untold.version)))
    }

    /// Whether its trust is looked at here.
    #[getter]
    fn entrusted(&self) -> bool {
        self.trust.is_some()
    }

    /// Look at its trust here from now on; told are its clean days, level and since when.
    fn entrust(&mut self, days: Days, level: usize, since: [Option<i64>; 3]) {
        let mut trust = Trust { days, level, since };
        for (day, number) in std::mem::take(&mut self.untold.clean) {
            trust.count(day, number);
        }
        self.trust = Some(trust);
    }

    /// Hour at which trust was last looked at, and what was published of it.
    #[getter]
    fn shown(&self) -> (i64, Option<Shown>) {
        (self.facts.now.utc_hour, self.facts.published.clone())
    }

    /// Note that trust was looked at.
    fn show(&mut self, utc_hour: i64, published: Shown) {
        (self.facts.now.utc_hour, self.facts.published) = (utc_hour, Some(published));
    }

    fn state(&self) -> &'static str {
        State::name(self.facts.now.state())
    }
}

fn take_level(levels: &mut Levels, name: &str, level: Level) -> PyResult<()> {
    let text = || PyValueError::new_err(format!("profile has a level of {name:?}, which is none"));
    let at = place(name).filter(|&at| at < LEVELS.len()).ok_or_else(text)?;
    levels[at] = Some(level);
    Ok(())
}
