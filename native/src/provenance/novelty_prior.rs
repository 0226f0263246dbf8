//! Rates of novelty with back-off: how often sessions use new values and flows, in bits.

use rustc_hash::FxHashMap;
use std::hint::black_box;

const HALF_LIFE_DAYS: f64 = 30.0;
const BACKOFF: f64 = 4.0;
const ROOT: f64 = 0.3;
const MEMORY: f64 = 150.0;
const MAX_NODES: usize = 32_768;
/// Columns of a node: four levels of values, three levels of flows, the votes and
/// the day of the last decay.
pub const VALUE: usize = 0;
pub const FLOW: usize = 4;
const VOTES: usize = 7;
const DAY: usize = 8;
pub const COLUMNS: usize = 9;

pub struct Node {
    pub columns: [f64; COLUMNS],
    changed: bool,
}

impl Node {
    pub fn new(columns: [f64; COLUMNS]) -> Self {
        Node { columns, changed: false }
    }
}

/// P(novelty level >= L) of values and flows by context; a node counts a session once for all
/// levels of both.
#[derive(Default)]
pub struct NoveltyRates {
    pub nodes: FxHashMap<u64, Node>,
    changed: Vec<u64>,
}

/// `2.0 ** (days / 30)` of Python. A base known to the compiler would make it `exp2`, whose last
/// bit may differ from that of `pow`.
fn fade(days: f64) -> f64 {
    black_box(2.0f64).powf(days / HALF_LIFE_DAYS)
}

/// The decay of a vote that is older than its node by so many days (negative).
fn left(days: f64) -> f64 {
    if days < 0.0 {
        fade(days)
    } else {
        1.0
    }
}

/// The columns that a vote with these levels increments: values 0 .. 4, flows 0 .. 3.
fn reached(levels: (u64, u64)) -> impl Iterator<Item = usize> {
    let (value, flow) = (levels.0.min(4) as usize, levels.1.min(3) as usize);
    (VALUE..VALUE + value).chain(FLOW..FLOW + flow).chain([VOTES])
}

impl NoveltyRates {
    /// `-log2` of a column's rate; contexts run from general to specific.
    pub fn bits(&self, contexts: &[u64; 4], column: usize, day: i64) -> f64 {
        let day = day as f64;
        let mut q = ROOT;
        for context in contexts {
            let Some(node) = self.nodes.get(context) else { continue };
            let (mut x, mut n) = (node.columns[column], node.columns[VOTES]);
            if node.columns[DAY] < day {
                let fade = fade(node.columns[DAY] - day);
                x *= fade;
                n *= fade;
            }
            if n > MEMORY {
                x *= MEMORY / n;
                n = MEMORY;
            }
            q = (x + BACKOFF * q) / (n + BACKOFF);
        }
        -q.log2()
    }

    /// Counts one vote of `weight` in every context, with its levels: values 0 .. 4,
    /// flows 0 .. 3. A late vote decays as if it were on time.
    pub fn vote(&mut self, contexts: &[u64; 4], levels: (u64, u64), weight: f64, day: i64) {
        let day = day as f64;
        for &context in contexts {
            if !self.nodes.contains_key(&context) {
                if self.nodes.len() >= MAX_NODES {
                    self.drop_oldest();
                }
                let mut columns = [0.0; COLUMNS];
                columns[DAY] = day;
                self.nodes.insert(context, Node::new(columns));
            }
            let Some(node) = self.nodes.get_mut(&context) else { continue };
            let columns = &mut node.columns;
            if columns[DAY] < day {
                let fade = fade(columns[DAY] - day);
                columns[..DAY].iter_mut().for_each(|column| *column *= fade);
                columns[DAY] = day;
            }
            let left = weight * left(day - columns[DAY]);
            for column in reached(levels) {
                columns[column] += left;
            }
            if !node.changed {
                node.changed = true;
                self.changed.push(context);
            }
        }
    }

    /// Subtracts a vote of the day `vote_day`; counts stay at zero or above.
    pub fn retract(&mut self, contexts: &[u64; 4], levels: (u64, u64), weight: f64, vote_day: i64) {
        for &context in contexts {
            let Some(node) = self.nodes.get_mut(&context) else { continue };
            let left = weight * left(vote_day as f64 - node.columns[DAY]);
            for column in reached(levels) {
                node.columns[column] = (node.columns[column] - left).max(0.0);
            }
            if !node.changed {
                node.changed = true;
                self.changed.push(context);
            }
        }
    }

    fn drop_oldest(&mut self) {
        let nodes = self.nodes.iter();
        let mut order: Vec<(f64, u64)> = nodes.map(|(&k, node)| (node.columns[DAY], k)).collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for &(_, context) in &order[..MAX_NODES / 4] {
            self.nodes.remove(&context);
            self.changed.push(context);
        }
    }

    pub fn is_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The contexts that changed since `stored`, in order and each once.
    pub fn changes(&mut self) -> &[u64] {
        self.changed.sort_unstable();
        self.changed.dedup();
        &self.changed
    }

    /// Marks all data as stored.
    pub fn stored(&mut self) {
        for context in std::mem::take(&mut self.changed) {
            if let Some(node) = self.nodes.get_mut(&context) {
                node.changed = false;
            }
        }
    }
}
