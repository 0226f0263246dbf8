//! The upper tail of a negative binomial distribution, in bits.

use std::f64::consts::{LN_2, PI};

const SHIFTED: f64 = 10.0;
const MAX_TERMS: usize = 60;
const NEGLIGIBLE: f64 = 1e-9;

/// Logarithm of the gamma function, by Stirling's series.
fn log_gamma(mut x: f64) -> f64 {
    let mut below = 0.0;
    while x < SHIFTED {
        below += x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square / 1260.0));
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + series - below
}

/// Bits of a mid-p tail; `count` lies above the mean.
pub fn upper_bits(count: i64, a: f64, share: f64) -> f64 {
    let mut k = count as f64;
    let mut exactly = log_gamma(a + k) - log_gamma(a) - log_gamma(k + 1.0);
    exactly += a * (1.0 - share).ln() + k * share.ln();
    let (mut term, mut total, mut ratio, mut ended) = (1.0, 0.5, 0.0, false);
    for _ in 0..MAX_TERMS {
        ratio = (a + k) / (k + 1.0) * share;
        term *= ratio;
        total += term;
        k += 1.0;
        if term < NEGLIGIBLE * total {
            ended = true;
            break;
        }
    }
    if !ended {
        total += term * ratio / (1.0 - ratio);
    }
    -exactly / LN_2 - total.log2()
}
