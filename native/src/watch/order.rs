//! What shows over a session: its oddest categories, and sums of what is odd a little each time;
//!.

use crate::baseline::profile::Now;
use crate::baseline::surprise::Surprise;
use std::f64::consts::LOG2_E;

const DRIFT_BITS: f64 = 1.0;
const DETOUR_BITS: f64 = 0.25;
const MAX_STRAY: f64 = 5.0;
const SPARE: f64 = 1.0;
const MAX_SPREADS: f64 = 4.0;
const MAX_STEP: f64 = 12.0;
const MAX_SUM: f64 = 40.0;

/// Forget what the session before has spent, reached and kept, if this is another one.
pub fn begin(now: &mut Now, session: i64) {
    if now.session != session {
        (now.spent, now.tops, now.kept) = Default::default();
    }
}

/// Note how far features have gone beyond the usual in the session.
pub fn top(now: &mut Now, categories: &Surprise) {
    for (feature, excess) in categories.excesses() {
        now.tops[feature] = excess.max(now.tops[feature]);
    }
}

/// Add a call to the running sum of its session; gives the sum, and whether it rose.
pub fn add_up(now: &mut Now, session: i64, excess: f64) -> (f64, bool) {
    let before = turned(now, session);
    now.disorder = (before + excess.min(MAX_STEP) - DRIFT_BITS).clamp(0.0, MAX_SUM);
    (now.disorder, now.disorder > before)
}

/// Add a call to the running sum of what tells of other work than was asked for.
///
/// Where straying begins, what has just turned out of order counts as well, as much at most.
pub fn stray(now: &mut Now, session: i64, unasked: f64, turned: f64) -> (f64, bool) {
    let before = if now.session == session { now.astray } else { 0.0 };
    let step = unasked.min(MAX_STRAY) - DETOUR_BITS;
    let turn = if before == 0.0 { step.min(turned).max(0.0) } else { 0.0 };
    now.astray = (before + step + turn).clamp(0.0, MAX_SUM);
    (now.astray, now.astray > before)
}

/// How far the session was out of order before this call.
pub fn turned(now: &Now, session: i64) -> f64 {
    if now.session == session {
        now.disorder
    } else {
        0.0
    }
}

/// Add a call to the running sum of what its session cost beyond the usual; gives its bits.
pub fn spend(now: &mut Now, spreads: f64) -> f64 {
    now.spent = (now.spent + spreads.min(MAX_SPREADS) - SPARE).max(0.0);
    (2.0 * SPARE * LOG2_E * now.spent).min(MAX_SUM)
}
