//! What is odd about a session in several ways; `models.together`.

use crate::content::Session;

const CONTENT: usize = 0;
const PEAK: usize = 2;
const VOLUME: usize = 3;
const PARTS: [usize; 3] = [CONTENT, PEAK, VOLUME];
const MOST_BITS: f64 = 40.0;

/// The bits of a session's smallest p-values, with those of an event.
pub fn sharpened(session: &Session, each: &[Option<f64>]) -> [f64; 3] {
    let mut least = session.least;
    for (bits, part) in least.iter_mut().zip(PARTS) {
        if let Some(p) = each[part] {
            *bits = bits.max((-p.log2()).min(MOST_BITS));
        }
    }
    least
}

/// How odd a session is altogether, in bits.
pub fn total([content, peak, volume]: [f64; 3]) -> f64 {
    content + peak + volume
}
