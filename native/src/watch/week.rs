//! How an agent's hours differ.

use crate::codec::compact_reader::Reader;
use crate::codec::compact_writer::Writer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

const DAY: i64 = 24;
const WEEK: i64 = 7 * DAY;
const WORKDAYS: i64 = 5 * DAY;
/// From a Monday to the first of 1970.
const THURSDAY: i64 = 3 * DAY;
const CELLS: usize = 48;
const PARTS: usize = CELLS + 2;
const UNIT: f64 = 16.0;
const KEPT: i64 = 871;
const LONGEST: i64 = 64;
const ANY_HOUR: f64 = 2.0;

/// Acts of each hour of the day, on workdays and on weekends, and how many hours of workdays and of
/// weekends have passed; empty before one has.
pub type Week = Vec<i64>;

/// The place of an hour since 1970.
fn cell(hour: i64) -> usize {
    (of_week(hour) % DAY + if weekend(hour) { DAY } else { 0 }) as usize
}

/// Whether an hour since 1970 is of a weekend.
pub fn weekend(hour: i64) -> bool {
    of_week(hour) >= WORKDAYS
}

fn of_week(hour: i64) -> i64 {
    (hour + THURSDAY).rem_euclid(WEEK)
}

/// Workday hours since the Monday before 1970.
pub fn workday_hours(hour: i64) -> i64 {
    (hour + THURSDAY).div_euclid(WEEK) * WORKDAYS + of_week(hour).min(WORKDAYS)
}

/// Write what is not 0.
pub fn write(week: &Week, out: &mut Writer) {
    let known = || week.iter().enumerate().filter(|(_, kept)| **kept != 0);
    out.map(known().count());
    for (part, kept) in known() {
        out.signed(part as i64);
        out.signed(*kept);
    }
}

/// Read what `write` wrote.
pub fn read(from: &mut Reader<'_>) -> PyResult<Week> {
    let length = from.map()?;
    let mut week = if length == 0 { Week::new() } else { vec![0; PARTS] };
    for _ in 0..length {
        let (part, kept) = (from.signed()? as usize, from.signed()?);
        *week.get_mut(part).ok_or_else(|| PyValueError::new_err("hour of a week"))? = kept;
    }
    Ok(week)
}

/// Take in an hour that is over; the hours to another pass, and what is known fades by weeks.
pub fn pass_by(week: &mut Week, closed: i64, actions: f64, hour: i64) {
    week.resize(PARTS, 0);
    week[cell(closed)] += (actions * UNIT) as i64;
    let monday = hour - of_week(hour);
    let mut at = closed.max(monday - LONGEST * WEEK);
    while at < monday {
        let end = monday.min(at - of_week(at) + WEEK);
        pass(week, at, end);
        week.iter_mut().for_each(|kept| *kept = (*kept * KEPT) >> 10);
        at = end;
    }
    pass(week, at, hour);
}

fn pass(week: &mut Week, start: i64, end: i64) {
    let on_workdays = workday_hours(end) - workday_hours(start);
    week[CELLS] += on_workdays * UNIT as i64;
    week[CELLS + 1] += (end - start - on_workdays) * UNIT as i64;
}

/// Acts and windows that are remembered of hours like one; `mean` is what any hour brings.
pub fn due(week: &Week, hour: i64, mean: f64) -> (f64, f64) {
    let at = cell(hour);
    let windows = windows(week, at >= DAY as usize) + ANY_HOUR;
    (week[at] as f64 / UNIT + ANY_HOUR * mean, windows)
}

fn windows(week: &Week, weekend: bool) -> f64 {
    week[CELLS + usize::from(weekend)] as f64 / (UNIT * DAY as f64)
}

/// By how much variance exceeds the mean of an hour, over that mean; None where too few hours have
/// passed to tell.
pub fn spread(week: &Week, mean: f64, pairs: f64) -> Option<f64> {
    let each = [windows(week, false), windows(week, true)];
    let (mut means, mut square) = (0.0, 0.0);
    for (at, &kept) in week[..CELLS].iter().enumerate().filter(|(_, kept)| **kept != 0) {
        let windows = each[usize::from(at >= DAY as usize)];
        if windows != 0.0 {
            let usual = kept as f64 / UNIT / windows;
            means += usual;
            square += windows * usual * usual;
        }
    }
    let passed = DAY as f64 * (each[0] + each[1]);
    if 2.0 * means >= mean * passed {
        return None;
    }
    let by_chance = means / passed;
    Some(((pairs - square / passed + by_chance) / (mean - by_chance)).max(0.0))
}
