//! What a role's sessions looked like: clusters of requests, known values and flows.

use super::similarity::RoleIndex;
use super::uses::First;
use rustc_hash::{FxHashMap, FxHashSet};

pub const MAX_CLUSTERS: usize = 256;
pub const MAX_KNOWN: usize = 32_768;
pub const MAX_BAG: usize = 128;
/// Sessions of a role, which are then looked at again.
pub const YOUNG: i64 = 100;
pub const KEPT_LONGER: i64 = 30;
const MOST_NOTED: u32 = 3;
const NOTED_DAYS: i64 = 21;
const NOTED_BITS: u32 = 15;
const NOTED: i64 = (1 << NOTED_BITS) - 1;
const DAY_PLACE: u32 = MOST_NOTED * NOTED_BITS;
const MARKS: i64 = (1 << DAY_PLACE) - 1;
const WHOLE: u128 = 1 << 40;

/// Counts or days by hash; notes which of them changed.
#[derive(Default)]
pub struct Table {
    pub known: FxHashMap<u64, i64>,
    pub changed: FxHashSet<u64>,
}

impl Table {
    pub fn get(&self, key: u64) -> i64 {
        self.known.get(&key).copied().unwrap_or(0)
    }

    pub fn has(&self, key: u64) -> bool {
        self.known.contains_key(&key)
    }

    pub fn put(&mut self, key: u64, value: i64) {
        self.known.insert(key, value);
        self.changed.insert(key);
    }

    /// Adds to a count, or takes from it; nothing is left of one that falls to zero.
    pub fn add(&mut self, key: u64, n: i64) {
        let count = self.get(key) + n;
        if count > 0 {
            self.put(key, count);
        } else {
            self.forget(key);
        }
    }

    /// Takes out one key.
    pub fn forget(&mut self, key: u64) {
        self.known.remove(&key);
        self.changed.insert(key);
    }

    /// Forgets a quarter when there are more than `most`, the smallest first; gives these.
    pub fn bound(&mut self, most: usize) -> Vec<u64> {
        if self.known.len() <= most {
            return Vec::new();
        }
        let mut order: Vec<(i64, u64)> = self.known.iter().map(|(&key, &n)| (n, key)).collect();
        order.sort_unstable();
        let gone: Vec<u64> = order[..most / 4].iter().map(|&(_, key)| key).collect();
        for key in &gone {
            self.known.remove(key);
        }
        self.changed.extend(&gone);
        gone
    }

    /// Notes that `key` was carried on `day`; bounded, the longest unused go first, and what came
    /// on one day alone.
    pub fn remember(&mut self, key: u64, day: i64) {
        let again = self.known.get(&key).is_some_and(|&before| before != day);
        self.put(key, if again { day + KEPT_LONGER } else { day });
        self.bound(MAX_KNOWN);
    }

    /// Notes that `who` is among those under `key`, a few at most; gives how many there are.
    pub fn note(&mut self, key: u64, who: u64, day: i64) -> u32 {
        let packed = self.get(key);
        let (mut marks, mark, mut place) = (marks_of(packed, day), mark_of(who), 0);
        while place < MOST_NOTED {
            match marks >> (place * NOTED_BITS) & NOTED {
                0 => break,
                known if known == mark => break,
                _ => place += 1,
            }
        }
        if place < MOST_NOTED {
            marks |= mark << (place * NOTED_BITS);
        }
        self.put(key, day.max(packed >> DAY_PLACE) << DAY_PLACE | marks);
        self.bound(MAX_KNOWN);
        noted(marks, 0)
    }

    /// Adds one session to each of `found`; bounded, the rarest go first.
    pub fn count(&mut self, found: &[u64]) {
        for &key in found {
            *self.known.entry(key).or_insert(0) += 1;
            self.changed.insert(key);
        }
        self.bound(MAX_KNOWN);
    }
}

/// An instant or a day as one of those noted under a key, before 1970 as well.
pub fn time_of(number: i64) -> u64 {
    number.rem_euclid(NOTED) as u64
}

/// 15 bits, never all zero, that stand for one of those noted under a key.
pub fn mark_of(who: u64) -> i64 {
    (who % NOTED as u64) as i64 + 1
}

/// The marks in the value of a key, none when the last note is long ago.
pub fn marks_of(packed: i64, day: i64) -> i64 {
    if day - (packed >> DAY_PLACE) <= NOTED_DAYS {
        packed & MARKS
    } else {
        0
    }
}

/// How many marks there are, leaving out one.
pub fn noted(marks: i64, but: i64) -> u32 {
    let each = (0..MOST_NOTED).map(|place| marks >> (place * NOTED_BITS) & NOTED);
    each.filter(|&mark| mark != 0 && mark != but).count() as u32
}

/// Sessions with one kind of request; every count is a number of sessions.
pub struct Cluster {
    pub number: i64,
    pub bag: Vec<u64>,
    pub n: i64,
    pub full: i64,
    pub skipped: i64,
    pub used_us: i64,
    pub stored: bool,
    pub touched: bool,
    pub tools: Table,
    pub keys: Table,
    pub values: Table,
    pub flows: Table,
}

impl Cluster {
    pub fn new(number: i64, bag: Vec<u64>, used_us: i64) -> Self {
        Cluster {
            number,
            bag,
            n: 0,
            full: 0,
            skipped: 0,
            used_us,
            stored: false,
            touched: false,
            tools: Table::default(),
            keys: Table::default(),
            values: Table::default(),
            flows: Table::default(),
        }
    }

    /// The counts in the order of the stored layout.
    pub fn tables(&self) -> [&Table; 4] {
        [&self.tools, &self.keys, &self.values, &self.flows]
    }

    pub fn tables_mut(&mut self) -> [&mut Table; 4] {
        [&mut self.tools, &mut self.keys, &mut self.values, &mut self.flows]
    }
}

/// One role's clusters, and what any of its sessions carried: key -> last day seen.
#[derive(Default)]
pub struct Role {
    /// Clusters by slot; one that is taken out leaves its slot to the next.
    pub slots: Vec<Option<Cluster>>,
    pub by_number: FxHashMap<i64, usize>,
    pub index: RoleIndex,
    pub next_id: i64,
    pub n: i64,
    pub at: Table,
    pub anywhere: Table,
    pub roots: Table,
    pub flow: Table,
    pub flow_key: Table,
    pub waiting: Table,
    /// Value that made a session unusual -> the clusters in whose sessions it did.
    pub sightings: Table,
    /// (cluster, place that made its session unusual) -> the agents that did so.
    pub doubters: Table,
    /// What came with the names of requests.
    pub names: Table,
    pub touched: bool,
    pub gone: Vec<i64>,
    /// Its first sessions, until they are looked at again.
    pub first: Vec<First>,
    /// How many of these are not stored yet.
    pub unsaid: usize,
    shares: FxHashMap<u64, i64>,
}

impl Role {
    pub fn new() -> Self {
        Role { next_id: 1, ..Role::default() }
    }

    /// What is known, in the order of the stored layout.
    pub fn tables(&self) -> [&Table; 9] {
        [
            &self.at,
            &self.anywhere,
            &self.roots,
            &self.flow,
            &self.flow_key,
            &self.waiting,
            &self.sightings,
            &self.doubters,
            &self.names,
        ]
    }

    pub fn tables_mut(&mut self) -> [&mut Table; 9] {
        [
            &mut self.at,
            &mut self.anywhere,
            &mut self.roots,
            &mut self.flow,
            &mut self.flow_key,
            &mut self.waiting,
            &mut self.sightings,
            &mut self.doubters,
            &mut self.names,
        ]
    }

    pub fn cluster(&self, number: i64) -> Option<&Cluster> {
        self.by_number.get(&number).and_then(|&slot| self.slots[slot].as_ref())
    }

    pub fn cluster_mut(&mut self, number: i64) -> Option<&mut Cluster> {
        self.by_number.get(&number).and_then(|&slot| self.slots[slot].as_mut())
    }

    /// Marks a cluster as changed since the last dump and gives it.
    pub fn touch(&mut self, number: i64) -> Option<&mut Cluster> {
        self.touched = true;
        let cluster = self.cluster_mut(number)?;
        cluster.touched = true;
        Some(cluster)
    }

    /// Takes out the least recently used cluster when there are as many as there may be.
    pub fn make_room(&mut self) {
        if self.by_number.len() < MAX_CLUSTERS {
            return;
        }
        let oldest = self.slots.iter().flatten().min_by_key(|c| (c.used_us, c.number));
        if let Some(number) = oldest.map(|cluster| cluster.number) {
            self.share(number, -1);
            self.remove(number);
            self.gone.push(number);
        }
    }

    pub fn remove(&mut self, number: i64) {
        let Some(slot) = self.by_number.remove(&number) else { return };
        if let Some(cluster) = self.slots[slot].take() {
            self.index.remove(slot, &cluster.bag);
        }
    }

    /// Puts a cluster into a free slot; gives false when there is none.
    pub fn insert(&mut self, cluster: Cluster) -> bool {
        let free = self.slots.iter().position(Option::is_none);
        let slot = free.unwrap_or(self.slots.len());
        if slot >= MAX_CLUSTERS {
            return false;
        }
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        self.index.add(slot, &cluster.bag);
        self.by_number.insert(cluster.number, slot);
        self.slots[slot] = Some(cluster);
        true
    }

    /// Starts a cluster and gives its number; there must be room.
    pub fn found(&mut self, words: &[u64], used_us: i64) -> i64 {
        let number = self.next_id;
        self.next_id += 1;
        let bag = words[..words.len().min(MAX_BAG)].to_vec();
        self.insert(Cluster::new(number, bag, used_us));
        number
    }

    /// Sum over the clusters of the share of sessions that used a tool.
    pub fn share_of(&self, tool: u64) -> f64 {
        self.shares.get(&tool).copied().unwrap_or(0) as f64 / WHOLE as f64
    }

    /// Adds a cluster's shares, or takes them away before it changes (`sign` -1).
    pub fn share(&mut self, number: i64, sign: i64) {
        let Some(&slot) = self.by_number.get(&number) else { return };
        let Some(cluster) = self.slots[slot].as_ref().filter(|cluster| cluster.n > 0) else {
            return;
        };
        for (&tool, &sessions) in &cluster.tools.known {
            let part = (sessions.max(0) as u128 * WHOLE / cluster.n as u128) as i64;
            let share = self.shares.entry(tool).or_insert(0);
            *share += sign * part;
            if *share == 0 {
                self.shares.remove(&tool);
            }
        }
    }

    /// The slots in order of the numbers of their clusters.
    pub fn in_order(&self) -> Vec<usize> {
        let mut order: Vec<(i64, usize)> = self.by_number.iter().map(|(&n, &s)| (n, s)).collect();
        order.sort_unstable();
        order.into_iter().map(|(_, slot)| slot).collect()
    }
}
