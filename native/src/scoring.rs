//! Score one event: fields, detectors, rates of days, and the combination of its session; and learn
//! it afterwards; `models.scoring`.

use crate::alerting::weighing::weigh;
use crate::baseline::open_day::OpenDay;
use crate::baseline::profile::Profile;
use crate::baseline::session::{floats, Ordered, SessionScores};
use crate::baseline::subject::{Given, Subject};
use crate::calibration::day_maxima::BIN_BITS;
use crate::codec::hashing::{Hasher, Hashes};
use crate::detectors::moment::Moment;
use crate::detectors::novelty::{self, Novelty, NoveltyDetector};
use crate::detectors::promises::{add_promises, learn_promises, Standing};
use crate::detectors::{rules, slow_change};
use crate::features::conditions::Tested;
use crate::features::fields::{single, FieldsView};
use crate::features::plan::Plan;
use crate::features::reading::{Origin, Readers, Reading};
use crate::features::told::EventTools;
use crate::float_sums::larger;
use crate::json::action::{Action, Operation};
use crate::learning::shared::SharedBehaviour;
use crate::peers::knowledge::salt;
use crate::scores::Scored;
use crate::units::DAY_US;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// Bits of the arguments of an event, and what they are about.
pub struct Content<'a> {
    pub bits: f64,
    pub subject: &'a dyn Fn() -> PyResult<Option<Subject>>,
}

/// An event to score.
pub struct Arrived<'t, 'a, 'b> {
    pub told: &'t Action<'b>,
    pub operation: Operation,
    pub origin: &'t Origin,
    pub standing: Standing,
    pub content: Content<'a>,
    /// Gives it as Python has it.
    pub event: &'a dyn Fn() -> PyResult<Py<PyAny>>,
}

/// Functions of Python that the kernel calls.
pub struct Tools {
    pub readers: Readers,
    pub events: EventTools,
    pub content: Py<PyAny>,
    pub read_contribution: Py<PyAny>,
    pub contribution_bytes: Py<PyAny>,
    /// The registered detectors; None without any.
    pub panel: Option<Py<PyAny>>,
}

pub struct State {
    pub plan: Arc<Plan>,
    pub hasher: Hasher,
    pub hashes: Hashes,
    pub tools: Tools,
    pub shared: SharedBehaviour,
    pub tested: Tested,
}

impl State {
    /// Score one event of a session; days before `first_open` are over, and a blocked event has none.
    pub fn score<'t>(
        &mut self,
        py: Python<'_>,
        arrived: Arrived<'t, '_, '_>,
        profile: Py<Profile>,
        session: Py<SessionScores>,
        first_open: i64,
    ) -> PyResult<Scored<'t>> {
        let Arrived { told, operation, origin, standing, content: given, event } = arrived;
        let time_us = told.time_us;
        let (plan, hasher) = (&*self.plan, &self.hasher);
        let mut own_profile = profile.borrow_mut(py);
        let mut own_session = session.borrow_mut(py);
        let reading = Reading { py, plan, readers: &self.tools.readers };
        let (mut fields, facts) =
            reading.event(told, operation, origin, &own_session.previous_tool)?;
        let day = time_us.div_euclid(DAY_US);
        let special = own_profile.special_state(plan, time_us);
        let mut over =
            if day >= first_open && !standing.blocked { None } else { Some(OpenDay::of(special)) };
        let mut raised = Ordered::default();
        if day != own_session.day {
            raised.clone_from(&own_session.bits);
            own_session.day = day;
        }
        let credential = facts.credential.as_ref();
        let credential = credential.map_or(0, |id| hasher.of_parts(&["credential", id]));
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
            shown: FxHashMap::default(),
        };
        at.open_day();
        add_promises(&mut at, standing, credential);
        let mut found = Novelty::default();
        if facts.action {
            let shared = &mut self.shared;
            let (rates, text) = (&mut shared.novelty, String::new());
            let paths = rates.of_role(hasher, &plan.features, &at.profile.role, at.salt);
            let known = &shared.knowledge;
            found = NoveltyDetector { rates, shared: known, text, paths }.score(&mut at);
            shared.spread.score(&mut at, &found.new);
            shared.relations.measure(&mut at, &shared.knowledge);
            let content = arguments(py, told, &self.tools, &self.hashes)?;
            shared.amounts.score(&mut at, &mut self.tested, &found.new, content)?;
            slow_change::measure(&mut at);
            shared.traces.score(&mut at);
            at.session.previous_tool =
                at.fields.single(single::TOOL).unwrap_or_default().to_owned();
        }
        rules::score(&mut at);
        let panel = self.tools.panel.as_ref().filter(|_| facts.action);
        let opinions = match panel {
            Some(panel) => Some(ask(&mut at, panel, event()?.bind(py))?),
            None => None,
        };
        if given.bits > 0.0 {
            let (series, _) = plan.roles.content;
            if at.raise_bits(series, given.bits) {
                if let Some(subject) = (given.subject)()? {
                    at.session.subjects.insert(series, subject);
                }
            }
        }
        let weighed = weigh(&mut at, &mut self.shared)?;
        let special = special.map(str::to_owned);
        drop((own_profile, own_session));
        Ok(Scored {
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
            opinions,
            weighed,
        })
    }

    /// Count the combination of a session among the day's maxima, and its agent as active.
    pub fn count_day(&mut self, py: Python<'_>, scores: &mut Scored<'_>, repeated: bool) {
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
        self.shared.note_active(scores.day, profile.mark);
    }

    /// Learn an event after it was scored.
    pub fn learn(
        &mut self,
        py: Python<'_>,
        scores: &mut Scored<'_>,
        held_days: i64,
    ) -> PyResult<()> {
        let (plan, hasher, shared) = (&*self.plan, &self.hasher, &mut self.shared);
        let mut profile = scores.profile.borrow_mut(py);
        let mut session = scores.session.borrow_mut(py);
        let day = scores.day;
        let mut learned = Vec::new();
        if held_days == 0 || scores.found.new.is_empty() {
            if let (Some(panel), Some(opinions)) = (&self.tools.panel, &scores.opinions) {
                let role = profile.role.as_str();
                panel.call_method1(py, intern!(py, "learn"), (opinions, role))?;
            }
        }
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
            shown: FxHashMap::default(),
        };
        novelty::learn(&mut at, &mut shared.novelty, &scores.found);
        learn_promises(&mut at, scores.credential);
        if scores.facts.action {
            shared.spread.learn(&at, &scores.found.new);
            shared.relations.learn(&mut at, &mut shared.knowledge);
            let rare = scores.weighed.rarity >= plan.constants.noted_bits;
            if rare && shared.knows_rarity(&plan.constants) {
                shared.traces.learn(&at);
            }
        }
        Ok(())
    }

    /// Learn a day of an agent that is over, without some families.
    pub fn close(
        &mut self,
        profile: &mut Profile,
        day: i64,
        over: &OpenDay,
        families: &FxHashSet<String>,
    ) {
        let (plan, shared) = (&self.plan, &mut self.shared);
        let (mut maxima, mut of_cases) = (Vec::with_capacity(over.maxima.len()), Vec::new());
        for (&series, &bits) in &over.maxima {
            let family = plan.series_of(series).map(|row| &plan.families[row.family]);
            let counts = family.is_some_and(|one| !families.contains(&*one.name));
            if counts || plan.exposures.contains(&series) {
                maxima.push((series, bits));
            } else if family.is_some_and(|one| !one.certain) {
                of_cases.push((series, bits));
            }
        }
        let (role, special) = (profile.role.clone(), over.state.as_deref());
        shared.rates.close(
            &plan.constants,
            day,
            Some(&role),
            special,
            Some(&mut profile.maxima),
            &maxima,
        );
        shared.rates.count_case(day, &of_cases);
        let combined = [(plan.combination.id, over.combined)];
        shared.combined.close(&plan.constants, day, None, None, None, &combined);
        shared.amounts.close(plan, &self.hasher, profile, day, over);
        slow_change::close(profile, over);
    }
}

/// Bits of one registered detector; `models.detectors.panel.Verdict`.
#[derive(FromPyObject)]
struct Verdict {
    series: u64,
    exposure: u64,
    bits: f64,
    subject: Option<Given>,
}

/// Raise the bits of a session by what the registered detectors say of an event.
fn ask(
    at: &mut Moment<'_, '_, '_>,
    panel: &Py<PyAny>,
    event: &Bound<'_, PyAny>,
) -> PyResult<Py<PyAny>> {
    let (py, fields) = (at.py, FieldsView::of(at.py, at.fields)?);
    let amounts = floats(py, &at.session.amounts)?;
    let known = floats(py, &at.session.bits)?;
    let role = at.profile.role.as_str();
    let asked = (event, fields, role, at.time_us, amounts, known);
    let found = panel.bind(py).call_method1(intern!(py, "ask"), asked)?;
    let (opinions, verdicts): (Py<PyAny>, Vec<Verdict>) = found.extract()?;
    for one in verdicts {
        at.open_day().maxima.insert(one.exposure, BIN_BITS);
        if at.raise_bits(one.series, one.bits) {
            if let Some(subject) = one.subject {
                at.session.subjects.insert(one.series, subject.into());
            }
        }
    }
    Ok(opinions)
}

/// The mark of the arguments of an event.
fn arguments(py: Python<'_>, told: &Action<'_>, tools: &Tools, hashes: &Hashes) -> PyResult<u64> {
    let given = told.arguments.as_ref();
    if let Some(mark) = given.and_then(|given| given.mark) {
        return Ok(mark);
    }
    let raw = given.map_or("{}", |given| &given.raw);
    match hashes.content_of(raw.as_bytes()) {
        Some(found) => Ok(found),
        None => tools.content.bind(py).call1((PyBytes::new(py, raw.as_bytes()),))?.extract(),
    }
}
