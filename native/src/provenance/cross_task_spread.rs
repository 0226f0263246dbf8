//! What wanders among kinds of request: it came to several and is usual in none;
//!.

use crate::provenance::history::bounded_table::{marks_of, noted, Table, MAX_KNOWN};
use crate::provenance::history::request_clusters::Role;
use crate::provenance::request::Value;
use crate::provenance::session::Session;
use crate::provenance::text::{DATE, NUM};
use crate::units::DAY_US;

const OTHER_KINDS: u32 = 3;
pub const MOST_WANDERING_BITS: f64 = 8.0;
const TIMES: i64 = 3;
const BITS: u32 = 2;

/// Notes what came to a kind of request (and those with the marks `alike`) without being usual
/// there, and what is ordinary; `calm` sessions may say what is usual.
pub fn note_wandering(role: &mut Role, session: &Session, number: i64, alike: &[i64], calm: bool) {
    let day = session.last_us.div_euclid(DAY_US);
    for held in session.uses.values() {
        if held.level != 0 && held.flow != 0 {
            role.wandering.note_kind(held.value, number, alike, day);
        } else if held.level == 0 && (calm || held.flow == 0) {
            let times = if held.flow == 0 { TIMES } else { 1 };
            count(&mut role.ordinary, held.value, times, day);
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
pub fn alike_by_chance(value: &Value) -> bool {
    matches!(value.kind, DATE | NUM) && !value.who
}

/// Whether a value came to several other kinds of request of late and is not ordinary; `own` are
/// the marks of the request's own kind and its like.
pub fn has_wandered(role: &Role, value: u64, day: i64, own: &[i64]) -> bool {
    let Some(packed) = role.wandering.find(value) else { return false };
    role.ordinary.get(value) & TIMES != TIMES && noted(marks_of(packed, day), own) >= OTHER_KINDS
}
