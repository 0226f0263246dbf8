//! Decayed counts of one agent, with its votes beside them; the arithmetic of `models.counts`.

use std::hint::black_box;

/// The place of what is nowhere.
pub const NOWHERE: u32 = u32::MAX;
pub const UNIT: u32 = 4096;
pub const DISCOUNT: u32 = 2458;
pub const STRENGTH: i64 = 2 * UNIT as i64;
pub const NEGLIGIBLE: u32 = UNIT / 100;
pub const HORIZON_DAYS: i64 = 150;
pub const ADOPTION: f64 = 0.1;
pub const MOST_COUNT: u32 = (1 << 29) - 1;
pub const MOST_TODAY: i64 = (1 << 16) - 1;

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

/// One level of an interpolated, discounted count model.
#[inline]
pub fn interpolate(count: i64, total: i64, discounted: i64, parent: f64) -> f64 {
    let kept = (count - i64::from(DISCOUNT)).max(0);
    (kept as f64 + (STRENGTH + discounted) as f64 * parent) / (total + STRENGTH) as f64
}

/// P(value) of an agent that mostly acts by itself and sometimes as its peers do.
#[inline]
pub fn mixed(own: f64, others: f64) -> f64 {
    (1.0 - ADOPTION) * own + ADOPTION * others
}

/// What is remembered of one value at one node.
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

/// The values of one feature, or of one feature after one context; rows in order of the values.
pub struct Node {
    pub id: u32,
    pub total: i64,
    pub discounted: i64,
    pub rows: Vec<Row>,
}

impl Node {
    #[inline]
    pub fn row(&self, value: u32) -> Option<&Row> {
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

    fn row_mut(&mut self, value: u32) -> &mut Row {
        let at = self.rows.binary_search_by_key(&value, |row| row.value);
        let at = at.unwrap_or_else(|at| {
            self.rows.insert(at, Row::new(value));
            at
        });
        &mut self.rows[at]
    }

    fn add(&mut self, value: u32, cap: i64) -> bool {
        let row = self.row_mut(value);
        let had = i64::from(row.today);
        if had >= cap.min(MOST_TODAY) || row.count > MOST_COUNT - UNIT {
            return false;
        }
        row.today += 1;
        let before = row.count;
        row.count += UNIT;
        let more = row.count.min(DISCOUNT) - before.min(DISCOUNT);
        self.total += i64::from(UNIT);
        self.discounted += i64::from(more);
        true
    }

    pub fn sum_up(&mut self) {
        self.total = self.rows.iter().map(|row| i64::from(row.count)).sum();
        self.discounted = self.rows.iter().map(|row| i64::from(row.count.min(DISCOUNT))).sum();
    }
}

/// All counts of one agent; nodes in order of their ids.
#[derive(Default)]
pub struct Counts {
    nodes: Vec<Node>,
    /// Ids of the nodes, close together: searching among them touches little memory.
    ids: Vec<u32>,
    pub day: i64,
}

impl Counts {
    /// Counts of a day, by node in order of their ids.
    pub fn of(nodes: Vec<Node>, day: i64) -> Self {
        let ids = nodes.iter().map(|node| node.id).collect();
        Counts { nodes, ids, day }
    }

    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    #[inline]
    pub fn node(&self, id: u32) -> Option<&Node> {
        self.node_at(self.place(id))
    }

    /// Where a node is, `NOWHERE` where it is not.
    #[inline]
    pub fn place(&self, id: u32) -> u32 {
        self.ids.binary_search(&id).map_or(NOWHERE, |at| at as u32)
    }

    /// The node at a place.
    #[inline]
    pub fn node_at(&self, place: u32) -> Option<&Node> {
        self.nodes.get(place as usize)
    }

    pub fn row(&self, id: u32, value: u32) -> Option<&Row> {
        self.node(id)?.row(value)
    }

    /// Whether a value was counted on this day.
    pub fn today(&self, id: u32, value: u32) -> bool {
        self.row(id, value).is_some_and(|row| row.today > 0)
    }

    /// The node of an id, which mostly is where it was found before.
    fn node_mut(&mut self, id: u32, place: u32) -> &mut Node {
        if self.ids.get(place as usize) == Some(&id) {
            return &mut self.nodes[place as usize];
        }
        let at = self.ids.binary_search(&id);
        let at = at.unwrap_or_else(|at| {
            self.ids.insert(at, id);
            self.nodes.insert(at, Node { id, total: 0, discounted: 0, rows: Vec::new() });
            at
        });
        &mut self.nodes[at]
    }

    /// Learn one event; false when the value has had its share of the day.
    ///
    /// `place` is where the node was found before, if it was.
    pub fn add(&mut self, id: u32, place: u32, value: u32, cap: i64) -> bool {
        cap > 0 && self.node_mut(id, place).add(value, cap)
    }

    /// Learn one event and vote for its value; give the day of the vote before, -1 for none, or
    /// None if it stands.
    pub fn add_and_vote(&mut self, id: u32, place: u32, value: u32, cap: i64) -> Option<i64> {
        let today = self.day;
        let node = self.node_mut(id, place);
        if cap > 0 {
            node.add(value, cap);
        }
        let row = node.row_mut(value);
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
        for row in self.nodes.iter_mut().flat_map(|node| node.rows.iter_mut()) {
            row.published = -1;
        }
    }

    /// Let the counts fade to a later day; an earlier day changes nothing.
    pub fn roll(&mut self, day: i64, half_life_days: f64) {
        if day <= self.day {
            return;
        }
        let factor = power_of_two((self.day - day) as f64 / half_life_days);
        self.fade(factor, true);
        self.day = day;
    }

    /// Multiply every count; what is left with under a hundredth of an event is dropped.
    pub fn scale(&mut self, factor: f64) {
        self.fade(factor, false);
    }

    fn fade(&mut self, factor: f64, new_day: bool) {
        for node in &mut self.nodes {
            node.rows.retain_mut(|row| {
                let faded = (f64::from(row.count) * factor).round_ties_even();
                row.count = (faded as u32).min(MOST_COUNT);
                if row.count < NEGLIGIBLE {
                    row.count = 0;
                }
                if new_day {
                    row.today = 0;
                }
                row.count > 0 || row.today > 0 || row.vote > 0
            });
            node.sum_up();
        }
        self.nodes.retain(|node| !node.rows.is_empty());
        self.ids.clear();
        self.ids.extend(self.nodes.iter().map(|node| node.id));
    }
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
            counts.add(7, NOWHERE, value, 20);
        }
        counts.roll(10, 30.0);
        counts.add(7, NOWHERE, 1, 20);
        let node = &mut counts.nodes[0];
        let kept = (node.total, node.discounted);
        node.sum_up();
        assert_eq!((node.total, node.discounted), kept);
    }
}
