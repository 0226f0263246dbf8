//! Sums of amounts, compared with the expected ones: part of `models.watch.measure`.

use crate::baseline::profile::Now;
use crate::baseline::volume_baseline::VolumeBaseline;
use crate::peers::baselines::{SeenBaselines, VolumeBaselines};
use crate::r#loop::python_calls::PythonCalls;
use crate::watch::order::spend;
use crate::watch::sizes;
use crate::watch::sizes::{per_mille, slot_of, Sizes, SIZED};
use pyo3::prelude::*;

pub const BYTES_OUT: usize = 1;
const SPENT: usize = 3;
/// Place among the levels of what is sent on a day.
const OUT_DAY: usize = 4;

/// Of one call, and of a window.
pub const MAX: i64 = 1 << 53;

/// The sum of a window with one call more; -1 is none yet.
pub fn added(total: i64, amount: i64) -> i64 {
    (total.max(0) + amount).min(MAX)
}

/// An agent's sums, and what is usual of them.
pub struct Amounts<'a, 'py> {
    pub py: Python<'py>,
    pub python: &'a PythonCalls,
    pub peers: SeenBaselines<'a>,
    pub volumes: &'a mut VolumeBaselines,
    pub sizes: &'a Sizes,
    pub now: &'a mut Now,
    /// Stands for the tool of the act.
    pub tool: i64,
}

impl Amounts<'_, '_> {
    /// Bits of an amount with those before it in the hour, and whether the act raised them.
    pub fn in_hour(&mut self, at: usize, amount: i64, same_hour: bool) -> PyResult<(f64, bool)> {
        let before = if same_hour { self.now.sums[at] } else { 0 };
        let total = added(before, amount) as f64;
        let slot = slot_of(at);
        let compared = slot.map_or(total, |slot| {
            let expected = sizes::usual(self.sizes, self.tool, slot, amount, Some(self.peers));
            let before = if same_hour { self.now.expected[slot] } else { 0.0 };
            per_mille(total, expected + before)
        });
        let mut bits = self.bits(at, compared)?;
        if at == SPENT {
            bits = bits.max(spend(self.now, sizes::beyond(self.sizes, self.tool, amount)));
        }
        let risen = slot.is_none_or(|slot| rises(self.now, slot, bits, !same_hour));
        Ok((bits, risen))
    }

    /// Bits of the bytes sent on a day, and whether the act raised them; None without any.
    pub fn in_day(&mut self, day: i64, sent: Option<i64>) -> PyResult<Option<(f64, bool)>> {
        let usual = sent.map_or(0.0, |sent| self.usual(sent));
        let volume = &mut self.volumes[OUT_DAY];
        let Some(total) = add_out(self.now, volume, day, sent, usual) else { return Ok(None) };
        let bits = self.bits(OUT_DAY, per_mille(total, self.now.out_expected))?;
        Ok(Some((bits, rises(self.now, SIZED.len(), bits, false))))
    }

    /// What such a call usually sends.
    fn usual(&self, sent: i64) -> f64 {
        sizes::usual(self.sizes, self.tool, 0, sent, Some(self.peers))
    }

    fn bits(&self, at: usize, value: f64) -> PyResult<f64> {
        let own = self.volumes[at].unwrap_or_default();
        own.bits(value, self.peers.of(at), |freedom, t| self.python.stdtr(self.py, freedom, t))
    }
}

/// Forget the most bits of windows that are over.
pub fn begin_windows(now: &mut Now, hour: i64, day: i64) {
    if hour > now.hour {
        now.highs[..SIZED.len()].fill(0.0);
    }
    if day > now.out_day {
        now.highs[SIZED.len()] = 0.0;
    }
}

/// Whether an act has raised the bits of a window; notes the most. `anew`: it begins the window.
fn rises(now: &mut Now, slot: usize, bits: f64, anew: bool) -> bool {
    let rises = bits != 0.0 && (anew || bits > now.highs[slot]);
    if rises {
        now.highs[slot] = bits;
    }
    rises
}

/// Add bytes out to the day's sum, learning the day before; gives the sum.
fn add_out(
    now: &mut Now,
    volume: &mut Option<VolumeBaseline>,
    day: i64,
    amount: Option<i64>,
    usual: f64,
) -> Option<f64> {
    if day > now.out_day {
        if now.out_day >= 0 && now.out_sum >= 0 {
            let value = per_mille(now.out_sum as f64, now.out_expected);
            volume.get_or_insert_default().learn(value);
        }
        (now.out_day, now.out_sum, now.out_expected) = (day, -1, 0.0);
    }
    let amount = amount.filter(|_| day >= now.out_day)?;
    now.out_sum = added(now.out_sum, amount);
    now.out_expected += usual;
    Some(now.out_sum as f64)
}
