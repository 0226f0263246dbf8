//! Cleans the history of a young role: scores its first sessions again, leaving one out.

use crate::codec::hashing::mix;
use crate::provenance::argument_detector::{
    intent_bits, similar_clusters, ArgumentDetector, UNTAINTED_FACTOR,
};
use crate::provenance::call_scoring::{recurrence, RECURRENCE_BITS};
use crate::provenance::history::bounded_table::{mark_of, time_of, Table};
use crate::provenance::history::learning::{count_session, GATE, UNGATED_WAIT_P};
use crate::provenance::history::request_clusters::{Cluster, RoleTable, RARE};
use crate::provenance::history::vote_retraction::retract_if_recurrent;
use crate::provenance::novelty::{
    familiarity, similar_marks, ArgumentContext, SimilarClusters, NEW_AT_ARGUMENT,
};
use crate::provenance::novelty_prior::{NoveltyRates, FLOW, VALUE};
use crate::provenance::session::NearCluster;
use crate::provenance::session_uses::{EarlySession, Use};
use crate::units::DAY_US;
use rustc_hash::{FxHashMap, FxHashSet};

const MIN_TASKS: usize = 2;

type Keys = FxHashSet<u64>;
/// Number of sessions with each key of the known tables.
type SessionCounts = [FxHashMap<u64, i64>; 5];

/// Value that was new in anomalous sessions, with the marks of the clusters of these sessions;
/// no two of them are similar.
type ClustersByValue = FxHashMap<u64, FxHashSet<i64>>;

/// A session's score in bits, its peak value, whether that is new to the role and
/// unexplained, its new uses, and the marks of its cluster and the similar ones.
type Rescored = (f64, u64, bool, Vec<Use>, Vec<i64>);

/// Scores a role's first sessions against each other; unlearns the new values of anomalous ones.
/// The rest is scored again until no session is anomalous.
pub fn clean_history(detector: &mut ArgumentDetector, name: &str) {
    let Some(role) = detector.roles.get_mut(name) else { return };
    let mut first = std::mem::take(&mut role.early_sessions);
    role.unstored = 0;
    let mut rest: Vec<usize> = (0..first.len()).collect();
    let mut scores: Vec<f64> = Vec::new();
    let mut tasks = ClustersByValue::default();
    while !rest.is_empty() {
        let mut session_counts = count_by_key(&first);
        let mut others = LeaveOneOut::new(role, &session_counts);
        let mut judged: Vec<Rescored> = Vec::new();
        for &at in &rest {
            let bag = role.cluster(first[at].number).map(|c| c.bag.clone()).unwrap_or_default();
            let near = similar_clusters(role, &mut detector.words, &bag);
            judged.push(others.judge(&detector.rates, &first[at], &near, &tasks));
        }
        if scores.is_empty() {
            scores = judged.iter().map(|judged| judged.0).collect();
            scores.sort_unstable_by(f64::total_cmp);
        }
        let before = rest.len();
        let mut found = judged.iter();
        rest.retain(|&at| {
            let (one, Some(found)) = (&mut first[at], found.next()) else { return true };
            if !remove_if_anomalous(role, one, found, &scores, &mut session_counts) {
                return true;
            }
            for used in &found.3 {
                let tasks = tasks.entry(used.value).or_default();
                if !found.4.iter().any(|mark| tasks.contains(mark)) {
                    tasks.insert(mark_of(one.number as u64));
                }
            }
            false
        });
        if rest.len() == before {
            break;
        }
    }
    unlearn_recurrent(role, &mut first, &rest, &tasks);
    let day = first.last().map_or(0, |one| one.last_us.div_euclid(DAY_US));
    for value in role.retained_votes.values() {
        retract_if_recurrent(&mut detector.rates, role, value, day);
    }
}

/// Whether a session is anomalous among these scores; if so, unlearns its new values.
fn remove_if_anomalous(
    role: &mut RoleTable,
    one: &mut EarlySession,
    (score, peak, peak_is_new, new, alike): &Rescored,
    scores: &[f64],
    session_counts: &mut SessionCounts,
) -> bool {
    let below = scores.partition_point(|other| other < score);
    let p = (scores.len() - below) as f64 / scores.len() as f64;
    if !one.ungated || *peak == 0 || p > UNGATED_WAIT_P {
        return false;
    }
    unlearn(role, one, new, session_counts);
    if *peak_is_new {
        count_session(role, *peak, one.last_us.div_euclid(DAY_US));
    }
    if let Some(session_votes) = one.session_votes.take().filter(|_| *peak_is_new) {
        role.retained_votes.keep(*peak, session_votes);
    }
    if p < GATE {
        role.suspicions.add_cluster_mark(*peak, one.number, alike, one.last_us.div_euclid(DAY_US));
    }
    true
}

fn count_by_key(first: &[EarlySession]) -> SessionCounts {
    let mut session_counts = SessionCounts::default();
    for one in first {
        for (counts, keys) in session_counts.iter_mut().zip(table_keys(&learned(one))) {
            keys.into_iter().for_each(|key| *counts.entry(key).or_insert(0) += 1);
        }
    }
    session_counts
}

/// A role without one of its first sessions; works on copies.
struct LeaveOneOut {
    role: RoleTable,
}

impl LeaveOneOut {
    fn new(whole: &mut RoleTable, session_counts: &SessionCounts) -> Self {
        let mut role = RoleTable::new();
        for (table, counts) in known_tables(&mut role).into_iter().zip(session_counts) {
            let common = counts.iter().filter(|(_, &n)| n > RARE);
            *table = Table::of(common.map(|(&key, _)| (key, 0)));
        }
        role.suspicions = Table::of(whole.suspicions.each());
        for slot in whole.in_order() {
            let Some(cluster) = whole.slots[slot].as_ref() else { continue };
            role.insert(copy(cluster));
            role.share(cluster.number, 1);
        }
        LeaveOneOut { role }
    }

    fn judge(
        &mut self,
        rates: &NoveltyRates,
        one: &EarlySession,
        near: &[NearCluster],
        tasks: &ClustersByValue,
    ) -> Rescored {
        if self.role.cluster(one.number).is_none() {
            return (0.0, 0, false, Vec::new(), Vec::new());
        }
        let counted = cluster_keys(one);
        self.shift(one, &counted, -1);
        let judged = self.score(rates, one, near, tasks);
        self.shift(one, &counted, 1);
        judged
    }

    /// Subtracts a session from the counts of its cluster, or adds it again.
    fn shift(&mut self, one: &EarlySession, counted: &[Keys; 4], sign: i64) {
        self.role.share(one.number, -1);
        if let Some(cluster) = self.role.cluster_mut(one.number) {
            cluster.n += sign;
            cluster.familiar += sign * i64::from(one.familiar());
            for (table, keys) in cluster.tables_mut().into_iter().zip(counted) {
                keys.iter().for_each(|&key| table.add(key, sign));
            }
        }
        self.role.share(one.number, 1);
    }

    fn score(
        &self,
        rates: &NoveltyRates,
        one: &EarlySession,
        near: &[NearCluster],
        tasks: &ClustersByValue,
    ) -> Rescored {
        let (role, day) = (&self.role, one.last_us.div_euclid(DAY_US));
        let (alike, own) =
            (SimilarClusters::new(Some(role), near), similar_marks(near, one.number));
        let known = familiarity(near.iter().filter_map(|&(number, _, similar)| {
            role.cluster(number).map(|cluster| (similar, cluster.familiar, cluster.skipped))
        }));
        let (mut score, mut peak, mut peak_is_new, mut new) = (0.0, 0, false, Vec::new());
        for (used, seen) in one.uses.iter().filter(|(used, _)| used.flow != 0) {
            let here = alike.near.iter().map(|&(_, cluster, similar)| {
                (similar, cluster.keys.get(used.tool_key), cluster.skipped)
            });
            let mixed = (known + familiarity(here)) / 2.0;
            let context = ArgumentContext { exact: 0, contexts: seen.contexts };
            let domain_is_surprising = || context.domain_is_surprising(rates, mixed, day);
            let again = recurrence(role, used.value, day, &own);
            let min_sessions = min_sessions(tasks.get(&used.value), &own, again);
            let (mut level, flow_level) =
                alike.levels(role, used, min_sessions, domain_is_surprising);
            if level >= NEW_AT_ARGUMENT {
                new.push(*used);
            }
            if level == 0 && flow_level == 0 {
                continue;
            }
            level = context.effective_level(rates, level, mixed, day);
            let mut bits = context.bits(rates, VALUE, level, mixed, day);
            bits += context.bits(rates, FLOW, flow_level, mixed, day);
            if level > NEW_AT_ARGUMENT {
                bits += RECURRENCE_BITS * f64::from(again);
            }
            let (intent, _) = intent_bits(Some(role), seen.name_floor, seen.tool, &alike);
            bits = bits * seen.discount + intent;
            bits *= if level >= NEW_AT_ARGUMENT && seen.uncovered { 1.0 } else { UNTAINTED_FACTOR };
            if bits > score {
                (score, peak) = (bits, used.value);
                peak_is_new = level > NEW_AT_ARGUMENT && flow_level > 0 && seen.uncovered;
            }
        }
        (score, peak, peak_is_new, new, own)
    }
}

/// The sessions of a cluster that make a value typical there; no number does for a value that
/// made sessions of several other tasks anomalous.
fn min_sessions(tasks: Option<&FxHashSet<i64>>, own: &[i64], again: u32) -> i64 {
    if again as usize >= MIN_TASKS {
        return RARE + 1;
    }
    let cross_task_bits = tasks.is_some_and(|all| all.iter().any(|mark| !own.contains(mark)));
    if cross_task_bits {
        MIN_TASKS as i64
    } else {
        1
    }
}

fn copy(cluster: &Cluster) -> Cluster {
    let mut copy = Cluster::new(cluster.number, cluster.bag.clone(), cluster.used_us);
    (copy.n, copy.familiar, copy.skipped) = (cluster.n, cluster.familiar, cluster.skipped);
    for (mine, theirs) in copy.tables_mut().into_iter().zip(cluster.tables()) {
        *mine = Table::of(theirs.each());
    }
    copy
}

fn known_tables(role: &mut RoleTable) -> [&mut Table; 5] {
    [
        &mut role.known_at,
        &mut role.known_values,
        &mut role.roots,
        &mut role.flow,
        &mut role.flow_key,
    ]
}

fn at(used: &Use) -> u64 {
    mix(used.tool_key, used.value, 2)
}

fn learned(one: &EarlySession) -> Vec<Use> {
    let waiting: Keys = one.waiting.iter().copied().collect();
    one.uses.iter().map(|(used, _)| *used).filter(|used| !waiting.contains(&at(used))).collect()
}

/// The keys that uses add to each known table.
fn table_keys(uses: &[Use]) -> [Keys; 5] {
    let mut found: [Keys; 5] = Default::default();
    for used in uses {
        let each = [at(used), used.value, used.root, used.flow, used.flow_key];
        for (keys, key) in found.iter_mut().zip(each).filter(|(_, key)| *key != 0) {
            keys.insert(key);
        }
        if used.domain != 0 {
            found[2].insert(used.domain);
        }
    }
    found
}

/// The keys that a session added to each count of its cluster.
fn cluster_keys(one: &EarlySession) -> [Keys; 4] {
    let [at, _, _, flows, _] = table_keys(&learned(one));
    let tool_keys: Keys = one.uses.iter().map(|(used, _)| used.tool_key).collect();
    let waiting = waiting(one);
    let tool_keys = tool_keys.difference(&waiting).copied().collect();
    [one.tools.iter().copied().collect(), tool_keys, at, flows]
}

fn waiting(one: &EarlySession) -> Keys {
    let waiting: Keys = one.waiting.iter().copied().collect();
    let waits = one.uses.iter().filter(|(used, _)| waiting.contains(&at(used)));
    waits.map(|(used, _)| used.tool_key).collect()
}

/// Lets the new values of a session wait, and removes the keys of no other session.
fn unlearn(
    role: &mut RoleTable,
    one: &mut EarlySession,
    new: &[Use],
    session_counts: &mut SessionCounts,
) {
    let new_at: Keys = new.iter().map(at).collect();
    let (gone, kept): (Vec<Use>, Vec<Use>) =
        learned(one).into_iter().partition(|used| new_at.contains(&at(used)));
    let mut lost = table_keys(&gone);
    for (lost, kept) in lost.iter_mut().zip(table_keys(&kept)) {
        lost.retain(|key| !kept.contains(key));
    }
    for ((table, counts), keys) in known_tables(role).into_iter().zip(session_counts).zip(&lost) {
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
        role.waiting.add_mark(mix(one.number as u64, at, 0), time_of(one.last_us), day);
    }
    let waiting = waiting(one);
    let tool_keys: Keys = gone.iter().map(|used| used.tool_key).collect();
    let Some(cluster) = role.touch(one.number) else { return };
    tool_keys.difference(&waiting).for_each(|&context| cluster.keys.add(context, -1));
    lost[0].iter().for_each(|&value| cluster.values.add(value, -1));
    lost[3].iter().for_each(|&flow| cluster.flows.add(flow, -1));
    if !gone.is_empty() && one.familiar() {
        cluster.familiar -= 1;
    }
    one.waiting.extend(new_at);
}

/// Unlearns the values that were new in several tasks from all anomalous sessions. At
/// another argument such a value can look typical, if a similar session has it too.
fn unlearn_recurrent(
    role: &mut RoleTable,
    first: &mut [EarlySession],
    usual: &[usize],
    tasks: &ClustersByValue,
) {
    let mut session_counts = count_by_key(first);
    let wanders = |value| tasks.get(&value).is_some_and(|numbers| numbers.len() >= MIN_TASKS);
    for (_, one) in first.iter_mut().enumerate().filter(|(at, _)| !usual.contains(at)) {
        let mut left = learned(one);
        left.retain(|used| used.flow != 0 && wanders(used.value));
        unlearn(role, one, &left, &mut session_counts);
    }
}
