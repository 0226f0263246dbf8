//! Looks again at a role's first sessions, once there is something to judge them by;
//!.

use crate::codec::hashing::mix;
use crate::provenance::argument_detector::{intents, like, Detector, PLAIN_FACTOR};
use crate::provenance::call_scoring::{recurrence, RECURRENCE_BITS};
use crate::provenance::history::bounded_table::{mark_of, time_of, Table};
use crate::provenance::history::learning::{count_bearer, FREE_HOLD, GATE};
use crate::provenance::history::request_clusters::{Cluster, Role, RARE};
use crate::provenance::history::vote_retraction::doubt;
use crate::provenance::novelty::{familiarity, kinds_like, Alike, Place, UNKNOWN};
use crate::provenance::novelty_prior::{Rates, FLOW, VALUE};
use crate::provenance::session::Near;
use crate::provenance::session_uses::{First, Use};
use crate::units::DAY_US;
use rustc_hash::{FxHashMap, FxHashSet};

const SEVERAL: usize = 2;

type Keys = FxHashSet<u64>;
/// How many of the sessions brought each key of what a role knows.
type Bearers = [FxHashMap<u64, i64>; 5];

/// Of each value that was new in a session that stood out, the marks of the kinds of request it was
/// new in, none like another.
type Kinds = FxHashMap<u64, FxHashSet<i64>>;

/// A session's score in bits, the value that made it, whether that is new to the role and
/// strange, all that is new in it, and the marks of its kind of request and its like.
type Judged = (f64, u64, bool, Vec<Use>, Vec<i64>);

/// Judges a role's first sessions by one another; unlearns what is new in those that stand out.
/// Then the others again, as what these brought no longer makes it look usual.
pub fn look_again(detector: &mut Detector, name: &str) {
    let Some(role) = detector.roles.get_mut(name) else { return };
    let mut first = std::mem::take(&mut role.first);
    role.unsaid = 0;
    let mut rest: Vec<usize> = (0..first.len()).collect();
    let mut scores: Vec<f64> = Vec::new();
    let mut kinds = Kinds::default();
    while !rest.is_empty() {
        let mut bearers = bearers_of(&first);
        let mut others = Others::new(role, &bearers);
        let mut judged: Vec<Judged> = Vec::new();
        for &at in &rest {
            let bag = role.cluster(first[at].number).map(|c| c.bag.clone()).unwrap_or_default();
            let near = like(role, &mut detector.words, &bag);
            judged.push(others.judge(&detector.rates, &first[at], &near, &kinds));
        }
        if scores.is_empty() {
            scores = judged.iter().map(|judged| judged.0).collect();
            scores.sort_unstable_by(f64::total_cmp);
        }
        let before = rest.len();
        let mut found = judged.iter();
        rest.retain(|&at| {
            let (one, Some(found)) = (&mut first[at], found.next()) else { return true };
            if !stands_out(role, one, found, &scores, &mut bearers) {
                return true;
            }
            for held in &found.3 {
                let kinds = kinds.entry(held.value).or_default();
                if !found.4.iter().any(|mark| kinds.contains(mark)) {
                    kinds.insert(mark_of(one.number as u64));
                }
            }
            false
        });
        if rest.len() == before {
            break;
        }
    }
    unlearn_wandering(role, &mut first, &rest, &kinds);
    let day = first.last().map_or(0, |one| one.last_us.div_euclid(DAY_US));
    for value in role.ballots.values() {
        doubt(&mut detector.rates, role, value, day);
    }
}

/// Tells whether a session stands out among these scores, and unlearns what is new in it.
fn stands_out(
    role: &mut Role,
    one: &mut First,
    (score, peak, unknown, new, alike): &Judged,
    scores: &[f64],
    bearers: &mut Bearers,
) -> bool {
    let below = scores.partition_point(|other| other < score);
    let p = (scores.len() - below) as f64 / scores.len() as f64;
    if !one.free || *peak == 0 || p > FREE_HOLD {
        return false;
    }
    unlearn(role, one, new, bearers);
    if *unknown {
        count_bearer(role, *peak, one.last_us.div_euclid(DAY_US));
    }
    if let Some(ballot) = one.ballot.take().filter(|_| *unknown) {
        role.ballots.keep(*peak, ballot);
    }
    if p < GATE {
        role.sightings.note_kind(*peak, one.number, alike, one.last_us.div_euclid(DAY_US));
    }
    true
}

fn bearers_of(first: &[First]) -> Bearers {
    let mut bearers = Bearers::default();
    for one in first {
        for (counts, keys) in bearers.iter_mut().zip(brought(&learned(one))) {
            keys.into_iter().for_each(|key| *counts.entry(key).or_insert(0) += 1);
        }
    }
    bearers
}

/// A role as all but one of its first sessions know it: a copy.
struct Others {
    role: Role,
}

impl Others {
    fn new(whole: &mut Role, bearers: &Bearers) -> Self {
        let mut role = Role::new();
        for (table, counts) in known(&mut role).into_iter().zip(bearers) {
            let common = counts.iter().filter(|(_, &n)| n > RARE);
            *table = Table::of(common.map(|(&key, _)| (key, 0)));
        }
        role.sightings = Table::of(whole.sightings.each());
        for slot in whole.in_order() {
            let Some(cluster) = whole.slots[slot].as_ref() else { continue };
            role.insert(copy(cluster));
            role.share(cluster.number, 1);
        }
        Others { role }
    }

    fn judge(&mut self, rates: &Rates, one: &First, near: &[Near], kinds: &Kinds) -> Judged {
        if self.role.cluster(one.number).is_none() {
            return (0.0, 0, false, Vec::new(), Vec::new());
        }
        let counted = counted(one);
        self.shift(one, &counted, -1);
        let judged = self.score(rates, one, near, kinds);
        self.shift(one, &counted, 1);
        judged
    }

    /// Takes a session and what it added out of its cluster, or puts it back.
    fn shift(&mut self, one: &First, counted: &[Keys; 4], sign: i64) {
        self.role.share(one.number, -1);
        if let Some(cluster) = self.role.cluster_mut(one.number) {
            cluster.n += sign;
            cluster.full += sign * i64::from(one.full());
            for (table, keys) in cluster.tables_mut().into_iter().zip(counted) {
                keys.iter().for_each(|&key| table.add(key, sign));
            }
        }
        self.role.share(one.number, 1);
    }

    fn score(&self, rates: &Rates, one: &First, near: &[Near], kinds: &Kinds) -> Judged {
        let (role, day) = (&self.role, one.last_us.div_euclid(DAY_US));
        let (alike, own) = (Alike::new(Some(role), near), kinds_like(near, one.number));
        let known = familiarity(near.iter().filter_map(|&(number, _, similar)| {
            role.cluster(number).map(|cluster| (similar, cluster.full, cluster.skipped))
        }));
        let (mut score, mut peak, mut unknown, mut new) = (0.0, 0, false, Vec::new());
        for (held, seen) in one.uses.iter().filter(|(held, _)| held.flow != 0) {
            let here = alike.near.iter().map(|&(_, cluster, similar)| {
                (similar, cluster.keys.get(held.tool_key), cluster.skipped)
            });
            let mixed = (known + familiarity(here)) / 2.0;
            let place = Place { exact: 0, contexts: seen.contexts };
            let telling = || place.telling(rates, mixed, day);
            let again = recurrence(role, held.value, day, &own);
            let least = least(kinds.get(&held.value), &own, again);
            let (mut level, flow_level) = alike.levels(role, held, least, telling);
            if level >= UNKNOWN {
                new.push(*held);
            }
            if level == 0 && flow_level == 0 {
                continue;
            }
            level = place.counting(rates, level, mixed, day);
            let mut bits = place.bits(rates, VALUE, level, mixed, day);
            bits += place.bits(rates, FLOW, flow_level, mixed, day);
            if level > UNKNOWN {
                bits += RECURRENCE_BITS * f64::from(again);
            }
            let (intent, _) = intents(Some(role), seen.named, seen.tool, &alike);
            bits = bits * seen.share + intent;
            bits *= if level >= UNKNOWN && seen.bare { 1.0 } else { PLAIN_FACTOR };
            if bits > score {
                (score, peak) = (bits, held.value);
                unknown = level > UNKNOWN && flow_level > 0 && seen.bare;
            }
        }
        (score, peak, unknown, new, own)
    }
}

/// How many others of a kind of request make a value usual there; none where it made sessions of
/// several others unusual.
fn least(kinds: Option<&FxHashSet<i64>>, own: &[i64], again: u32) -> i64 {
    if again as usize >= SEVERAL {
        return RARE + 1;
    }
    let elsewhere = kinds.is_some_and(|all| all.iter().any(|mark| !own.contains(mark)));
    if elsewhere {
        SEVERAL as i64
    } else {
        1
    }
}

fn copy(cluster: &Cluster) -> Cluster {
    let mut copy = Cluster::new(cluster.number, cluster.bag.clone(), cluster.used_us);
    (copy.n, copy.full, copy.skipped) = (cluster.n, cluster.full, cluster.skipped);
    for (mine, theirs) in copy.tables_mut().into_iter().zip(cluster.tables()) {
        *mine = Table::of(theirs.each());
    }
    copy
}

fn known(role: &mut Role) -> [&mut Table; 5] {
    [&mut role.at, &mut role.anywhere, &mut role.roots, &mut role.flow, &mut role.flow_key]
}

fn at(held: &Use) -> u64 {
    mix(held.tool_key, held.value, 2)
}

fn learned(one: &First) -> Vec<Use> {
    let waiting: Keys = one.held.iter().copied().collect();
    one.uses.iter().map(|(held, _)| *held).filter(|held| !waiting.contains(&at(held))).collect()
}

/// What uses add to each table of what a role knows.
fn brought(uses: &[Use]) -> [Keys; 5] {
    let mut found: [Keys; 5] = Default::default();
    for held in uses {
        let each = [at(held), held.value, held.root, held.flow, held.flow_key];
        for (keys, key) in found.iter_mut().zip(each).filter(|(_, key)| *key != 0) {
            keys.insert(key);
        }
        if held.domain != 0 {
            found[2].insert(held.domain);
        }
    }
    found
}

/// What a session added to each count of its cluster.
fn counted(one: &First) -> [Keys; 4] {
    let [at, _, _, flows, _] = brought(&learned(one));
    let places: Keys = one.uses.iter().map(|(held, _)| held.tool_key).collect();
    let waiting = waiting(one);
    let places = places.difference(&waiting).copied().collect();
    [one.tools.iter().copied().collect(), places, at, flows]
}

fn waiting(one: &First) -> Keys {
    let held: Keys = one.held.iter().copied().collect();
    let waits = one.uses.iter().filter(|(used, _)| held.contains(&at(used)));
    waits.map(|(used, _)| used.tool_key).collect()
}

/// Lets what is new in a session wait, and forgets what no other brought.
fn unlearn(role: &mut Role, one: &mut First, new: &[Use], bearers: &mut Bearers) {
    let new_at: Keys = new.iter().map(at).collect();
    let (gone, kept): (Vec<Use>, Vec<Use>) =
        learned(one).into_iter().partition(|held| new_at.contains(&at(held)));
    let mut lost = brought(&gone);
    for (lost, kept) in lost.iter_mut().zip(brought(&kept)) {
        lost.retain(|key| !kept.contains(key));
    }
    for ((table, counts), keys) in known(role).into_iter().zip(bearers).zip(&lost) {
        for &key in keys {
            let left = counts.entry(key).or_insert(0);
            *left -= 1;
            if *left == 0 {
                table.forget(key);
            }
        }
    }
    let mut order: Vec<u64> = lost[0].iter().copied().collect();
    order.sort_unstable();
    let day = one.last_us.div_euclid(DAY_US);
    for at in order {
        role.waiting.note(mix(one.number as u64, at, 0), time_of(one.last_us), day);
    }
    let waiting = waiting(one);
    let places: Keys = gone.iter().map(|held| held.tool_key).collect();
    let Some(cluster) = role.touch(one.number) else { return };
    places.difference(&waiting).for_each(|&place| cluster.keys.add(place, -1));
    lost[0].iter().for_each(|&value| cluster.values.add(value, -1));
    lost[3].iter().for_each(|&flow| cluster.flows.add(flow, -1));
    if !gone.is_empty() && one.full() {
        cluster.full -= 1;
    }
    one.held.extend(new_at);
}

/// Unlearns, in the sessions that stood out, all of what was new in several kinds of request: at
/// another place of the session it may have looked usual, as long as it did in one like it.
fn unlearn_wandering(role: &mut Role, first: &mut [First], usual: &[usize], kinds: &Kinds) {
    let mut bearers = bearers_of(first);
    let wanders = |value| kinds.get(&value).is_some_and(|numbers| numbers.len() >= SEVERAL);
    for (_, one) in first.iter_mut().enumerate().filter(|(at, _)| !usual.contains(at)) {
        let mut left = learned(one);
        left.retain(|held| held.flow != 0 && wanders(held.value));
        unlearn(role, one, &left, &mut bearers);
    }
}
