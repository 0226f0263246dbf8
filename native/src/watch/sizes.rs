//! What a call usually takes, by tool.

use crate::baseline::volume_baseline::squash;
use crate::peers::baselines::{size_index, SeenBaselines};

/// Places in `models.baseline.volume_baseline.QUANTITIES` of the quantities that are compared in
/// this way.
pub const SIZED: [usize; 2] = [1, 3];
const PER_MILLE: f64 = 1_000.0;
const ANY: i64 = -1;
const LAST: usize = SIZED.len() - 1;
const MAX_TOOLS: usize = 32;
const KNOWN: f64 = 5.0;
const SETTLED: f64 = 20.0;
const MAX_CALLS: f64 = 400.0;
/// Calls at which an agent tells its peers.
const TOLD: [f64; 4] = [5.0, 20.0, 80.0, 320.0];
const MIN_PEERS: i64 = 3;
const APART: f64 = 2.0;
const MIN_APART: f64 = 0.5;
const SILENT: f64 = 60.0;
const TAKEN_UP: f64 = 0.25;
const MAX_STEP: f64 = 1.0;
const SPREAD: f64 = 1.25;
const MIN_SPREAD: f64 = 0.2;
const SLACK: f64 = 0.25;
const MAX_LEAN: f64 = 3.0;
/// Calls and mean of each; then deviation and running sum of the first, or of any tool the
/// deviation of the last.
pub const ROW: usize = 2 * SIZED.len() + 2;
const DEVIATION: usize = ROW - 2;
const LEANING: usize = ROW - 1;

/// Mark of a tool (-1: any) -> its row; in order of first use.
pub type Sizes = Vec<(i64, [f64; ROW])>;

/// Place of a quantity in `SIZED`.
pub fn slot_of(quantity: usize) -> Option<usize> {
    SIZED.iter().position(|sized| *sized == quantity)
}

fn row(sizes: &Sizes, mark: i64) -> Option<&[f64; ROW]> {
    sizes.iter().find(|(known, _)| *known == mark).map(|(_, row)| row)
}

fn row_mut(sizes: &mut Sizes, mark: i64) -> Option<&mut [f64; ROW]> {
    sizes.iter_mut().find(|(known, _)| *known == mark).map(|(_, row)| row)
}

fn spread(row: &[f64; ROW]) -> f64 {
    (SPREAD * row[DEVIATION]).max(MIN_SPREAD)
}

/// What such a call usually takes; the amount itself where nothing is known.
pub fn usual(
    sizes: &Sizes,
    tool: i64,
    slot: usize,
    amount: i64,
    peers: Option<SeenBaselines<'_>>,
) -> f64 {
    for (mark, least) in [(tool, KNOWN), (ANY, SETTLED)] {
        if mark == ANY && slot == 0 {
            break;
        }
        if let Some(row) = row(sizes, mark).filter(|row| row[2 * slot] >= least) {
            return row[2 * slot + 1].exp_m1().max(1.0);
        }
    }
    if slot == 0 {
        let never = row(sizes, tool).map_or(0.0, |row| row[0]);
        if never <= -SETTLED {
            let sent = row(sizes, ANY).map_or(0.0, |row| row[1]);
            return (sent.exp_m1() / (1.0 - never)).max(1.0);
        }
    }
    let volume = peers.and_then(|peers| peers.of(size_index(slot, tool)));
    if let Some(volume) = volume.filter(|volume| volume.n >= MIN_PEERS) {
        let apart = volume.variance().sqrt().max(MIN_APART);
        return (volume.mean + APART * apart).exp_m1().max(1.0);
    }
    amount.max(1) as f64
}

/// What calls of a tool take, where peers are to be told of it.
pub fn telling(sizes: &Sizes, tool: i64, slot: usize) -> Option<f64> {
    let row = row(sizes, tool).filter(|row| TOLD.contains(&row[2 * slot]))?;
    Some(row[2 * slot + 1].exp_m1())
}

/// Take in a call; one far off counts as moderately so, and the later the less.
pub fn learn(sizes: &mut Sizes, tool: i64, slot: usize, amount: i64) {
    let x = squash(amount as f64);
    for mark in [tool, ANY] {
        if row(sizes, mark).is_none() {
            if sizes.len() > MAX_TOOLS {
                continue;
            }
            sizes.push((mark, [0.0; ROW]));
        }
        let Some(row) = row_mut(sizes, mark) else { continue };
        if slot == 0 && row[0] <= -SILENT {
            note_silent(row, x);
            if row[1] < TAKEN_UP {
                continue;
            }
            row[LEANING] = 0.0;
        }
        let n = (row[2 * slot].max(0.0) + 1.0).min(MAX_CALLS);
        row[2 * slot] = n;
        let mut step = x - row[2 * slot + 1];
        if n > SETTLED {
            step = step.clamp(-MAX_STEP, MAX_STEP);
        }
        row[2 * slot + 1] += step / n;
        if slot == if mark == ANY { LAST } else { 0 } {
            row[DEVIATION] += (step.abs() - row[DEVIATION]) / n;
        }
    }
}

/// Take in a call that sent nothing, of an agent of whose calls it is known what they send.
pub fn send_nothing(sizes: &mut Sizes, tool: i64) {
    if row(sizes, ANY).is_none_or(|row| row[0] < KNOWN) {
        return;
    }
    if row(sizes, tool).is_none() {
        if sizes.len() > MAX_TOOLS {
            return;
        }
        sizes.push((tool, [0.0; ROW]));
    }
    let Some(row) = row_mut(sizes, tool) else { return };
    if row[0] <= -SILENT {
        row[LEANING] = leaned(row, 0.0);
        note_silent(row, 0.0);
    } else if row[0] <= 0.0 {
        row[0] -= 1.0;
    }
}

/// Take in a call of a tool that never sent anything, or had not until lately.
fn note_silent(row: &mut [f64; ROW], x: f64) {
    let n = (1.0 - row[0]).min(MAX_CALLS);
    let step = (x - row[1]).clamp(-MAX_STEP, MAX_STEP);
    row[0] = -n;
    row[1] += step / n;
    row[DEVIATION] += (step.abs() - row[DEVIATION]) / n;
}

fn leaned(row: &[f64; ROW], x: f64) -> f64 {
    let z = (x - row[1]) / spread(row);
    (row[LEANING] + z.clamp(-MAX_LEAN, MAX_LEAN) - SLACK).max(0.0)
}

/// The running sum of how far a tool's calls send more than usual, with this call; None where the
/// tool is not known well enough.
pub fn leaning(sizes: &Sizes, tool: i64, amount: i64) -> Option<f64> {
    let row = row(sizes, tool).filter(|row| row[0] <= -SILENT || row[0] >= SETTLED)?;
    Some(leaned(row, squash(amount as f64)))
}

/// How far beyond the usual a call went in what it cost, in spreads of the agent's calls.
pub fn beyond(sizes: &Sizes, tool: i64, amount: i64) -> f64 {
    let Some(row) = row(sizes, ANY).filter(|row| row[2 * LAST] >= SETTLED) else { return 0.0 };
    (squash(amount as f64) - squash(usual(sizes, tool, LAST, amount, None))) / spread(row)
}

/// Set a tool's running sum.
pub fn lean(sizes: &mut Sizes, tool: i64, value: f64) {
    if let Some(row) = row_mut(sizes, tool) {
        row[LEANING] = value;
    }
}

/// A sum in thousandths of what was expected of it.
pub fn per_mille(total: f64, expected: f64) -> f64 {
    PER_MILLE * total / expected.max(1.0)
}
