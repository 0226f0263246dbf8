//! Bounded tables of counts or days by hash, and the marks of members in one value.

use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;

pub const MAX_KNOWN: usize = 32_768;
pub const REPEAT_BONUS_DAYS: i64 = 30;
const MAX_MARKS: u32 = 3;
const MARK_DAYS: i64 = 21;
const MARK_BITS: u32 = 15;
const MARK_MASK: i64 = (1 << MARK_BITS) - 1;
const DAY_SHIFT: u32 = MAX_MARKS * MARK_BITS;
const MARKS: i64 = (1 << DAY_SHIFT) - 1;

/// Counts or days by hash, with the changed keys.
#[derive(Default)]
pub struct Table {
    /// Values, each with whether its key is in `changed`.
    known: FxHashMap<u64, (i64, bool)>,
    /// Keys to store and removed keys; some occur twice.
    changed: Vec<u64>,
}

impl Table {
    /// A table of these entries, all of them stored.
    pub fn of(known: impl Iterator<Item = (u64, i64)>) -> Self {
        let known = known.map(|(key, value)| (key, (value, false))).collect();
        Table { known, changed: Vec::new() }
    }

    pub fn find(&self, key: u64) -> Option<i64> {
        self.known.get(&key).map(|&(value, _)| value)
    }

    pub fn get(&self, key: u64) -> i64 {
        self.find(key).unwrap_or(0)
    }

    pub fn has(&self, key: u64) -> bool {
        self.known.contains_key(&key)
    }

    /// All entries, in no order.
    pub fn each(&self) -> impl Iterator<Item = (u64, i64)> + '_ {
        self.known.iter().map(|(&key, &(value, _))| (key, value))
    }

    pub fn put(&mut self, key: u64, value: i64) {
        self.set(key, |_| value);
    }

    /// Sets a value computed from the old one.
    fn set(&mut self, key: u64, value: impl FnOnce(Option<i64>) -> i64) {
        let changed = match self.known.entry(key) {
            Entry::Occupied(mut known) => {
                let (before, changed) = *known.get();
                known.insert((value(Some(before)), true));
                changed
            }
            Entry::Vacant(free) => {
                free.insert((value(None), true));
                false
            }
        };
        if !changed {
            self.changed.push(key);
        }
    }

    /// Adds to a count, or subtracts; a count of zero is removed.
    pub fn add(&mut self, key: u64, n: i64) {
        let count = self.get(key) + n;
        if count > 0 {
            self.put(key, count);
        } else {
            self.forget(key);
        }
    }

    /// Removes one key.
    pub fn forget(&mut self, key: u64) {
        self.known.remove(&key);
        self.changed.push(key);
    }

    /// Removes a quarter of more than `maximum` keys, the smallest values first; gives them.
    pub fn bound(&mut self, maximum: usize) -> Vec<u64> {
        if self.known.len() <= maximum {
            return Vec::new();
        }
        let mut order: Vec<(i64, u64)> = self.each().map(|(key, n)| (n, key)).collect();
        order.sort_unstable();
        let gone: Vec<u64> = order[..maximum / 4].iter().map(|&(_, key)| key).collect();
        gone.iter().for_each(|&key| self.forget(key));
        gone
    }

    /// Records the use of `key` on `day`; the least recently used keys and those of one day
    /// are evicted.
    pub fn record_day(&mut self, key: u64, day: i64) {
        let again = |before: i64| if before == day { day } else { day + REPEAT_BONUS_DAYS };
        self.set(key, |before| before.map_or(day, again));
        self.bound(MAX_KNOWN);
    }

    /// Adds the mark of `member` to `key`, up to `MAX_MARKS`; gives the number of marks.
    pub fn add_mark(&mut self, key: u64, member: u64, day: i64) -> u32 {
        let marks = insert_mark(marks_of(self.get(key), day), mark_of(member));
        self.put_marks(key, marks, day);
        count_marks(marks, &[])
    }

    /// Adds the mark of a cluster to `key`, unless a similar cluster has one; `same_task`
    /// are the marks of the similar clusters.
    pub fn add_cluster_mark(&mut self, key: u64, number: i64, same_task: &[i64], day: i64) {
        let marks = marks_of(self.get(key), day);
        let mut same = each_mark(marks).filter(|mark| same_task.contains(mark));
        let mark = same.next().unwrap_or_else(|| mark_of(number as u64));
        self.put_marks(key, insert_mark(marks, mark), day);
    }

    /// Increments the count of `key` and gives it; it restarts after `MARK_DAYS` without use.
    pub fn tally(&mut self, key: u64, day: i64) -> i64 {
        let count = marks_of(self.get(key), day) + 1;
        self.put_marks(key, count, day);
        count
    }

    fn put_marks(&mut self, key: u64, marks: i64, day: i64) {
        self.put(key, day.max(self.get(key) >> DAY_SHIFT) << DAY_SHIFT | marks);
        self.bound(MAX_KNOWN);
    }

    /// Adds one session to each of `found`; the rarest keys are evicted.
    pub fn count(&mut self, found: impl IntoIterator<Item = u64>) {
        for key in found {
            self.set(key, |before| before.unwrap_or(0) + 1);
        }
        self.bound(MAX_KNOWN);
    }

    /// The keys to store, or all, in order; removed keys have no value.
    pub fn keys(&self, all: bool) -> Vec<u64> {
        let mut keys =
            if all { self.known.keys().copied().collect() } else { self.changed.clone() };
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Marks all data as stored.
    pub fn stored(&mut self) {
        for key in std::mem::take(&mut self.changed) {
            if let Some((_, changed)) = self.known.get_mut(&key) {
                *changed = false;
            }
        }
    }

    /// Restores a key from its stored value; None removes it.
    pub fn restore(&mut self, key: u64, value: Option<i64>) {
        match value {
            Some(value) => self.known.insert(key, (value, false)),
            None => self.known.remove(&key),
        };
    }
}

/// An instant or a day as a member, before 1970 as well.
pub fn time_of(number: i64) -> u64 {
    number.rem_euclid(MARK_MASK) as u64
}

/// The mark of a member: 15 bits, not all zero.
pub fn mark_of(member: u64) -> i64 {
    (member % MARK_MASK as u64) as i64 + 1
}

/// The marks in the value of a key; none after they expire.
pub fn marks_of(packed: i64, day: i64) -> i64 {
    if day - (packed >> DAY_SHIFT) <= MARK_DAYS {
        packed & MARKS
    } else {
        0
    }
}

/// Adds a mark to the marks, unless it is present or there are `MAX_MARKS`.
fn insert_mark(marks: i64, mark: i64) -> i64 {
    for index in 0..MAX_MARKS {
        match marks >> (index * MARK_BITS) & MARK_MASK {
            0 => return marks | mark << (index * MARK_BITS),
            known if known == mark => return marks,
            _ => {}
        }
    }
    marks
}

/// The number of marks, without those of `but`.
pub fn count_marks(marks: i64, but: &[i64]) -> u32 {
    each_mark(marks).filter(|mark| !but.contains(mark)).count() as u32
}

/// The marks one by one.
fn each_mark(marks: i64) -> impl Iterator<Item = i64> {
    let each = (0..MAX_MARKS).map(move |index| marks >> (index * MARK_BITS) & MARK_MASK);
    each.filter(|&mark| mark != 0)
}
