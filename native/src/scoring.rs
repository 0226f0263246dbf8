//! Score one event: fields, detectors, rates of days, and the combination of its session;
//! `models.scoring`.

use crate::alerting::combination::combine;
use crate::alerting::signals::Signal;
use crate::baseline::open_day::OpenDay;
use crate::baseline::profile::Profile;
use crate::baseline::session::{state_error, Ordered, SessionScores};
use crate::baseline::subject::Given;
use crate::codec::hashing::{Hasher, Hashes};
use crate::detectors::amounts::Expected;
use crate::detectors::moment::Moment;
use crate::detectors::novelty::{self, Novelty, NoveltyDetector};
use crate::detectors::promises::{add_promises, learn_promises, Standing};
use crate::detectors::{rules, slow_change};
use crate::features::conditions::Tested;
use crate::features::fields::single;
use crate::features::plan::Plan;
use crate::features::reading::{Readers, Reading};
use crate::float_sums::larger;
use crate::learning::change_log::Parts;
use crate::learning::contribution::Contribution;
use crate::learning::shared::{HeadState, SharedBehaviour};
use crate::peers::knowledge::salt;
use crate::scores::Scores;
use crate::units::DAY_US;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Where the stream is.
#[pyclass(module = "habitus_native")]
pub struct Head {
    state: HeadState,
}

#[pymethods]
impl Head {
    #[getter]
    fn watermark_us(&self) -> i64 {
        self.state.watermark_us
    }

    #[setter]
    fn set_watermark_us(&mut self, us: i64) {
        self.state.watermark_us = us;
    }

    #[getter]
    fn published_us(&self) -> i64 {
        self.state.published_us
    }

    #[setter]
    fn set_published_us(&mut self, us: i64) {
        self.state.published_us = us;
    }

    #[getter]
    fn version(&self) -> i64 {
        self.state.version
    }
}

/// Functions of Python that the kernel calls.
struct Tools {
    readers: Readers,
    encode: Py<PyAny>,
    content: Py<PyAny>,
    read_contribution: Py<PyAny>,
    contribution_bytes: Py<PyAny>,
}

struct State {
    plan: Arc<Plan>,
    hasher: Hasher,
    hashes: Hashes,
    tools: Tools,
    shared: SharedBehaviour,
    tested: Tested,
}

/// Scores the events of a fleet, and learns them afterwards; also what the agents share.
#[pyclass(module = "habitus_native")]
pub struct Scorer {
    /// Never locked: one caller at a time has the kernel to itself.
    state: Mutex<State>,
    #[pyo3(get)]
    head: Py<Head>,
    #[pyo3(get)]
    hasher: Py<PyAny>,
}

impl Scorer {
    fn state(&mut self) -> &mut State {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

fn blobs<'py>(py: Python<'py>, all: Vec<(String, Vec<u8>)>) -> Vec<(String, Bound<'py, PyBytes>)> {
    all.into_iter().map(|(name, raw)| (name, PyBytes::new(py, &raw))).collect()
}

type Content = (f64, Option<Given>);

#[pymethods]
impl Scorer {
    /// `tools` has the functions of Python by their names; `hasher` is the hasher of the secret.
    #[new]
    fn new(
        py: Python<'_>,
        plan: &[u8],
        secret: &[u8],
        hasher: Py<PyAny>,
        tools: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let plan = Arc::new(Plan::read(plan)?);
        let tool = |name: &str| -> PyResult<Py<PyAny>> {
            let found = tools.get_item(name)?;
            let missing = || pyo3::exceptions::PyKeyError::new_err(name.to_owned());
            Ok(found.ok_or_else(missing)?.unbind())
        };
        let tools = Tools {
            readers: Readers {
                identifiers: tool("identifiers")?,
                programs: tool("programs")?,
                lifetime_of: tool("lifetime_of")?,
                microseconds: tool("microseconds")?,
            },
            encode: tool("encode")?,
            content: hasher.getattr(py, "content")?,
            read_contribution: tool("read_contribution")?,
            contribution_bytes: tool("contribution_bytes")?,
        };
        let shared = SharedBehaviour::new(&plan.constants, &plan.series, &plan.combination);
        let state = State {
            hasher: Hasher::new(secret)?,
            hashes: Hashes::new(secret)?,
            tested: Tested::default(),
            plan,
            tools,
            shared,
        };
        let head = Py::new(py, Head { state: HeadState::default() })?;
        Ok(Scorer { state: Mutex::new(state), head, hasher })
    }

    /// What the agents share.
    #[getter]
    fn shared(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// A new profile.
    fn profile(&mut self, agent_id: String, mode: String) -> Profile {
        Profile::new(self.state().plan.clone(), agent_id, mode)
    }

    /// The profile in bytes that `Profile.dump` wrote.
    fn read_profile(
        &mut self,
        py: Python<'_>,
        raw: &[u8],
        agent_id: String,
        mode: String,
    ) -> PyResult<Profile> {
        Profile::load(py, self.state().plan.clone(), raw, agent_id, mode)
    }

    // ------------------------------------------------------------------ scoring

    /// Score one event of a session.
    #[allow(clippy::too_many_arguments)] // those of the reference
    fn score(
        &mut self,
        py: Python<'_>,
        event: &Bound<'_, PyAny>,
        origin: &Bound<'_, PyAny>,
        profile: Py<Profile>,
        session: Py<SessionScores>,
        time_us: i64,
        standing: Standing,
        content: Content,
    ) -> PyResult<Scores> {
        let first_open = self.first_open_day(py);
        let state = self.state();
        let (plan, hasher) = (&*state.plan, &state.hasher);
        let mut own_profile = profile.borrow_mut(py);
        let mut own_session = session.borrow_mut(py);
        let reading = Reading { py, plan, readers: &state.tools.readers };
        let (mut fields, facts) =
            reading.event(event, origin, &own_session.previous_tool, time_us)?;
        let day = time_us.div_euclid(DAY_US);
        let special = own_profile.special_state(plan, time_us);
        let mut over = if day >= first_open { None } else { Some(OpenDay::of(special)) };
        let mut raised = Ordered::default();
        if day != own_session.day {
            raised.clone_from(&own_session.bits);
            own_session.day = day;
        }
        let credential = facts.credential.as_ref();
        let credential = credential.map_or(0, |id| hasher.of(&format!("credential\x1f{id}")));
        let mut at = Moment {
            py,
            plan,
            hasher,
            salt: salt(hasher, &own_profile.role),
            profile: &mut own_profile,
            session: &mut own_session,
            fields: &mut fields,
            facts: &facts,
            time_us,
            day,
            over: &mut over,
            state: special,
            raised: &mut raised,
        };
        at.open_day();
        add_promises(&mut at, standing, credential);
        let mut found = Novelty::default();
        if facts.action {
            let shared = &mut state.shared;
            let (rates, text) = (&mut shared.novelty, String::new());
            found = NoveltyDetector { rates, shared: &shared.knowledge, text }.score(&mut at);
            shared.spread.score(&mut at, &found.new);
            shared.relations.measure(&mut at, &shared.knowledge);
            let content = arguments(py, event, &state.tools, &state.hashes)?;
            shared.amounts.score(&mut at, &mut state.tested, &found.new, content)?;
            slow_change::measure(&mut at);
            shared.traces.score(&mut at);
            at.session.previous_tool =
                at.fields.single(single::TOOL).unwrap_or_default().to_owned();
        }
        rules::score(&mut at);
        if content.0 > 0.0 {
            let (series, _) = plan.roles.content;
            if at.raise_bits(series, content.0) {
                if let Some(subject) = content.1 {
                    at.session.subjects.insert(series, subject.into());
                }
            }
        }
        let weighed = weigh(&mut at, &mut state.shared)?;
        let special = special.map(str::to_owned);
        drop((own_profile, own_session));
        Ok(Scores {
            profile,
            session,
            values: fields,
            facts,
            time_us,
            day,
            state: special,
            over,
            raised,
            found,
            credential,
            own: weighed.own,
            rarity: weighed.rarity,
            sum: weighed.sum,
            most: weighed.most,
        })
    }

    /// What the detectors say of the session: those of its lead, then the rarest first.
    fn signals(&mut self, py: Python<'_>, scores: &Scores) -> PyResult<Vec<Signal>> {
        let state = self.state();
        let (plan, shared) = (&state.plan, &mut state.shared);
        let (session, profile) = (scores.session.borrow(py), scores.profile.borrow(py));
        let mut found = Vec::new();
        for (&series, &bits) in &session.bits {
            let row = plan.series_of(series)?;
            let (role, special) = (Some(profile.role.as_str()), scores.state.as_deref());
            let rarity = shared.rates.rarity(
                &plan.constants,
                Some(&profile.maxima),
                role,
                special,
                series,
                bits,
            )?;
            found.push(Signal {
                detector: row.name.clone(),
                family: plan.families[row.family].name.to_string(),
                subject: session.subjects.get(&series).cloned(),
                bits,
                rarity,
                fresh: scores.raised.contains_key(&series),
            });
        }
        let of_family =
            |one: &Signal| session.rarities.get(one.family.as_str()).copied().unwrap_or(0.0);
        let order = |a: f64, b: f64| b.partial_cmp(&a).unwrap_or(std::cmp::Ordering::Equal);
        found.sort_by(|a, b| {
            let follows = |one: &Signal| session.lead.as_deref() != Some(one.family.as_str());
            follows(a)
                .cmp(&follows(b))
                .then_with(|| order(of_family(a), of_family(b)))
                .then_with(|| a.family.cmp(&b.family))
                .then_with(|| order(a.rarity, b.rarity))
        });
        Ok(found)
    }

    // ------------------------------------------------------------------ learning

    /// Count the combination of a session among the day's maxima, and its agent as active.
    #[pyo3(signature = (scores, *, repeated))]
    fn count_day(&mut self, py: Python<'_>, scores: &mut Scores, repeated: bool) -> PyResult<()> {
        let mut profile = scores.profile.borrow_mut(py);
        if !repeated {
            let combined = scores.session.borrow(py).combined;
            let day = match &mut scores.over {
                Some(over) => Some(over),
                None => profile.open_days.get_mut(&scores.day),
            };
            if let Some(day) = day {
                day.combined = larger(day.combined, combined);
            }
        }
        self.state().shared.note_active(scores.day, profile.mark);
        Ok(())
    }

    /// Learn an event after it was scored. The event is the one that was scored.
    #[pyo3(signature = (scores, event, *, held_days))]
    fn learn(
        &mut self,
        py: Python<'_>,
        scores: &mut Scores,
        event: &Bound<'_, PyAny>,
        held_days: i64,
    ) {
        let _ = event;
        let state = self.state();
        let (plan, hasher, shared) = (&*state.plan, &state.hasher, &mut state.shared);
        let mut profile = scores.profile.borrow_mut(py);
        let mut session = scores.session.borrow_mut(py);
        let day = scores.day;
        let mut learned = Vec::new();
        scores.found.known.iter().for_each(|&mark| profile.know(mark, day));
        for one in &scores.found.new {
            if held_days != 0 {
                profile.hold(one.mark, day, held_days);
            } else {
                learned.push(one.mark);
                profile.know(one.mark, day);
            }
        }
        let salt = salt(hasher, &profile.role);
        shared.knowledge.learn(salt, profile.mark, &learned);
        let mut at = Moment {
            py,
            plan,
            hasher,
            salt,
            profile: &mut profile,
            session: &mut session,
            fields: &mut scores.values,
            facts: &scores.facts,
            time_us: scores.time_us,
            day,
            over: &mut scores.over,
            state: scores.state.as_deref(),
            raised: &mut scores.raised,
        };
        novelty::learn(&mut at, &mut shared.novelty, &scores.found);
        learn_promises(&mut at, scores.credential);
        if scores.facts.action {
            shared.spread.learn(&at, &scores.found.new);
            shared.relations.learn(&mut at, &mut shared.knowledge);
            if scores.rarity >= plan.constants.noted_bits {
                shared.traces.learn(&at);
            }
        }
    }

    /// The days of an agent that get no more events.
    fn days_over(&mut self, py: Python<'_>, profile: &Profile) -> Vec<i64> {
        let first = self.first_open_day(py);
        profile.open_days.range(..first).map(|(&day, _)| day).collect()
    }

    /// Learn the days of an agent that are over, without the families that were open before.
    fn close_days(
        &mut self,
        py: Python<'_>,
        profile: &mut Profile,
        open_families: FxHashMap<i64, FxHashSet<String>>,
    ) -> PyResult<()> {
        let none = FxHashSet::default();
        for day in self.days_over(py, profile) {
            let families = open_families.get(&day).unwrap_or(&none);
            if let Some(over) = profile.open_days.remove(&day) {
                self.state().close(profile, day, &over, families)?;
            }
            profile.forget_values(day);
        }
        Ok(())
    }

    /// Begin the test for slow change anew, after a case.
    #[staticmethod]
    fn restart_slow_change(profile: &mut Profile) {
        slow_change::restart(profile);
    }

    // ------------------------------------------------------------------ shared

    /// Whether any day is known, so that return periods mean something.
    #[getter]
    fn calibrated(&mut self) -> bool {
        self.state().shared.calibrated()
    }

    fn active_agents(&mut self, today: i64) -> f64 {
        let state = self.state();
        state.shared.active_agents(&state.plan.constants, today)
    }

    /// Agent-days that the rates of the combination are estimated from.
    #[getter]
    fn known_days(&mut self) -> u64 {
        self.state().shared.combined.known_days()
    }

    /// What a day of the agent has of an amount; None while the fleet is not known.
    fn expected(&mut self, profile: &Profile, number: u64) -> Option<Expected> {
        let state = self.state();
        state.shared.amounts.expected(&state.plan, &state.hasher, profile, number)
    }

    /// Publish what has waited, with what `announce` gives of other shards.
    fn publish_waiting(&mut self, py: Python<'_>, announce: Option<Py<PyAny>>) -> PyResult<()> {
        let head = self.head.clone_ref(py);
        let state = self.state();
        let plan = state.plan.clone();
        let mut all = vec![state.shared.take_waiting(&plan.constants)];
        if let Some(announce) = announce {
            let mut out = crate::codec::compact_writer::Writer::default();
            all[0].write(&mut out);
            let own = state.tools.read_contribution.call1(py, (PyBytes::new(py, &out.out),))?;
            for other in announce.bind(py).call1((own,))?.try_iter()? {
                let raw = state.tools.contribution_bytes.bind(py).call1((other?,))?;
                all.push(Contribution::read(raw.extract()?, &plan.constants)?);
            }
        }
        let head = &mut head.borrow_mut(py).state;
        state.shared.publish(&plan.constants, head, &all);
        Ok(())
    }

    /// Write what changed since the last call; all of it with `whole`.
    #[pyo3(signature = (*, whole = false))]
    fn dump<'py>(&mut self, py: Python<'py>, whole: bool) -> PyResult<Bound<'py, PyList>> {
        let head = self.head.borrow(py).state;
        let state = self.state();
        let found = state.shared.dump(&state.plan.constants, head, whole);
        PyList::new(py, blobs(py, found))
    }

    /// Read what `dump` wrote.
    fn load(&mut self, py: Python<'_>, parts: FxHashMap<String, Bound<'_, PyAny>>) -> PyResult<()> {
        let mut raw = Parts::default();
        for (name, blob) in parts {
            raw.insert(name, blob.extract::<Vec<u8>>()?);
        }
        let head = self.head.clone_ref(py);
        let state = self.state();
        let mut head = head.borrow_mut(py);
        state.shared.load(&state.plan.constants, &mut head.state, &raw).map_err(|error| {
            state_error(py, &format!("shared behaviour cannot be read: {}", error.value(py)))
        })
    }
}

impl Scorer {
    fn first_open_day(&mut self, py: Python<'_>) -> i64 {
        let watermark_us = self.head.borrow(py).state.watermark_us;
        (watermark_us - self.state().plan.constants.late_us).div_euclid(DAY_US)
    }
}

impl State {
    fn close(
        &mut self,
        profile: &mut Profile,
        day: i64,
        over: &OpenDay,
        families: &FxHashSet<String>,
    ) -> PyResult<()> {
        let (plan, shared) = (&self.plan, &mut self.shared);
        let mut maxima = Vec::with_capacity(over.maxima.len());
        for (&series, &bits) in &over.maxima {
            let family = plan.series_of(series)?.family;
            if !families.contains(&*plan.families[family].name) {
                maxima.push((series, bits));
            }
        }
        let (role, special) = (profile.role.clone(), over.state.as_deref());
        shared.rates.close(day, Some(&role), special, Some(&mut profile.maxima), &maxima)?;
        let combined = [(plan.combination.id, over.combined)];
        shared.combined.close(day, None, None, None, &combined)?;
        shared.amounts.close(plan, &self.hasher, profile, day, over);
        slow_change::close(profile, over);
        Ok(())
    }
}

/// The mark of the arguments of an event.
fn arguments(
    py: Python<'_>,
    event: &Bound<'_, PyAny>,
    tools: &Tools,
    hashes: &Hashes,
) -> PyResult<u64> {
    let given = event.getattr(intern!(py, "arguments"))?;
    let raw = if given.is_truthy()? {
        tools.encode.bind(py).call1((given,))?
    } else {
        PyBytes::new(py, b"{}").into_any()
    };
    match hashes.content_of(raw.extract()?) {
        Some(found) => Ok(found),
        None => tools.content.bind(py).call1((raw,))?.extract(),
    }
}

struct Weighed {
    own: f64,
    rarity: f64,
    sum: f64,
    most: f64,
}

/// Turn the bits that rose into rarities, and combine them.
fn weigh(at: &mut Moment<'_, '_>, shared: &mut SharedBehaviour) -> PyResult<Weighed> {
    let (plan, mut found) = (at.plan, Weighed { own: 0.0, rarity: 0.0, sum: 0.0, most: 0.0 });
    let constants = &plan.constants;
    let mut own = vec![0.0; plan.families.len()];
    let mut raised: Vec<(u64, f64)> = at.raised.iter().map(|(&one, &bits)| (one, bits)).collect();
    raised.sort_unstable_by_key(|(series, _)| *series);
    let mut order = Vec::new();
    for &(series, now) in &raised {
        let bits = at.session.bits[&series];
        let most = at.open_day().maxima.entry(series).or_insert(0.0);
        *most = larger(*most, bits);
        let (rates, role) = (&mut shared.rates, Some(at.profile.role.as_str()));
        let maxima = Some(&at.profile.maxima);
        let mut rarity = rates.rarity(constants, maxima, role, at.state, series, bits)?;
        let place = plan.series_of(series)?.family;
        let family = &plan.families[place];
        if family.left_out {
            continue;
        }
        if family.several {
            let second = family.series;
            let most = at.open_day().maxima.entry(second).or_insert(0.0);
            *most = larger(*most, rarity);
            let (role, maxima) = (Some(at.profile.role.as_str()), Some(&at.profile.maxima));
            rarity = shared.rates.rarity(constants, maxima, role, at.state, second, rarity)?;
        }
        own[place] = larger(own[place], rarity);
        if !order.contains(&place) {
            order.push(place);
        }
        found.sum += now;
        found.most = larger(found.most, now);
    }
    let session = &mut *at.session;
    if !raised.is_empty() {
        for &place in &order {
            let known = session.rarities.entry(plan.families[place].name.clone()).or_insert(0.0);
            *known = larger(*known, own[place]);
        }
        let mut all = vec![0.0; plan.families.len()];
        for (family, &rarity) in &session.rarities {
            if let Some(&place) = plan.family_places.get(family) {
                all[place] = rarity;
            }
        }
        let (combined, lead) = combine(plan, &all);
        session.combined = combined;
        session.lead = lead.map(|place| plan.families[place].name.clone());
    }
    let (whole, part) = (session.combined, combine(plan, &own).0);
    let number = plan.combination.id;
    let combined = &mut shared.combined;
    found.rarity = combined.rarity(constants, None, None, None, number, whole)?;
    found.own = combined.rarity(constants, None, None, None, number, part)?;
    Ok(found)
}
