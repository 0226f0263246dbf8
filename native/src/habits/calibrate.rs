//! From an event's statistics to one p-value; the arithmetic of `models.calibrate`.

use super::window::{bin_of, Window};
use super::STATISTICS;
use pyo3::prelude::*;
use std::hint::black_box;

/// Place of the rarity among the statistics.
const VOLUME: usize = 3;

pub type Statistics = [Option<f64>; STATISTICS];
pub type Windows = [Window; STATISTICS];

/// P-values of an event.
#[pyclass(frozen, get_all)]
pub struct Calibrated {
    pub each: Statistics,
    pub p: Option<f64>,
    pub lead: i64,
    pub pool: Option<&'static str>,
    pub n: u64,
}

/// The windows an agent is ranked in, most specific first.
pub struct Pools<'a> {
    pub own: &'a [Window],
    pub group: Option<&'a [Window]>,
    pub fleet: &'a [Window],
    pub least: u64,
}

impl Pools<'_> {
    /// The most specific pool that is large enough.
    fn pool(&self, index: usize, own: bool) -> Option<(&Window, &'static str)> {
        let named =
            [(own.then_some(self.own), "agent"), (self.group, "role"), (Some(self.fleet), "fleet")];
        for (windows, name) in named {
            if let Some(windows) = windows {
                if windows[index].n() >= self.least {
                    return Some((&windows[index], name));
                }
            }
        }
        None
    }

    /// Rank an event's statistics among past ones.
    pub fn calibrate(&self, statistics: &Statistics, u: f64, own: bool) -> Calibrated {
        let mut out = Calibrated { each: [None; STATISTICS], p: None, lead: -1, pool: None, n: 0 };
        let mut tests = 0;
        for (index, value) in statistics.iter().enumerate() {
            let Some(value) = *value else { continue };
            let Some((window, name)) = self.pool(index, own) else { continue };
            tests += 1;
            let mut p = window.p_value(value, u);
            if index == VOLUME {
                p = p.max(black_box(2f64).powf(-value));
            }
            out.each[index] = Some(p);
            if out.p.is_none_or(|least| p < least) {
                out.p = Some(p);
                out.lead = index as i64;
                out.pool = Some(name);
                out.n = window.n();
            }
        }
        out.p = out.p.map(|p| (f64::from(tests) * p).min(1.0));
        out
    }

    /// The cell that a statistic below the gate enters as: at most the quantile there.
    pub fn entered(&self, index: usize, value: f64, gate: f64) -> u16 {
        let quantile = self.pool(index, true).map(|(window, _)| window.quantile(gate));
        bin_of(quantile.map_or(value, |quantile| value.min(quantile)))
    }
}
