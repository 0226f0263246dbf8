//! Learns a closed session behind the learning gate: its tools, values and flows.

use crate::codec::hashing::mix;
use crate::provenance::argument_detector::ArgumentDetector;
use crate::provenance::cross_task_spread::record_spread;
use crate::provenance::entity_binding::learn_binding;
use crate::provenance::history::bounded_table::{time_of, MAX_KNOWN};
use crate::provenance::history::request_clusters::{RoleTable, RARE, YOUNG};
use crate::provenance::history::session_votes::SessionVotes;
use crate::provenance::history::vote_retraction::{count_votes, novel_votes, retract_if_recurrent};
use crate::provenance::novelty::{
    own_cluster, similar_marks, ACCEPTED_FLOW, AGENT_FLOW, NEW_AT_ARGUMENT, SAME_REQUEST,
};
use crate::provenance::novelty_prior::NoveltyRates;
use crate::provenance::session::{CallScore, Ordered, Session, MAX_USES};
use crate::provenance::session_uses::{EarlySession, Use};
use crate::units::DAY_US;
use pyo3::prelude::*;
use rustc_hash::FxHashSet;

pub const GATE: f64 = 0.05;
const STRICT_GATE: f64 = 0.01;
const WAIT_P: f64 = 0.5;
pub const UNGATED_WAIT_P: f64 = 0.1;
const QUORUM: u32 = 3;
const DAYS: u32 = 2;
const BY_AGENTS: u64 = 9;
const ON_DAYS: u64 = 10;
const OF_VALUES: u64 = 11;
const IN_WEEKS: u64 = 12;
const BY_SESSIONS: u64 = 13;
const SETTLED: i64 = 100;
const WARM_UP: f64 = 20.0;

/// Records one scored call in its session.
pub fn record_call(session: &mut Session, content: &CallScore) {
    if !session.tools.contains(&content.tool) {
        session.tools.push(content.tool);
    }
    for (index, used) in content.uses.iter().enumerate() {
        let key = mix(used.tool_key, used.value, used.flow);
        if let Some(known) = session.uses.get_mut(&key) {
            known.level = known.level.max(used.level);
        } else if session.uses.len() < MAX_USES {
            session.uses.insert(key, *used);
            if let Some(seen) = content.snapshots.get(index) {
                session.snapshots.insert(key, *seen);
            }
        }
    }
    if let Some(tainted) = content.tainted.as_ref().filter(|_| content.score >= session.peak_bits) {
        (session.peak_bits, session.peak_value) = (content.score, tainted.value);
        session.peak_argument = tainted.argument;
        session.peak_unexplained = tainted.uncovered && tainted.flow_level > 0;
    }
    for (&key, vote) in &content.votes {
        if let Some(seen) = session.votes.get_mut(&key) {
            seen.raise(vote);
        } else if session.votes.len() < MAX_USES {
            session.votes.insert(key, *vote);
        }
    }
    for (mark, source) in &content.sources {
        session.sources.add(*mark, source);
    }
}

/// Learns a finished session; counts it as skipped and gives false if it is not learned.
pub fn close(
    detector: &mut ArgumentDetector,
    py: Python<'_>,
    session: &mut Session,
) -> PyResult<bool> {
    let ungated = session.learning || session.trusted_history;
    let anomalous = session.p.is_some_and(|p| p < GATE);
    let wait = session.p.map_or(!ungated, |p| p < if ungated { UNGATED_WAIT_P } else { WAIT_P });
    let number = join(detector, py, session)?;
    let agent = detector.hasher.of(&session.agent_id);
    let request = detector.request(py, session)?;
    let ArgumentDetector { roles, rates, .. } = detector;
    let Some(role) = roles.get_mut(&session.role) else { return Ok(false) };
    if let Some(cluster) = role.touch(number) {
        cluster.used_us = cluster.used_us.max(session.last_us);
    }
    let same_task = similar_marks(&session.near, number);
    record_spread(role, session, number, &same_task, session.p.is_none_or(|p| p >= UNGATED_WAIT_P));
    let day = session.last_us.div_euclid(DAY_US);
    if anomalous && session.peak_value != 0 {
        role.suspicions.add_cluster_mark(session.peak_value, number, &same_task, day);
    }
    let new_peak = if anomalous && peak_is_new(session) { session.peak_value } else { 0 };
    let common = ungated && new_peak != 0 && is_typical(role, new_peak, day);
    let recurs_across_tasks =
        new_peak != 0 && !common && retract_if_recurrent(rates, role, new_peak, day);
    if anomalous && !ungated {
        skip(role, number, session);
        if !corroborated(role, number, session, agent) {
            return Ok(false);
        }
    }
    role.share(number, -1);
    if let Some(cluster) = role.cluster_mut(number) {
        cluster.n += 1;
    }
    role.n += 1;
    let settled = session.learning && !session.trusted_history && role.n >= SETTLED;
    let own = if settled { agent } else { 0 };
    let recurrent_value = if ungated && recurs_across_tasks { new_peak } else { 0 };
    let (waiting, result_entities) =
        learn_uses(role, number, session, (own, recurrent_value), wait);
    learn_names(role, &request.entities, result_entities, day);
    let waits: Vec<u64> = waiting.values().copied().collect();
    if let Some(cluster) = role.cluster_mut(number) {
        cluster.tools.count(session.tools.iter().copied());
        let keys = session.uses.values().map(|used| used.tool_key);
        cluster.keys.count(once_each(keys.filter(|key| !waits.contains(key)).collect()));
        cluster.familiar += i64::from(ungated && waits.is_empty());
    }
    role.share(number, 1);
    let session_votes =
        if ungated && !recurs_across_tasks { vote(rates, role, session, new_peak) } else { None };
    if role.n <= YOUNG {
        let uses =
            session.uses.values().copied().zip(session.snapshots.values().copied()).collect();
        let (last_us, tools) = (session.last_us, session.tools.clone());
        let waiting = waiting.into_keys().collect();
        keep(
            role,
            session,
            EarlySession { number, last_us, ungated, tools, waiting, uses, session_votes },
        );
    }
    Ok(true)
}

/// Keeps a session of a young role for history cleaning, which needs all of them.
fn keep(role: &mut RoleTable, session: &Session, first: EarlySession) {
    if (role.early_sessions.len() as i64) < role.n - 1
        || session.snapshots.len() < session.uses.len()
    {
        role.early_sessions.clear();
        role.unstored = 0;
        return;
    }
    role.early_sessions.push(first);
    role.unstored += 1;
}

fn skip(role: &mut RoleTable, number: i64, session: &Session) {
    let same = session.near.iter().filter(|near| near.2 >= SAME_REQUEST).map(|near| near.0);
    let same_task: FxHashSet<i64> = same.chain([number]).collect();
    for number in same_task {
        if role.cluster(number).is_some() {
            if let Some(cluster) = role.touch(number) {
                cluster.skipped += 1;
            }
        }
    }
}

/// The uses of the session's peak value at its argument.
fn peaks(session: &Session) -> impl Iterator<Item = &Use> {
    let is_peak =
        |used: &&Use| used.tool_key == session.peak_argument && used.value == session.peak_value;
    session.uses.values().filter(is_peak)
}

/// Counts a session that a value made anomalous; gives the recent number of them.
pub fn count_session(role: &mut RoleTable, value: u64, day: i64) -> i64 {
    role.corroboration.tally(mix(value, BY_SESSIONS, 0), day)
}

/// Whether a value is in so many sessions that it is part of the role's work; then its
/// suspicions are removed.
fn is_typical(role: &mut RoleTable, value: u64, day: i64) -> bool {
    if role.n < YOUNG {
        return false; // history cleaning examines these sessions together
    }
    let session_counts = count_session(role, value, day);
    if session_counts <= RARE || session_counts * YOUNG <= RARE * role.n {
        return false;
    }
    role.suspicions.forget(value);
    true
}

/// Whether the value that made a session anomalous is new to the role and unexplained.
fn peak_is_new(session: &Session) -> bool {
    session.peak_unexplained && peaks(session).any(|used| used.level > NEW_AT_ARGUMENT)
}

/// Whether several agents corroborate an anomalous session, and its value
/// was not suspicious in other tasks.
fn corroborated(role: &mut RoleTable, number: i64, session: &Session, agent: u64) -> bool {
    let day = session.last_us.div_euclid(DAY_US);
    let flow = peaks(session).next().map_or(0, |used| used.flow);
    if flow != 0 && role.flow.has(flow) && recurs_weekly(role, session.peak_value, agent, day) {
        return true;
    }
    let alone = !role.recurs_across_tasks(session.peak_value, day);
    if session.p.is_none_or(|p| p >= STRICT_GATE) {
        let agents =
            role.corroboration.add_mark(mix(number as u64, session.peak_argument, 8), agent, day);
        return agents >= QUORUM && alone;
    }
    flow != 0 && alone && accept_flow(role, flow, session.peak_value, agent, day)
}

/// Whether several agents use a value in several weeks.
fn recurs_weekly(role: &mut RoleTable, value: u64, agent: u64, day: i64) -> bool {
    let agents = role.corroboration.add_mark(mix(value, BY_AGENTS, 0), agent, day);
    let weeks =
        role.corroboration.add_mark(mix(value, IN_WEEKS, 0), time_of(day.div_euclid(7)), day);
    agents.min(weeks) >= QUORUM
}

/// Whether several agents use a flow on several days or with several values; then it is
/// accepted.
fn accept_flow(role: &mut RoleTable, flow: u64, value: u64, agent: u64, day: i64) -> bool {
    let agents = role.corroboration.add_mark(mix(flow, BY_AGENTS, 0), agent, day);
    let days = role.corroboration.add_mark(mix(flow, ON_DAYS, 0), time_of(day), day);
    let values = role.corroboration.add_mark(mix(flow, OF_VALUES, 0), value, day);
    if agents.min(days.max(values)) < QUORUM {
        return false;
    }
    role.flow.record_day(mix(flow, ACCEPTED_FLOW, 0), day);
    true
}

/// Gives the cluster of a session; adds a new one when none is similar.
fn join(detector: &mut ArgumentDetector, py: Python<'_>, session: &mut Session) -> PyResult<i64> {
    let number = own_cluster(&session.near, detector.role(&session.role));
    if number != 0 {
        return Ok(number);
    }
    // Another session with the same request can have added its cluster in the meantime.
    detector.compare(py, session)?;
    let number = own_cluster(&session.near, detector.role(&session.role));
    if number != 0 {
        return Ok(number);
    }
    let request = detector.request(py, session)?;
    let role = detector.role(&session.role);
    role.evict_oldest();
    let number = role.add_cluster(&request.words, session.last_us);
    let bag = role.cluster(number).map(|cluster| cluster.bag.clone()).unwrap_or_default();
    detector.words.add(&bag, detector.roles.values_mut());
    Ok(number)
}

/// The entity from results at each (tool, key); None for several.
type ResultEntities = Ordered<Option<u64>>;

/// Learns values and flows; gives the (tool, key) of the values that must wait, and the learned
/// entities from results.
fn learn_uses(
    role: &mut RoleTable,
    number: i64,
    session: &Session,
    (own, recurrent_value): (u64, u64),
    wait: bool,
) -> (Ordered<u64>, ResultEntities) {
    let (mut waiting, mut result_entities) = (Ordered::default(), ResultEntities::default());
    let (mut values, mut flows) = (Vec::new(), Vec::new());
    let day = session.last_us.div_euclid(DAY_US);
    for used in session.uses.values() {
        let at = mix(used.tool_key, used.value, 2);
        let anomalous_new = wait && used.level >= NEW_AT_ARGUMENT;
        if anomalous_new || unlearned(role, used, at) {
            let wait = must_wait(role, session, used, mix(number as u64, at, 0));
            if wait || used.value == recurrent_value {
                waiting.insert(at, used.tool_key);
                continue;
            }
        }
        values.push(at);
        role.known_at.record_day(at, day);
        role.known_values.record_day(used.value, day);
        for known in [used.root, used.domain].into_iter().filter(|&known| known != 0) {
            role.roots.record_day(known, day);
        }
        if used.flow != 0 {
            flows.push(used.flow);
            role.flow.record_day(used.flow, day);
            let accepted = mix(used.flow, ACCEPTED_FLOW, 0);
            if role.flow.has(accepted) {
                role.flow.record_day(accepted, day);
            }
            role.flow_key.record_day(used.flow_key, day);
            if own != 0 {
                role.flow.record_day(mix(used.flow, own, AGENT_FLOW), day);
            }
            if used.is_entity {
                let only = result_entities.entry(used.tool_key).or_insert(Some(used.value));
                *only = only.filter(|&value| value == used.value);
            }
        }
    }
    if let Some(cluster) = role.cluster_mut(number) {
        cluster.values.count(once_each(values));
        cluster.flows.count(once_each(flows));
    }
    (waiting, result_entities)
}

/// Whether a value was known at its argument when scored, but no longer is.
fn unlearned(role: &RoleTable, used: &Use, at: u64) -> bool {
    used.flow != 0
        && used.level < NEW_AT_ARGUMENT
        && !role.known_at.has(at)
        && !role.flow.has(mix(used.flow, ACCEPTED_FLOW, 0))
}

/// Counts a session with a new value; gives whether the value must wait for more sessions.
fn must_wait(role: &mut RoleTable, session: &Session, used: &Use, key: u64) -> bool {
    let (day, mut days) = (session.last_us.div_euclid(DAY_US), DAYS);
    let others = role.waiting.add_mark(key, time_of(session.last_us), day);
    let ungated = session.learning || session.trusted_history;
    if !ungated
        && used.value == session.peak_value
        && used.flow != 0
        && used.level > NEW_AT_ARGUMENT
    {
        days = role.waiting.add_mark(mix(key, ON_DAYS, 0), time_of(day), day);
    }
    others < QUORUM || days < DAYS
}

fn once_each(mut keys: Vec<u64>) -> Vec<u64> {
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Binds the entities of the request to the values from results.
fn learn_names(role: &mut RoleTable, names: &[u64], result_entities: ResultEntities, day: i64) {
    for (tool_key, value) in result_entities {
        let Some(value) = value else { continue };
        for &name in names {
            learn_binding(&mut role.bindings, tool_key, name, value, day);
        }
    }
    role.bindings.bound(MAX_KNOWN);
}

/// Counts the session's vote on the novelty of its values and flows, once at each argument. The
/// votes of an anomalous session are retained. Gives the votes for novelty of an early session
/// that are not retained.
fn vote(
    rates: &mut NoveltyRates,
    role: &mut RoleTable,
    session: &Session,
    new_peak: u64,
) -> Option<SessionVotes> {
    let weight = role.n as f64 / (role.n as f64 + WARM_UP);
    let (day, votes) = (session.last_us.div_euclid(DAY_US), session.votes.values().copied());
    let session_votes = SessionVotes { day, weight, votes: votes.collect() };
    count_votes(rates, &session_votes);
    if new_peak != 0 {
        role.retained_votes.keep(new_peak, novel_votes(session_votes));
        return None;
    }
    (role.n <= YOUNG).then(|| novel_votes(session_votes))
}
