//! Decayed counts of one agent, with its votes beside them.

use crate::prefetch::prefetch;
use std::hint::black_box;
use std::ops::Range;

/// The index of a missing node.
pub const MISSING: u32 = u32::MAX;
pub const UNIT: u32 = 4096;
pub const DISCOUNT: u32 = 2458;
pub const STRENGTH: i64 = 2 * UNIT as i64;
pub const NEGLIGIBLE: u32 = UNIT / 100;
pub const HORIZON_DAYS: i64 = 150;
pub const ADOPTION: f64 = 0.1;
pub const MAX_COUNT: u32 = (1 << 29) - 1;
pub const MAX_TODAY: i64 = (1 << 16) - 1;

/// `pow(2, y)` of the C library; a constant base would let the compiler take `exp2` instead.
pub fn power_of_two(y: f64) -> f64 {
    power(2.0, y)
}

/// `pow(x, y)` of the C library.
pub fn power(x: f64, y: f64) -> f64 {
    black_box(x).powf(y)
}

/// Weights in units of one vote by age in days.
pub fn fades(half_life_days: f64) -> Vec<i64> {
    let fade = |age| f64::from(UNIT) * power_of_two(-(age as f64) / half_life_days);
    (0..=HORIZON_DAYS).map(|age| fade(age).round_ties_even() as i64).collect()
}

/// One step of an interpolated, discounted count model.
#[inline]
pub fn interpolate(count: i64, total: i64, discounted: i64, parent: f64) -> f64 {
    let kept = (count - i64::from(DISCOUNT)).max(0);
    (kept as f64 + (STRENGTH + discounted) as f64 * parent) / (total + STRENGTH) as f64
}

/// P(value): a mixture of the own probability and that of the peers.
#[inline]
pub fn mixed(own: f64, others: f64) -> f64 {
    (1.0 - ADOPTION) * own + ADOPTION * others
}

/// Counts of one value at one node.
#[derive(Clone, Copy, Default)]
pub struct Row {
    pub value: u32,
    pub count: u32,
    pub today: u16,
    /// Day of the agent's vote + 1, 0 for none.
    pub vote: u32,
    /// Published day + 1 while it is not the vote's, else -1.
    pub published: i32,
}

impl Row {
    fn new(value: u32) -> Self {
        Row { value, published: -1, ..Row::default() }
    }

    /// Day of the agent's own published vote, -1 without one.
    #[inline]
    pub fn own_day(&self) -> i64 {
        if self.published >= 0 {
            return i64::from(self.published) - 1;
        }
        i64::from(self.vote) - 1
    }
}

/// Sums over the values of one feature, or of one feature after one context.
#[derive(Clone, Copy)]
struct Node {
    id: u32,
    /// Range of its rows.
    start: u32,
    end: u32,
    total: i64,
    discounted: i64,
}

impl Node {
    fn within(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    fn sum_up(&mut self, rows: &[Row]) {
        self.total = rows.iter().map(|row| i64::from(row.count)).sum();
        self.discounted = rows.iter().map(|row| i64::from(row.count.min(DISCOUNT))).sum();
    }
}

/// A node with its rows, sorted by value.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub id: u32,
    pub total: i64,
    discounted: i64,
    pub rows: &'a [Row],
}

impl<'a> Known<'a> {
    #[inline]
    pub fn row(&self, value: u32) -> Option<&'a Row> {
        self.rows.binary_search_by_key(&value, |row| row.value).ok().map(|at| &self.rows[at])
    }

    /// P(value), given the parent level's probability.
    #[inline]
    pub fn probability(&self, row: Option<&Row>, parent: f64) -> f64 {
        if self.total == 0 {
            return parent;
        }
        let count = row.map_or(0, |row| i64::from(row.count));
        interpolate(count, self.total, self.discounted, parent)
    }
}

/// All counts of one agent, close together in memory for speed.
///
/// Nodes are sorted by id, and so are their rows.
#[derive(Default)]
pub struct Counts {
    nodes: Vec<Node>,
    /// Ids of the nodes: searching among them touches little memory.
    ids: Vec<u32>,
    rows: Vec<Row>,
    pub day: i64,
}

impl Counts {
    /// Counts of a day: rows by node, with the start of each node. None where they are unsorted.
    pub fn of(ids: Vec<u32>, starts: &[usize], rows: Vec<Row>, day: i64) -> Option<Self> {
        let ends = starts.iter().skip(1).copied().chain([rows.len()]);
        let mut nodes = Vec::with_capacity(ids.len());
        for ((&id, &start), end) in ids.iter().zip(starts).zip(ends) {
            let its = &rows[start..end];
            if its.windows(2).any(|pair| pair[0].value >= pair[1].value) {
                return None;
            }
            let (start, end) = (start as u32, end as u32);
            let mut node = Node { id, start, end, total: 0, discounted: 0 };
            node.sum_up(its);
            nodes.push(node);
        }
        Some(Counts { nodes, ids, rows, day })
    }

    /// Prefetch all counts.
    pub fn prefetch(&self) {
        prefetch(&*self.ids);
        prefetch(&*self.nodes);
        prefetch(&*self.rows);
    }

    /// All nodes. Each has rows.
    pub fn nodes(&self) -> impl Iterator<Item = Known<'_>> {
        self.nodes.iter().map(|node| self.known(node))
    }

    /// All rows, by node.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Ids of all nodes.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    fn known(&self, node: &Node) -> Known<'_> {
        let Node { id, total, discounted, .. } = *node;
        Known { id, total, discounted, rows: &self.rows[node.within()] }
    }

    #[inline]
    pub fn node(&self, id: u32) -> Option<Known<'_>> {
        self.node_at(self.index_of(id))
    }

    /// Index of a node, `MISSING` without one.
    #[inline]
    pub fn index_of(&self, id: u32) -> u32 {
        self.ids.binary_search(&id).map_or(MISSING, |at| at as u32)
    }

    /// The node at an index.
    #[inline]
    pub fn node_at(&self, index: u32) -> Option<Known<'_>> {
        self.nodes.get(index as usize).map(|node| self.known(node))
    }

    pub fn row(&self, id: u32, value: u32) -> Option<&Row> {
        self.node(id)?.row(value)
    }

    /// Whether a value was counted on this day.
    pub fn today(&self, id: u32, value: u32) -> bool {
        self.row(id, value).is_some_and(|row| row.today > 0)
    }

    /// A node, mostly at the index found before, and the row of one of its values.
    fn row_mut(&mut self, id: u32, index: u32, value: u32) -> (&mut Node, &mut Row) {
        let at = match self.ids.get(index as usize) {
            Some(known) if *known == id => index as usize,
            _ => self.ids.binary_search(&id).unwrap_or_else(|at| self.begin(id, at)),
        };
        let node = self.nodes[at];
        let among = self.rows[node.within()].binary_search_by_key(&value, |row| row.value);
        let index = node.start as usize + among.unwrap_or_else(|index| index);
        if among.is_err() {
            self.rows.insert(index, Row::new(value));
            self.nodes[at].end += 1;
            for later in &mut self.nodes[at + 1..] {
                (later.start, later.end) = (later.start + 1, later.end + 1);
            }
        }
        (&mut self.nodes[at], &mut self.rows[index])
    }

    /// Insert a node without rows at an index.
    fn begin(&mut self, id: u32, at: usize) -> usize {
        let start = self.nodes.get(at).map_or(self.rows.len() as u32, |next| next.start);
        self.ids.insert(at, id);
        self.nodes.insert(at, Node { id, start, end: start, total: 0, discounted: 0 });
        at
    }

    /// Learn one event. False when the value reached its daily cap.
    ///
    /// `index` is the index of the node, if it was found before.
    pub fn add(&mut self, id: u32, index: u32, value: u32, cap: i64) -> bool {
        if cap <= 0 {
            return false;
        }
        let (node, row) = self.row_mut(id, index, value);
        count(node, row, cap)
    }

    /// Learn one event and vote for its value. Gives the day of the replaced vote, -1 without one.
    /// None if the vote is unchanged.
    pub fn add_and_vote(&mut self, id: u32, index: u32, value: u32, cap: i64) -> Option<i64> {
        let today = self.day;
        let (node, row) = self.row_mut(id, index, value);
        if cap > 0 {
            count(node, row, cap);
        }
        let before = i64::from(row.vote) - 1;
        if before >= today {
            return None;
        }
        if row.published < 0 {
            row.published = (before + 1) as i32;
        }
        row.vote = (today + 1) as u32;
        Some(before)
    }

    /// Note that all votes are published.
    pub fn published(&mut self) {
        for row in &mut self.rows {
            row.published = -1;
        }
    }

    /// Decay the counts to a later day. An earlier day changes nothing.
    pub fn roll(&mut self, day: i64, half_life_days: f64) {
        if day <= self.day {
            return;
        }
        let factor = power_of_two((self.day - day) as f64 / half_life_days);
        self.fade(factor, true);
        self.day = day;
    }

    /// Multiply every count. Counts under a hundredth of an event are dropped.
    pub fn scale(&mut self, factor: f64) {
        self.fade(factor, false);
    }

    fn fade(&mut self, factor: f64, new_day: bool) {
        let mut left = 0;
        for node in &mut self.nodes {
            let start = left;
            for at in node.within() {
                let row = faded(self.rows[at], factor, new_day);
                if row.count > 0 || row.today > 0 || row.vote > 0 {
                    self.rows[left] = row;
                    left += 1;
                }
            }
            (node.start, node.end) = (start as u32, left as u32);
            node.sum_up(&self.rows[start..left]);
        }
        self.rows.truncate(left);
        self.nodes.retain(|node| node.start != node.end);
        self.ids.clear();
        self.ids.extend(self.nodes.iter().map(|node| node.id));
    }
}

/// Learn one event of a row. False when its value reached its daily cap.
fn count(node: &mut Node, row: &mut Row, cap: i64) -> bool {
    let had = i64::from(row.today);
    if had >= cap.min(MAX_TODAY) || row.count > MAX_COUNT - UNIT {
        return false;
    }
    row.today += 1;
    let before = row.count;
    row.count += UNIT;
    let more = row.count.min(DISCOUNT) - before.min(DISCOUNT);
    node.total += i64::from(UNIT);
    node.discounted += i64::from(more);
    true
}

fn faded(mut row: Row, factor: f64, new_day: bool) -> Row {
    let count = (f64::from(row.count) * factor).round_ties_even();
    row.count = (count as u32).min(MAX_COUNT);
    if row.count < NEGLIGIBLE {
        row.count = 0;
    }
    if new_day {
        row.today = 0;
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_halve_in_a_half_life() {
        let weights = fades(30.0);
        assert_eq!((weights[0], weights[30], weights.len()), (4096, 2048, 151));
    }

    #[test]
    fn sums_kept_along_equal_sums_anew() {
        let mut counts = Counts::default();
        for value in [3, 1, 3, 2, 3] {
            counts.add(7, MISSING, value, 20);
        }
        counts.roll(10, 30.0);
        counts.add(7, MISSING, 1, 20);
        let node = &mut counts.nodes[0];
        let kept = (node.total, node.discounted);
        node.sum_up(&counts.rows);
        assert_eq!((node.total, node.discounted), kept);
    }

    #[test]
    fn rows_stay_with_their_node_whatever_comes_before_them() {
        let mut counts = Counts::default();
        for (id, value) in [(9, 1), (2, 8), (5, 4), (2, 3), (9, 0), (5, 6), (1, 1)] {
            counts.add(id, MISSING, value, 20);
        }
        let values = |counts: &Counts, id| -> Vec<u32> {
            counts.node(id).map_or(vec![], |node| node.rows.iter().map(|row| row.value).collect())
        };
        let all = [1, 2, 5, 9].map(|id| values(&counts, id));
        assert_eq!(all, [vec![1], vec![3, 8], vec![4, 6], vec![0, 1]]);
        counts.add(5, MISSING, 4, 20);
        counts.scale(0.006); // a value counted twice stays above a hundredth of an event
        counts.roll(1, 30.0); // a value counted once does not outlast the day
        assert_eq!(counts.ids(), [5]);
        assert_eq!(values(&counts, 5), [4]);
    }
}
