//! Which tools an agent uses how often.

use crate::baseline::counts::power_of_two;

const MAX_TOOLS: usize = 32;
const SCALE: i64 = 64;
const TODAY: usize = 0;
const FAST: usize = 1;
const SLOW: usize = 2;
const ANCHOR: usize = 3;

/// Mark of a tool -> uses today, over 7 days, over 90 days, at the anchor; in order of first use.
pub type Mixture = Vec<(i64, [i64; 4])>;

/// Count a use of a tool; the rarest is forgotten where there are too many.
pub fn count_use(rows: &mut Mixture, mark: i64) {
    if let Some((_, row)) = rows.iter_mut().find(|(known, _)| *known == mark) {
        row[TODAY] += SCALE;
        return;
    }
    if rows.len() >= MAX_TOOLS {
        let weigh = |(mark, row): &(i64, [i64; 4])| (row.iter().sum::<i64>(), *mark);
        let rarest = (0..rows.len()).min_by_key(|&at| weigh(&rows[at]));
        rarest.map(|at| rows.remove(at));
    }
    rows.push((mark, [SCALE, 0, 0, 0]));
}

/// End a day; `anchor`: the slow mixture becomes the anchor.
pub fn close_day(rows: &mut Mixture, anchor: bool) {
    rows.retain(|(_, row)| row.iter().any(|&count| count != 0));
    let (fast, slow) = (power_of_two(-1.0 / 7.0), power_of_two(-1.0 / 90.0));
    let faded = |count: i64, fade: f64| (count as f64 * fade).round_ties_even() as i64;
    for (_, row) in rows.iter_mut() {
        row[FAST] = faded(row[FAST], fast) + row[TODAY];
        row[SLOW] = faded(row[SLOW], slow) + row[TODAY];
        row[TODAY] = 0;
        if anchor {
            row[ANCHOR] = row[SLOW];
        }
    }
}

/// How far this week's mixture lies from the anchor, in thousandths of a bit.
pub fn strayed(rows: &Mixture) -> i64 {
    let total = |column: usize| rows.iter().map(|(_, row)| row[column]).sum::<i64>();
    let (here, there) = (total(FAST), total(ANCHOR));
    if here == 0 || there == 0 {
        return 0;
    }
    let mut out = 0.0;
    for (_, row) in rows {
        let (p, q) = (row[FAST] as f64 / here as f64, row[ANCHOR] as f64 / there as f64);
        let middle = (p + q) / 2.0;
        let part = |share: f64| if share != 0.0 { share * (share / middle).log2() } else { 0.0 };
        out += part(p) + part(q);
    }
    (1_000.0 * (out / 2.0).max(0.0)).round_ties_even() as i64
}
