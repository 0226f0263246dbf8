//! What is odd about an event in several ways.

use crate::calibration::p_values::VOLUME;
use crate::provenance::session::Session;

const CONTENT: usize = 0;
const PEAK: usize = 2;
const PARTS: [usize; 3] = [CONTENT, PEAK, VOLUME];
const MAX_BITS: f64 = 40.0;

/// The bits of the odder one: of the session's events before, or of this one.
pub fn oddest(session: &Session, each: &[Option<f64>]) -> [f64; 3] {
    let mut now = [0.0f64; 3];
    for (bits, part) in now.iter_mut().zip(PARTS) {
        if let Some(p) = each[part] {
            *bits = (-p.log2()).min(MAX_BITS);
        }
    }
    if total(now) > total(session.peak_p_bits) {
        now
    } else {
        session.peak_p_bits
    }
}

/// How odd an event is altogether, in bits.
pub fn total([content, peak, volume]: [f64; 3]) -> f64 {
    content + peak + volume
}
