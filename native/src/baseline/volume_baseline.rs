//! Mean and spread of one quantity; `models.baseline.volume_baseline.VolumeBaseline`.

use pyo3::prelude::*;

pub const FADING: f64 = 0.05;
const PRIOR_WINDOWS: f64 = 8.0;
const MAX_FREEDOM: f64 = 30.0;
const MIN_SPREAD: f64 = 0.35;
pub const MIN_WINDOWS: f64 = 3.0;

/// `sign(x) ln(1 + |x|)`.
pub fn squash(value: f64) -> f64 {
    value.abs().ln_1p().copysign(value)
}

/// Number of values, and their exponentially weighted mean and mean square on the log scale.
#[derive(Clone, Copy, Default)]
pub struct VolumeBaseline {
    pub n: i64,
    pub mean: f64,
    pub square: f64,
}

impl VolumeBaseline {
    pub fn learn(&mut self, value: f64) {
        let x = squash(value);
        if self.n == 0 {
            (self.mean, self.square) = (x, x * x);
        } else {
            self.mean = FADING * x + (1.0 - FADING) * self.mean;
            self.square = FADING * (x * x) + (1.0 - FADING) * self.square;
        }
        self.n += 1;
    }

    /// Learn one value with equal weights. With many values, old ones fade.
    pub fn learn_evenly(&mut self, value: f64) {
        let (x, step) = (squash(value), FADING.max(1.0 / (self.n + 1) as f64));
        self.n += 1;
        self.mean += step * (x - self.mean);
        self.square += step * (x * x - self.square);
    }

    pub fn variance(&self) -> f64 {
        (self.square - self.mean * self.mean).max(0.0)
    }

    /// Location, spread and weight (in windows) of the predictive distribution.
    pub fn expected(&self, peers: Option<&VolumeBaseline>) -> (f64, f64, f64) {
        let own = (self.n as f64).min(1.0 / FADING);
        let prior = peers.map_or(0.0, |peers| (peers.n as f64).min(PRIOR_WINDOWS));
        let weight = own + prior;
        if weight == 0.0 {
            return (0.0, MIN_SPREAD, 0.0);
        }
        let mut mean = own * self.mean / weight;
        let mut variance = own * self.variance() / weight;
        if let Some(peers) = peers.filter(|_| prior != 0.0) {
            mean += prior * peers.mean / weight;
            variance += prior * peers.variance() / weight;
        }
        (mean, variance.sqrt().max(MIN_SPREAD), weight)
    }

    /// Distance of a value above the mean, in spreads.
    pub fn distance(value: f64, (mean, spread, weight): (f64, f64, f64)) -> f64 {
        (squash(value) - mean) / (spread * (1.0 + 1.0 / weight).sqrt())
    }

    /// Surprise of a value in bits; `tail` is the distribution of Student's t.
    pub fn bits(
        &self,
        value: f64,
        peers: Option<&VolumeBaseline>,
        tail: impl Fn(f64, f64) -> PyResult<f64>,
    ) -> PyResult<f64> {
        let expected = self.expected(peers);
        if expected.2 < MIN_WINDOWS {
            return Ok(0.0);
        }
        let z = Self::distance(value, expected);
        if z <= 1.0 {
            return Ok(0.0);
        }
        Ok(-tail(expected.2.min(MAX_FREEDOM), -z)?.max(1e-300).log2())
    }
}
