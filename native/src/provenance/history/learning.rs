//! Learns a closed session: its tools, values and flows, behind the learning gate.

use crate::codec::hashing::mix;
use crate::provenance::argument_detector::Detector;
use crate::provenance::cross_task_spread::note_wandering;
use crate::provenance::entity_binding::tie;
use crate::provenance::history::bounded_table::{time_of, MAX_KNOWN};
use crate::provenance::history::request_clusters::{Role, RARE, YOUNG};
use crate::provenance::history::session_votes::Ballot;
use crate::provenance::history::vote_retraction::{cast, doubt, news_of};
use crate::provenance::novelty::{kinds_like, own_cluster, ACCEPTED, OWN, SAME_REQUEST, UNKNOWN};
use crate::provenance::novelty_prior::Rates;
use crate::provenance::session::{Content, Ordered, Session, MAX_USES};
use crate::provenance::session_uses::{First, Use};
use crate::units::DAY_US;
use pyo3::prelude::*;
use rustc_hash::FxHashSet;

pub const GATE: f64 = 0.05;
const VERY_UNUSUAL: f64 = 0.01;
const HOLD: f64 = 0.5;
pub const FREE_HOLD: f64 = 0.1;
const QUORUM: u32 = 3;
const DAYS: u32 = 2;
const BY_AGENTS: u64 = 9;
const ON_DAYS: u64 = 10;
const OF_VALUES: u64 = 11;
const IN_WEEKS: u64 = 12;
const BY_SESSIONS: u64 = 13;
const SETTLED: i64 = 100;
const WARM_UP: f64 = 20.0;

/// Adds one judged call to what its session has carried.
pub fn note(session: &mut Session, content: &Content) {
    if !session.tools.contains(&content.tool) {
        session.tools.push(content.tool);
    }
    for (index, held) in content.uses.iter().enumerate() {
        let place = mix(held.tool_key, held.value, held.flow);
        if let Some(known) = session.uses.get_mut(&place) {
            known.level = known.level.max(held.level);
        } else if session.uses.len() < MAX_USES {
            session.uses.insert(place, *held);
            if let Some(seen) = content.seen.get(index) {
                session.seen.insert(place, *seen);
            }
        }
    }
    if let Some(carrier) = content.carrier.as_ref().filter(|_| content.score >= session.top) {
        (session.top, session.peak) = (content.score, carrier.value);
        session.peak_place = carrier.place;
        session.strange = carrier.bare && carrier.flow_level > 0;
    }
    for (&place, vote) in &content.votes {
        if let Some(seen) = session.votes.get_mut(&place) {
            seen.raise(vote);
        } else if session.votes.len() < MAX_USES {
            session.votes.insert(place, *vote);
        }
    }
    for (mark, source) in &content.came {
        session.came.remember(*mark, source);
    }
}

/// Learns a finished session, or notes that it was skipped and gives false.
pub fn close(detector: &mut Detector, py: Python<'_>, session: &mut Session) -> PyResult<bool> {
    let free = session.learning || session.vouched;
    let unusual = session.p.is_some_and(|p| p < GATE);
    let hold = session.p.map_or(!free, |p| p < if free { FREE_HOLD } else { HOLD });
    let number = join(detector, py, session)?;
    let agent = detector.hasher.of(&session.agent_id);
    let request = detector.request(py, session)?;
    let Detector { roles, rates, .. } = detector;
    let Some(role) = roles.get_mut(&session.role) else { return Ok(false) };
    if let Some(cluster) = role.touch(number) {
        cluster.used_us = cluster.used_us.max(session.last_us);
    }
    let alike = kinds_like(&session.near, number);
    note_wandering(role, session, number, &alike, session.p.is_none_or(|p| p >= FREE_HOLD));
    let day = session.last_us.div_euclid(DAY_US);
    if unusual && session.peak != 0 {
        role.sightings.note_kind(session.peak, number, &alike, day);
    }
    let unknown = if unusual && is_unknown(session) { session.peak } else { 0 };
    let common = free && unknown != 0 && is_common(role, unknown, day);
    let follows = unknown != 0 && !common && doubt(rates, role, unknown, day);
    if unusual && !free {
        skip(role, number, session);
        if !accepted(role, number, session, agent) {
            return Ok(false);
        }
    }
    role.share(number, -1);
    if let Some(cluster) = role.cluster_mut(number) {
        cluster.n += 1;
    }
    role.n += 1;
    let settled = session.learning && !session.vouched && role.n >= SETTLED;
    let own = if settled { agent } else { 0 };
    let follower = if free && follows { unknown } else { 0 };
    let (held, fetched) = learn_uses(role, number, session, (own, follower), hold);
    learn_names(role, &request.names, fetched, day);
    let waits: Vec<u64> = held.values().copied().collect();
    if let Some(cluster) = role.cluster_mut(number) {
        cluster.tools.count(session.tools.iter().copied());
        let keys = session.uses.values().map(|held| held.tool_key);
        cluster.keys.count(once_each(keys.filter(|key| !waits.contains(key)).collect()));
        cluster.full += i64::from(free && waits.is_empty());
    }
    role.share(number, 1);
    let ballot = if free && !follows { vote(rates, role, session, unknown) } else { None };
    if role.n <= YOUNG {
        let uses = session.uses.values().copied().zip(session.seen.values().copied()).collect();
        let (last_us, tools) = (session.last_us, session.tools.clone());
        let held = held.into_keys().collect();
        keep(role, session, First { number, last_us, free, tools, held, uses, ballot });
    }
    Ok(true)
}

/// Keeps a session of a young role for a second look; none without all of them.
fn keep(role: &mut Role, session: &Session, first: First) {
    if (role.first.len() as i64) < role.n - 1 || session.seen.len() < session.uses.len() {
        role.first.clear();
        role.unsaid = 0;
        return;
    }
    role.first.push(first);
    role.unsaid += 1;
}

fn skip(role: &mut Role, number: i64, session: &Session) {
    let same = session.near.iter().filter(|near| near.2 >= SAME_REQUEST).map(|near| near.0);
    let alike: FxHashSet<i64> = same.chain([number]).collect();
    for number in alike {
        if role.cluster(number).is_some() {
            if let Some(cluster) = role.touch(number) {
                cluster.skipped += 1;
            }
        }
    }
}

/// The uses of the value that is hardest to account for, where it is.
fn peaks(session: &Session) -> impl Iterator<Item = &Use> {
    let is_peak = |held: &&Use| held.tool_key == session.peak_place && held.value == session.peak;
    session.uses.values().filter(is_peak)
}

/// Counts one more session that a value made unusual; gives how many there were of late.
pub fn count_bearer(role: &mut Role, value: u64, day: i64) -> i64 {
    role.doubters.tally(mix(value, BY_SESSIONS, 0), day)
}

/// Whether a value is in so many sessions that it is part of the role's work; it is then said of it
/// no more that it follows the agents around.
fn is_common(role: &mut Role, value: u64, day: i64) -> bool {
    if role.n < YOUNG {
        return false; // its first sessions are looked at together
    }
    let bearers = count_bearer(role, value, day);
    if bearers <= RARE || bearers * YOUNG <= RARE * role.n {
        return false;
    }
    role.sightings.forget(value);
    true
}

/// Whether the value that made a session unusual is new to the role, and strange.
fn is_unknown(session: &Session) -> bool {
    session.strange && peaks(session).any(|held| held.level > UNKNOWN)
}

/// Whether what is unusual has become part of such requests: several agents did it, and its value
/// raised no suspicion in other kinds of request.
fn accepted(role: &mut Role, number: i64, session: &Session, agent: u64) -> bool {
    let day = session.last_us.div_euclid(DAY_US);
    let flow = peaks(session).next().map_or(0, |held| held.flow);
    if flow != 0 && role.flow.has(flow) && stays(role, session.peak, agent, day) {
        return true;
    }
    let alone = !role.follows(session.peak, day);
    if session.p.is_none_or(|p| p >= VERY_UNUSUAL) {
        let agents = role.doubters.note(mix(number as u64, session.peak_place, 8), agent, day);
        return agents >= QUORUM && alone;
    }
    flow != 0 && alone && brought_along(role, flow, session.peak, agent, day)
}

/// Whether several agents carry a value week after week.
fn stays(role: &mut Role, value: u64, agent: u64, day: i64) -> bool {
    let agents = role.doubters.note(mix(value, BY_AGENTS, 0), agent, day);
    let weeks = role.doubters.note(mix(value, IN_WEEKS, 0), time_of(day.div_euclid(7)), day);
    agents.min(weeks) >= QUORUM
}

/// Whether several agents bring a flow along on several days or with several values; then it is
/// accepted.
fn brought_along(role: &mut Role, flow: u64, value: u64, agent: u64, day: i64) -> bool {
    let agents = role.doubters.note(mix(flow, BY_AGENTS, 0), agent, day);
    let days = role.doubters.note(mix(flow, ON_DAYS, 0), time_of(day), day);
    let values = role.doubters.note(mix(flow, OF_VALUES, 0), value, day);
    if agents.min(days.max(values)) < QUORUM {
        return false;
    }
    role.flow.remember(mix(flow, ACCEPTED, 0), day);
    true
}

/// Gives the cluster that a session belongs to, a new one where there is none like it.
fn join(detector: &mut Detector, py: Python<'_>, session: &mut Session) -> PyResult<i64> {
    let number = own_cluster(&session.near, detector.role(&session.role));
    if number != 0 {
        return Ok(number);
    }
    // Another session of the same request may have founded its cluster since this one opened.
    detector.compare(py, session)?;
    let number = own_cluster(&session.near, detector.role(&session.role));
    if number != 0 {
        return Ok(number);
    }
    let request = detector.request(py, session)?;
    let role = detector.role(&session.role);
    role.make_room();
    let number = role.found(&request.words, session.last_us);
    let bag = role.cluster(number).map(|cluster| cluster.bag.clone()).unwrap_or_default();
    detector.words.add(&bag, detector.roles.values_mut());
    Ok(number)
}

/// What stands for somebody and came out of results at a (tool, key); none where it was several.
type Fetched = Ordered<Option<u64>>;

/// Learns values and flows; gives the (tool, key) of the values that must wait, and of the others
/// what was fetched.
fn learn_uses(
    role: &mut Role,
    number: i64,
    session: &Session,
    (own, follower): (u64, u64),
    hold: bool,
) -> (Ordered<u64>, Fetched) {
    let (mut waiting, mut fetched) = (Ordered::default(), Fetched::default());
    let (mut values, mut flows) = (Vec::new(), Vec::new());
    let day = session.last_us.div_euclid(DAY_US);
    for held in session.uses.values() {
        let at = mix(held.tool_key, held.value, 2);
        let doubtful = hold && held.level >= UNKNOWN;
        if doubtful || unlearned(role, held, at) {
            let wait = waits(role, session, held, mix(number as u64, at, 0));
            if wait || held.value == follower {
                waiting.insert(at, held.tool_key);
                continue;
            }
        }
        values.push(at);
        role.at.remember(at, day);
        role.anywhere.remember(held.value, day);
        for known in [held.root, held.domain].into_iter().filter(|&known| known != 0) {
            role.roots.remember(known, day);
        }
        if held.flow != 0 {
            flows.push(held.flow);
            role.flow.remember(held.flow, day);
            let accepted = mix(held.flow, ACCEPTED, 0);
            if role.flow.has(accepted) {
                role.flow.remember(accepted, day);
            }
            role.flow_key.remember(held.flow_key, day);
            if own != 0 {
                role.flow.remember(mix(held.flow, own, OWN), day);
            }
            if held.who {
                let only = fetched.entry(held.tool_key).or_insert(Some(held.value));
                *only = only.filter(|&value| value == held.value);
            }
        }
    }
    if let Some(cluster) = role.cluster_mut(number) {
        cluster.values.count(once_each(values));
        cluster.flows.count(once_each(flows));
    }
    (waiting, fetched)
}

/// Whether a value was known at its place when it was judged, and is not any more.
fn unlearned(role: &Role, held: &Use, at: u64) -> bool {
    held.flow != 0
        && held.level < UNKNOWN
        && !role.at.has(at)
        && !role.flow.has(mix(held.flow, ACCEPTED, 0))
}

/// Notes one more session of a kind of request with a new value; tells whether it must wait.
fn waits(role: &mut Role, session: &Session, held: &Use, place: u64) -> bool {
    let (day, mut days) = (session.last_us.div_euclid(DAY_US), DAYS);
    let others = role.waiting.note(place, time_of(session.last_us), day);
    let free = session.learning || session.vouched;
    if !free && held.value == session.peak && held.flow != 0 && held.level > UNKNOWN {
        days = role.waiting.note(mix(place, ON_DAYS, 0), time_of(day), day);
    }
    others < QUORUM || days < DAYS
}

fn once_each(mut keys: Vec<u64>) -> Vec<u64> {
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Learns what came out of results with the names of the request.
fn learn_names(role: &mut Role, names: &[u64], fetched: Fetched, day: i64) {
    for (tool_key, value) in fetched {
        let Some(value) = value else { continue };
        for &name in names {
            tie(&mut role.names, tool_key, name, value, day);
        }
    }
    role.names.bound(MAX_KNOWN);
}

/// Lets the session vote once at each place on how new its values and flows were; what a doubtful
/// one says is kept. Gives what one of the first sessions said of anything new, where it is not
/// kept.
fn vote(rates: &mut Rates, role: &mut Role, session: &Session, unknown: u64) -> Option<Ballot> {
    let weight = role.n as f64 / (role.n as f64 + WARM_UP);
    let (day, votes) = (session.last_us.div_euclid(DAY_US), session.votes.values().copied());
    let ballot = Ballot { day, weight, votes: votes.collect() };
    cast(rates, &ballot);
    if unknown != 0 {
        role.ballots.keep(unknown, news_of(ballot));
        return None;
    }
    (role.n <= YOUNG).then(|| news_of(ballot))
}
