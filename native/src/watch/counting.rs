//! Counts per minute, hour and day.

use crate::baseline::counts::{power, power_of_two};
use crate::baseline::profile::Now;
use crate::units::{DAY_US, HOUR_US, MINUTE_US};
use crate::watch::haste;
use crate::watch::tail::upper_bits;
use crate::watch::week::{due, pass_by, spread, Week};

pub const MINUTE: usize = 0;
pub const HOUR: usize = 1;
pub const DAY: usize = 2;
pub const COUNTS: usize = 10;
const LENGTH_US: [i64; 3] = [MINUTE_US, HOUR_US, DAY_US];
const HALF_LIFE: [f64; 3] = [10_080.0, 720.0, 30.0];
const PRIOR: f64 = 1.0;
const MIN_SHAPE: f64 = 0.25;
const MIN_OF_QUIET: f64 = 1e-9;
const MAX_BITS: f64 = 250.0;
const MAX_SEEN: usize = 96;
const RISE_BITS: f64 = 2.0;
const MIN_SEEN: [f64; 3] = [0.0, 12.0, 3.0];
const EVEN: f64 = 1e9;
const TOGETHER: f64 = 3.0;
const IN_BURSTS: [bool; COUNTS] = [false, false, false, true, true, true, false, true, true, true];
const UNSURE: f64 = 1.0;

const RATE: usize = 1;
pub const FAILED: usize = 3;
pub const FAILED_DAY: usize = 4;
pub const DESTROYED: usize = 5;
pub const FOUND: usize = 6;
pub const SECRET: usize = 7;
pub const REMEMBERED: usize = 8;
/// What is counted, by which metric it is known, and over which window.
pub const COUNTED: [(&str, usize); COUNTS] = [
    ("rate_minute", MINUTE),
    ("rate", HOUR),
    ("rate_day", DAY),
    ("failures_hour", HOUR),
    ("failures_day", DAY),
    ("destructive", HOUR),
    ("discovery", HOUR),
    ("secret", HOUR),
    ("memory", HOUR),
    ("excess", HOUR),
];

/// Bits of so many acts in one window.
pub fn surprise(count: i64, rate: f64, weight: f64, shape: f64) -> f64 {
    let (mut a, mut b) = (rate + PRIOR, weight + PRIOR);
    let mean = a / b;
    let above = count as f64 - mean;
    if a > shape {
        (a, b) = (shape, shape / mean);
    }
    if above <= 1.0 || above * above <= 4.0 * (mean + mean / b) {
        return 0.0;
    }
    upper_bits(count, a, 1.0 / (b + 1.0)).min(MAX_BITS)
}

/// Shape of the gamma distribution from which an agent's rates come, by their moments.
fn shape_of(rate: f64, squares: f64, weight: f64) -> f64 {
    let unsure = UNSURE / ((weight + PRIOR) * (weight + PRIOR));
    let square = rate * rate;
    let more = if square == 0.0 { 0.0 } else { squares * weight / square - 1.0 };
    (1.0 / (more.max(0.0) + unsure)).max(MIN_SHAPE)
}

/// Shape for acts that are rare and come in bursts.
fn shape_in_bursts(rate: f64, squares: f64, weight: f64) -> f64 {
    let pairs = squares + TOGETHER * (TOGETHER - 1.0);
    let actions = rate + TOGETHER;
    let more = pairs * (weight + PRIOR) / (actions * actions) - 1.0;
    1.0 / more.max(1.0 / EVEN)
}

/// Learn windows that are over; the longest kind of window that began anew, None for none, and what
/// the hours of the week bring, where one of them is over.
pub fn close(
    now: &mut Now,
    week: &Week,
    time_us: i64,
    whole: bool,
) -> (Option<usize>, Option<Week>) {
    let (mut begun, mut turned) = (None, None);
    for kind in [MINUTE, HOUR, DAY] {
        let window = time_us.div_euclid(LENGTH_US[kind]);
        if window <= now.windows[kind] {
            if kind == MINUTE {
                break;
            }
            continue;
        }
        if now.windows[kind] >= 0 {
            let passed = if kind == MINUTE { 1 } else { window - now.windows[kind] };
            if kind == HOUR {
                turned = Some(end_hour(now, week, window, whole));
            } else if kind == MINUTE {
                now.hasty = haste::pass_by(now.hasty, now.windows[kind], window);
            }
            learn(now, kind, passed, whole);
        }
        now.windows[kind] = window;
        begun = Some(kind);
        if kind == HOUR {
            now.due = expected(now, turned.as_ref().unwrap_or(week));
        }
    }
    (begun, turned)
}

/// Learn which hour of the week is over, as another begins.
fn end_hour(now: &Now, week: &Week, hour: i64, whole: bool) -> Week {
    let mut week = week.clone();
    let (mut actions, [known, windows, _]) = (now.counts[RATE] as f64, now.due);
    if !whole {
        actions = actions.min(4.0 * (known + PRIOR) / (windows + PRIOR) + 4.0);
    }
    pass_by(&mut week, now.windows[HOUR], actions, hour);
    week
}

/// Acts and windows that are remembered of the open hour, and the shape: of a quiet one those of
/// such hours.
pub fn expected(now: &Now, week: &Week) -> [f64; 3] {
    let (rate, weight, squares) = (now.rates[RATE], now.weights[HOUR], now.squares[RATE]);
    let any_hour = [rate, weight, shape_of(rate, squares, weight)];
    if week.is_empty() {
        return any_hour;
    }
    let (actions, windows) = due(week, now.windows[HOUR], rate / weight);
    if 2.0 * actions * weight >= rate * windows {
        return any_hour;
    }
    let Some(uneven) = spread(week, rate / weight, squares / weight) else { return any_hour };
    let unsure = UNSURE / ((windows + PRIOR) * (windows + PRIOR));
    [actions, windows, (1.0 / (uneven * windows / actions + unsure)).max(MIN_OF_QUIET)]
}

fn learn(now: &mut Now, kind: usize, passed: i64, whole: bool) {
    let fade = power_of_two(-1.0 / HALF_LIFE[kind]);
    let empty = power(fade, (passed - 1) as f64);
    let weight = now.weights[kind];
    for (index, &(_, window)) in COUNTED.iter().enumerate() {
        if window == kind {
            let mut count = now.counts[index] as f64;
            if !whole {
                let mean = (now.rates[index] + PRIOR) / (weight + PRIOR);
                count = count.min(4.0 * mean + 4.0);
            }
            now.rates[index] = (now.rates[index] * fade + count) * empty;
            let pairs = count * (count - 1.0).max(0.0);
            now.squares[index] = (now.squares[index] * fade + pairs) * empty;
            now.counts[index] = 0;
            now.peaks[index] = 0;
        }
    }
    now.weights[kind] = (weight * fade + 1.0) * empty + (1.0 - empty) / (1.0 - fade);
    if kind == HOUR {
        now.seen.clear();
    }
}

/// What one act adds to, beside the rates.
#[derive(Default)]
pub struct Counted {
    pub failed: bool,
    pub deleted: bool,
    pub mark: Option<i64>,
    pub secret: bool,
    pub remembered: bool,
}

/// Count an act in the open windows; gives index and bits of each count that is unusual, and
/// whether these rose since it was last looked at closely.
pub fn count(now: &mut Now, told: &Counted, mut found: impl FnMut(usize, f64, bool)) {
    let mut touched = [false; COUNTS];
    touched[..FAILED].fill(true);
    (touched[FAILED], touched[FAILED_DAY]) = (told.failed, told.failed);
    touched[DESTROYED] = told.deleted;
    if let Some(mark) = told.mark {
        if !now.seen.contains(&mark) && now.seen.len() < MAX_SEEN {
            now.seen.push(mark);
            touched[FOUND] = true;
        }
    }
    touched[SECRET] = told.secret;
    touched[REMEMBERED] = told.remembered;
    for (index, _) in touched.iter().enumerate().filter(|(_, touched)| **touched) {
        now.counts[index] += 1;
        let kind = COUNTED[index].1;
        let weight = now.weights[kind];
        if weight < MIN_SEEN[kind] {
            continue;
        }
        let of = if IN_BURSTS[index] { shape_in_bursts } else { shape_of };
        let rate = now.rates[index];
        let [rate, weight, shape] = match index {
            RATE => now.due,
            _ => [rate, weight, of(rate, now.squares[index], weight)],
        };
        let bits = surprise(now.counts[index], rate, weight, shape);
        if bits != 0.0 {
            let risen = bits >= now.peaks[index] as f64 + RISE_BITS;
            if risen {
                now.peaks[index] = bits as i64;
            }
            found(index, bits, risen);
        }
    }
}
