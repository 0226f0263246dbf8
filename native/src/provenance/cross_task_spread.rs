//! What wanders among kinds of request: it came to several and is usual in none;
//!.

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

/// Notes what came to a kind of request (and those with the marks `alike`) without being usual
/// there, and what is ordinary; `calm` sessions may say what is usual.
pub fn record_spread(
    role: &mut RoleTable,
    session: &Session,
    number: i64,
    alike: &[i64],
    calm: bool,
) {
    let day = session.last_us.div_euclid(DAY_US);
    for used in session.uses.values() {
        if used.level != 0 && used.flow != 0 {
            role.spread.add_cluster_mark(used.value, number, alike, day);
        } else if used.level == 0 && (calm || used.flow == 0) {
            let times = if used.flow == 0 { TIMES } else { 1 };
            count(&mut role.ordinary, used.value, times, day);
        }
    }
}

/// Counts a value as usual so many times more; what was asked for is ordinary at once.
fn count(ordinary: &mut Table, value: u64, times: i64, day: i64) {
    let before = ordinary.get(value);
    let counted = TIMES.min((before & TIMES) + times);
    let now = day.max(before >> BITS) << BITS | counted;
    if now != before {
        ordinary.put(value, now);
        ordinary.bound(MAX_KNOWN);
    }
}

/// Whether an identifier says little where it comes up again elsewhere: an amount or a date, not a
/// long number.
pub fn matches_by_chance(value: &Value) -> bool {
    matches!(value.kind, DATE | NUM) && !value.is_entity
}

/// Whether a value came to several other kinds of request of late and is not ordinary; `own` are
/// the marks of the request's own kind and its like.
pub fn is_spread(role: &RoleTable, value: u64, day: i64, own: &[i64]) -> bool {
    let Some(packed) = role.spread.find(value) else { return false };
    role.ordinary.get(value) & TIMES != TIMES
        && count_marks(marks_of(packed, day), own) >= MIN_OTHER_TASKS
}
