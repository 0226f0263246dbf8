//! Slow change: calls that send a little more than expected, day after day;
//! `models.detectors.slow_change`.

use crate::baseline::open_day::{OpenDay, SlowChange};
use crate::baseline::profile::Profile;
use crate::baseline::subject::Subject;
use crate::detectors::moment::Moment;
use crate::features::fields::{number, single};
use crate::float_sums::{larger, smaller};
use std::f64::consts::LN_2;

/// Note what a call sends beyond the mean of its tool, and raise the bits of slow change.
pub fn measure(at: &mut Moment<'_, '_, '_>) {
    let constants = &at.plan.constants;
    if let Some(sent) = at.fields.numbers[number::BYTES_OUT] {
        let tool = at.fields.single(single::TOOL).unwrap_or_default();
        let tool = at.hasher.of_parts(&["sent", tool]) & 0xFFFF_FFFF;
        let usual = at.profile.slow.usual.get(&tool).copied();
        let size = (1.0 + sent).log2();
        let day = at.open_day();
        let (calls, total) = day.sent.get(&tool).copied().unwrap_or((0, 0.0));
        if calls != 0 || day.sent.len() < constants.max_tools {
            day.sent.insert(tool, (calls + 1, total + size));
        }
        if let Some((_, mean)) = usual.filter(|(calls, _)| *calls >= constants.min_calls as f64) {
            let maximum = constants.max_excess;
            let off = larger(-maximum, smaller(maximum, size - mean));
            let (n, whole, squares) = day.excess;
            day.excess = (n + 1, whole + off, squares + off * off);
        }
    }
    let cusum = at.profile.slow.cusum;
    if cusum >= constants.suspect {
        let (bits, (series, name)) = (cusum / LN_2, &at.plan.roles.slow);
        let text = excess_in_words(at.open_day());
        at.raise(*series, bits, || Subject::new(bits, 0, name, 0, text));
    }
}

/// How much more than expected the calls of a day have sent; empty where it is not more.
fn excess_in_words(day: &OpenDay) -> String {
    let (n, whole, _) = day.excess;
    let percent = if n > 0 { ((whole / n as f64).exp2() - 1.0) * 100.0 } else { 0.0 };
    match percent.round_ties_even() as i64 {
        percent if percent > 0 => format!("{percent}% more in {n} calls"),
        _ => String::new(),
    }
}

/// Take the step of a day that is over; under suspicion nothing is learned.
pub fn close(profile: &mut Profile, over: &OpenDay) {
    let plan = profile.plan.clone();
    let constants = &plan.constants;
    let slow = &mut profile.slow;
    let (n, total, squares) = over.excess;
    let ((mut days, mut between), mut cusum) = (slow.spread, slow.cusum);
    if n >= constants.min_calls {
        let n = n as f64;
        let mean = total / n;
        let prior = constants.prior_calls;
        let noise = larger((squares + prior) / (n + prior), constants.min_variance) / n;
        if cusum < constants.suspect {
            days = days * constants.kept_days + 1.0;
            let more = larger(0.0, smaller(mean * mean, 1.0) - noise);
            between = between * constants.kept_days + more;
        }
        let variance = noise + (between + constants.prior_variance) / (days + constants.prior_days);
        let growth = constants.growth;
        let step = (growth * mean - growth * growth / 2.0) / variance;
        let maximum = constants.max_step;
        cusum = larger(0.0, cusum + larger(-maximum, smaller(maximum, step)));
    }
    if cusum < constants.suspect && !over.sent.is_empty() {
        for (&tool, &(calls, sizes)) in &over.sent {
            let (before, mean) = slow.usual.get(&tool).copied().unwrap_or((0.0, 0.0));
            let calls = calls as f64;
            let weight = before * constants.kept_calls + calls;
            slow.usual.insert(tool, (weight, mean + (sizes / calls - mean) * calls / weight));
        }
        if slow.usual.len() > constants.max_tools {
            let mut kept: Vec<_> = slow.usual.iter().map(|(&tool, &one)| (tool, one)).collect();
            kept.sort_by(|a, b| b.1 .0.total_cmp(&a.1 .0).then(a.0.cmp(&b.0)));
            kept.truncate(constants.max_tools);
            slow.usual = kept.into_iter().collect();
        }
    }
    (slow.spread, slow.cusum) = ((days, between), cusum);
}

/// Reset the test after a case: what the agent sends now is what it is measured by.
pub fn restart(profile: &mut Profile) {
    profile.slow = SlowChange { spread: profile.slow.spread, ..SlowChange::default() };
}
