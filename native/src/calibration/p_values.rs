//! From an event's statistics to one p-value.

use crate::calibration::score_window::{bin_of, Tail, Window, Zeros};
use crate::peers::groups::NEWCOMERS_NAME;
use crate::ranked::STATISTICS;
use pyo3::prelude::*;

/// First index of a statistic that is a rarity among the peers.
const RARITIES: usize = 2;
/// Index of the peak of the categories: 0 without one.
const PEAK: usize = 2;
/// Index of the sum of the categories' bits.
pub const SUM: usize = 1;
pub const VOLUME: usize = 3;
/// Weights of the tests.
const WEIGHTS: [f64; STATISTICS] = [1.0, 0.5, 1.0, 1.0];
/// Factor on p-values: windows describe the past weeks.
const WIDER: f64 = 1.08;
/// Weight of the more general pool, in scores.
pub const PRIOR_SCORES: f64 = 500.0;

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

/// The share of past scores as high, backed off to more general pools, the specific one last.
/// The pool of newcomers has its own tail.
fn rank(windows: &[&Window], score: f64, u: f64, zeros: Zeros, new: bool) -> f64 {
    let Some((window, rest)) = windows.split_last() else { return 1.0 };
    if rest.is_empty() {
        return window.p_backed_off(score, u, None, Tail::Inflated, zeros);
    }
    let general = |other| rank(rest, other, u, zeros, false);
    let (n, p) = (window.n() as f64, general(score));
    let own = if new {
        window.p_backed_off(score, u, None, Tail::Inflated, zeros)
    } else {
        window.p_backed_off(score, u, Some(&general), Tail::Inflated, Zeros::AsHigh)
    };
    (n * own + PRIOR_SCORES * p) / (n + PRIOR_SCORES)
}

/// Meaning of zeros of a statistic. A volume of 0 means no change for a known agent.
fn zeros(index: usize, whose: Whose) -> Zeros {
    match index {
        PEAK => Zeros::Unranked,
        VOLUME if whose == Whose::Own => Zeros::Constant,
        _ => Zeros::AsHigh,
    }
}

/// The windows an agent is ranked in, most specific first.
pub struct Pools<'a> {
    pub own: &'a [Window],
    pub group: Option<&'a [Window]>,
    pub fleet: &'a [Window],
    pub newcomers: &'a [Window],
    pub minimum: u64,
}

/// The pool after those of the peers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Peers,
    Own,
    New,
}

/// Pools that are large enough, the most specific last, and the name of that.
struct Found<'a> {
    all: [&'a Window; 4],
    number: usize,
    name: Option<&'static str>,
}

impl<'a> Found<'a> {
    fn push(&mut self, window: &'a Window, name: &'static str) {
        self.all[self.number] = window;
        self.number += 1;
        self.name = Some(name);
    }

    fn windows(&self) -> &[&'a Window] {
        &self.all[..self.number]
    }
}

impl Pools<'_> {
    /// The pools that are large enough, the most specific last, and the name of that.
    fn pools(&self, index: usize, whose: Whose) -> Found<'_> {
        let window = &self.own[index];
        let mut found = Found { all: [window; 4], number: 0, name: None };
        let new = (whose == Whose::New).then_some(self.newcomers);
        for (windows, called) in
            [(Some(self.fleet), "fleet"), (self.group, "role"), (new, NEWCOMERS_NAME)]
        {
            if let Some(window) = windows.map(|of| &of[index]).filter(|w| w.n() >= self.minimum) {
                found.push(window, called);
            }
        }
        if whose == Whose::Own
            && window.n() >= self.minimum
            && (index < RARITIES || found.number == 0)
        {
            found.push(window, "agent");
        }
        found
    }

    /// Rank an event's statistics among past ones.
    pub fn calibrate(&self, statistics: &Statistics, u: f64, whose: Whose) -> Calibrated {
        let mut out = Calibrated { each: [None; STATISTICS], p: None, lead: -1, pool: None, n: 0 };
        let (mut tests, mut minimum) = (0.0, 0.0);
        for (index, value) in statistics.iter().enumerate() {
            let Some(value) = *value else { continue };
            let pools = self.pools(index, whose);
            let Some(window) = pools.windows().last() else { continue };
            tests += WEIGHTS[index];
            let new = pools.name == Some(NEWCOMERS_NAME);
            let p = rank(pools.windows(), value, u, zeros(index, whose), new);
            out.each[index] = Some(p);
            let p = p / WEIGHTS[index];
            if out.lead < 0 || p < minimum {
                minimum = p;
                out.lead = index as i64;
                out.pool = pools.name;
                out.n = window.n();
            }
        }
        out.p = (out.lead >= 0).then(|| (WIDER * tests * minimum).min(1.0));
        out
    }

    /// The cell that a statistic below the gate enters as: at most the quantile there.
    pub fn entered(&self, index: usize, value: f64, gate: f64) -> u16 {
        let pools = self.pools(index, Whose::Own);
        let quantile = pools.windows().last().map(|window| window.quantile(gate));
        bin_of(quantile.map_or(value, |quantile| value.min(quantile)))
    }
}
