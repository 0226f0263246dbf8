//! Detects values that spread across tasks: several clusters of requests, typical in none.

use crate::provenance::history::bounded_table::{count_marks, marks_of, Table, MAX_KNOWN};
use crate::provenance::history::request_clusters::RoleTable;
use crate::provenance::request::Value;
use crate::provenance::session::Session;
use crate::provenance::text::{DATE, NUM};
use crate::units::DAY_US;

const MIN_OTHER_TASKS: u32 = 3;
pub const MAX_SPREAD_BITS: f64 = 8.0;
const TIMES: i64 = 3;
const BITS: u32 = 2;

/// Records the untypical values of a session in its cluster (similar ones have the marks
/// `same_task`) and counts its typical values; only `calm` sessions count those from results.
pub fn record_spread(
    role: &mut RoleTable,
    session: &Session,
    number: i64,
    same_task: &[i64],
    calm: bool,
) {
    let day = session.last_us.div_euclid(DAY_US);
    for used in session.uses.values() {
        if used.level != 0 && used.flow != 0 {
            role.spread.add_cluster_mark(used.value, number, same_task, day);
        } else if used.level == 0 && (calm || used.flow == 0) {
            let times = if used.flow == 0 { TIMES } else { 1 };
            count(&mut role.ordinary, used.value, times, day);
        }
    }
}

/// Adds sessions in which a value is typical; a requested value becomes ordinary at once.
fn count(ordinary: &mut Table, value: u64, times: i64, day: i64) {
    let before = ordinary.get(value);
    let counted = TIMES.min((before & TIMES) + times);
    let now = day.max(before >> BITS) << BITS | counted;
    if now != before {
        ordinary.put(value, now);
        ordinary.bound(MAX_KNOWN);
    }
}

/// Whether an identifier can recur elsewhere by chance: an amount or a date, not a
/// long number.
pub fn matches_by_chance(value: &Value) -> bool {
    matches!(value.kind, DATE | NUM) && !value.is_entity
}

/// Whether a value recently came to several other clusters and is not ordinary; `own` are
/// the marks of the request's cluster and the similar ones.
pub fn is_spread(role: &RoleTable, value: u64, day: i64, own: &[i64]) -> bool {
    let Some(packed) = role.spread.find(value) else { return false };
    role.ordinary.get(value) & TIMES != TIMES
        && count_marks(marks_of(packed, day), own) >= MIN_OTHER_TASKS
}
