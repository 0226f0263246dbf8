//! Past scores on a grid, and p-values by rank among them.

use crate::codec::compact_reader::Reader;
use crate::codec::compact_writer::Writer;
use pyo3::exceptions::PyValueError;
use pyo3::PyResult;

const STEP: f64 = 8.0;
const TOP: f64 = 2047.0;
const TAIL: f64 = 0.02;
const FLOOR_BITS: f64 = std::f64::consts::LOG2_E;
const FIRST: u64 = 4_000;

/// Tail of a window above its 98 % point: an exponential distribution whose mean is estimated from
/// few scores.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// An inflated mean, from the 100th highest score on.
    Inflated,
    /// The predictive distribution, from the 15th on.
    Predictive,
    /// The tail of a more general window, from the 20th on.
    Linked,
}

impl Tail {
    fn maximum(self) -> f64 {
        match self {
            Tail::Inflated => 100.0,
            Tail::Predictive => 15.0,
            Tail::Linked => 20.0,
        }
    }

    fn beyond(self, bits: f64, k: u64, excess: f64) -> f64 {
        let (k, mean) = (k.max(1) as f64, excess.max(FLOOR_BITS));
        match self {
            Tail::Inflated | Tail::Linked => (-bits / (mean * (1.0 + 1.0 / k.sqrt()))).exp(),
            Tail::Predictive => (-k * (bits / (k * mean)).ln_1p()).exp(),
        }
    }
}

/// The grid cell of a score in bits.
#[inline]
pub fn bin_of(score: f64) -> u16 {
    (score * STEP).trunc().clamp(0.0, TOP) as u16
}

/// Sorted distinct bins with their counts.
#[derive(Clone, Default)]
pub struct Histogram {
    pub bins: Vec<u16>,
    pub counts: Vec<u32>,
    pub n: u64,
}

impl Histogram {
    pub fn add(&mut self, cell: u16, times: u32) {
        match self.bins.binary_search(&cell) {
            Ok(at) => self.counts[at] = self.counts[at].saturating_add(times),
            Err(at) => {
                self.bins.insert(at, cell);
                self.counts.insert(at, times);
            }
        }
        self.n += u64::from(times);
    }

    /// How many scores lie above a cell, and how many in it.
    fn rank(&self, cell: u16) -> (u64, u64) {
        let at = self.bins.partition_point(|&bin| bin <= cell);
        let ties = match at {
            0 => 0,
            at if self.bins[at - 1] == cell => u64::from(self.counts[at - 1]),
            _ => 0,
        };
        let sum = |counts: &[u32]| counts.iter().map(|&count| u64::from(count)).sum::<u64>();
        // Most scores are low: nearly all bins lie above them.
        if at < self.counts.len() / 2 {
            return (self.n - sum(&self.counts[..at]), ties);
        }
        (sum(&self.counts[at..]), ties)
    }
}

/// The last `size` / 2 to `size` scores, in two generations.
#[derive(Clone)]
pub struct Window {
    pub size: u64,
    pub old: Histogram,
    pub new: Histogram,
}

impl Window {
    pub fn new(size: u64) -> Self {
        Window { size, old: Histogram::default(), new: Histogram::default() }
    }

    /// Scores in the window.
    #[inline]
    pub fn n(&self) -> u64 {
        self.old.n + self.new.n
    }

    /// Count a score already on the grid, `times` over.
    pub fn add_cell(&mut self, cell: u16, times: u32) {
        self.new.add(cell, times);
        if self.new.n >= (self.size / 2).min(FIRST.max(2 * self.old.n)) {
            self.old = std::mem::take(&mut self.new);
        }
    }

    /// P(a past score is as high), smoothed by `u`; beyond the 98 % point with the tail of a more
    /// general pool.
    pub fn p_backed_off(
        &self,
        score: f64,
        u: f64,
        general: Option<&dyn Fn(f64) -> f64>,
        tail: Tail,
    ) -> f64 {
        let cell = bin_of(score);
        let (mut above, mut ties) = self.new.rank(cell);
        let (more, equal) = self.old.rank(cell);
        above += more;
        ties += equal;
        let n = self.n();
        if above as f64 <= (TAIL * n as f64).min(tail.maximum()) {
            let (start, k, tied, excess) = self.tail(tail.maximum());
            if i64::from(cell) > start {
                let p = (k as f64 + u * (tied + 1) as f64) / (n + 1) as f64;
                if let Some(general) = general {
                    let maximum = general(start as f64 / STEP).max(1e-300);
                    return (p * general(score) / maximum).max(1e-300);
                }
                let bits = (i64::from(cell) - start) as f64 / STEP;
                return (p * tail.beyond(bits, k, excess)).max(1e-300);
            }
        }
        (above as f64 + u * (ties + 1) as f64) / (n + 1) as f64
    }

    /// Finds the first cell, from above, at which the count exceeds `allowed`.
    fn walk(&self, allowed: f64) -> Walk {
        let mut at = Walk::default();
        for (cell, count) in self.downward() {
            at.cell = cell;
            if (at.above + count) as f64 > allowed {
                at.there = count;
                break;
            }
            at.above += count;
            at.total += u64::from(cell) * count;
        }
        at
    }

    /// Cells of both generations with their counts, from the highest.
    fn downward(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        let (mut old, mut new) = (self.old.bins.len(), self.new.bins.len());
        std::iter::from_fn(move || {
            let cell = match (old, new) {
                (0, 0) => return None,
                (0, _) => self.new.bins[new - 1],
                (_, 0) => self.old.bins[old - 1],
                _ => self.old.bins[old - 1].max(self.new.bins[new - 1]),
            };
            let mut count = 0;
            if old > 0 && self.old.bins[old - 1] == cell {
                old -= 1;
                count += u64::from(self.old.counts[old]);
            }
            if new > 0 && self.new.bins[new - 1] == cell {
                new -= 1;
                count += u64::from(self.new.counts[new]);
            }
            Some((cell, count))
        })
    }

    /// The 98 % point, scores above it, scores at it, and their mean excess in bits.
    fn tail(&self, maximum: f64) -> (i64, u64, u64, f64) {
        let found = self.walk((TAIL * self.n() as f64).min(maximum));
        if found.there == 0 {
            return (-1, found.above, 0, 0.0);
        }
        (i64::from(found.cell), found.above, found.there, found.excess())
    }
}

/// End of a walk down from the highest score.
#[derive(Default)]
struct Walk {
    /// The last cell: the lowest one if all scores are allowed.
    cell: u16,
    /// Scores above it, and the sum of their cells.
    above: u64,
    total: u64,
    /// Scores in it; none if all are allowed.
    there: u64,
}

impl Walk {
    /// Mean excess of the scores above in bits.
    fn excess(&self) -> f64 {
        if self.above == 0 {
            return 0.0;
        }
        (self.total as f64 / self.above as f64 - f64::from(self.cell)) / STEP
    }
}

/// Write a score window as msgspec writes `models.calibration.score_window.ScoreWindow`.
pub fn write_window(out: &mut Writer, window: &Window) {
    out.array(3);
    out.unsigned(window.size);
    for part in [&window.old, &window.new] {
        out.array(3);
        out.array(part.bins.len());
        part.bins.iter().for_each(|&bin| out.unsigned(u64::from(bin)));
        out.array(part.counts.len());
        part.counts.iter().for_each(|&count| out.unsigned(u64::from(count)));
        out.unsigned(part.n);
    }
}

/// Read what `write_window` wrote.
pub fn read_window(reader: &mut Reader<'_>) -> PyResult<Window> {
    let wrong = |_| PyValueError::new_err("score window out of range");
    reader.array()?;
    let mut window = Window::new(reader.unsigned()?);
    for part in [&mut window.old, &mut window.new] {
        reader.array()?;
        for _ in 0..reader.array()? {
            part.bins.push(u16::try_from(reader.unsigned()?).map_err(wrong)?);
        }
        for _ in 0..reader.array()? {
            part.counts.push(u32::try_from(reader.unsigned()?).map_err(wrong)?);
        }
        part.n = reader.unsigned()?;
        if part.bins.len() != part.counts.len() || part.bins.windows(2).any(|p| p[0] >= p[1]) {
            return Err(PyValueError::new_err("score window out of order"));
        }
    }
    Ok(window)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_score_has_no_higher_p() {
        let mut window = Window::new(1_000);
        for number in 0..700u16 {
            window.add_cell(number % 37, 1);
        }
        assert!(window.n() <= 1_000);
        let p = |cell| {
            let score = f64::from(cell);
            window.p_backed_off(score, 0.5, None, Tail::Inflated)
        };
        let ps: Vec<f64> = (0..80).map(p).collect();
        assert!(ps.windows(2).all(|pair| pair[1] <= pair[0] && pair[1] > 0.0));
    }
}
