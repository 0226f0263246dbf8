//! The tables of a role: clusters of requests, known values and known flows.

use crate::provenance::history::bounded_table::{count_marks, marks_of, Table};
use crate::provenance::history::session_votes::RetainedVotes;
use crate::provenance::history::similarity::RoleIndex;
use crate::provenance::session_uses::EarlySession;
use crate::provenance::tool_shares::LargestShares;
use rustc_hash::FxHashMap;

pub const MAX_CLUSTERS: usize = 256;
pub const MAX_BAG: usize = 128;
/// Sessions of a role after which its history is cleaned.
pub const YOUNG: i64 = 100;
pub const RARE: i64 = 8;
const WHOLE: u128 = 1 << 40;

/// Sessions with similar requests; every count is a number of sessions.
pub struct Cluster {
    pub number: i64,
    pub bag: Vec<u64>,
    pub n: i64,
    pub familiar: i64,
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
            familiar: 0,
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

/// The clusters of a role, and the known keys of all its sessions with the last day of use.
#[derive(Default)]
pub struct RoleTable {
    /// Clusters by slot; a new cluster reuses the slot of a removed one.
    pub slots: Vec<Option<Cluster>>,
    pub by_number: FxHashMap<i64, usize>,
    pub index: RoleIndex,
    pub next_id: i64,
    pub n: i64,
    pub known_at: Table,
    pub known_values: Table,
    pub roots: Table,
    pub flow: Table,
    pub flow_key: Table,
    pub waiting: Table,
    /// Value that made sessions anomalous -> the clusters of these sessions.
    pub suspicions: Table,
    /// Anomalous argument, flow or value -> the agents, days, values or sessions with it.
    pub corroboration: Table,
    /// Values bound to the entities of requests.
    pub bindings: Table,
    /// Untypical value from a result -> its clusters.
    pub spread: Table,
    /// Values that are typical or requested.
    pub ordinary: Table,
    /// Votes of sessions that a value made anomalous.
    pub retained_votes: RetainedVotes,
    pub touched: bool,
    pub gone: Vec<i64>,
    /// Its first sessions until history cleaning.
    pub early_sessions: Vec<EarlySession>,
    /// How many of these are not stored yet.
    pub unstored: usize,
    shares: FxHashMap<u64, i64>,
    /// The largest share of a cluster, by tool.
    pub largest_shares: LargestShares,
}

impl RoleTable {
    pub fn new() -> Self {
        RoleTable { next_id: 1, ..RoleTable::default() }
    }

    /// The tables in the order of the stored layout.
    pub fn tables(&self) -> [&Table; 11] {
        [
            &self.known_at,
            &self.known_values,
            &self.roots,
            &self.flow,
            &self.flow_key,
            &self.waiting,
            &self.suspicions,
            &self.corroboration,
            &self.bindings,
            &self.spread,
            &self.ordinary,
        ]
    }

    pub fn tables_mut(&mut self) -> [&mut Table; 11] {
        [
            &mut self.known_at,
            &mut self.known_values,
            &mut self.roots,
            &mut self.flow,
            &mut self.flow_key,
            &mut self.waiting,
            &mut self.suspicions,
            &mut self.corroboration,
            &mut self.bindings,
            &mut self.spread,
            &mut self.ordinary,
        ]
    }

    /// Whether a value made sessions of several tasks anomalous in the last `MARK_DAYS`.
    pub fn recurs_across_tasks(&self, value: u64, day: i64) -> bool {
        count_marks(marks_of(self.suspicions.get(value), day), &[]) > 1
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

    /// Removes the least recently used cluster when the role has `MAX_CLUSTERS`.
    pub fn evict_oldest(&mut self) {
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
        self.largest_shares.update(&self.slots, slot);
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

    /// Adds a new cluster and gives its number; a slot must be free.
    pub fn add_cluster(&mut self, words: &[u64], used_us: i64) -> i64 {
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

    /// Adds a cluster's shares after a change, and updates the largest ones; or subtracts its
    /// shares before it (`sign` -1).
    pub fn share(&mut self, number: i64, sign: i64) {
        let Some(&slot) = self.by_number.get(&number) else { return };
        if sign > 0 {
            self.largest_shares.update(&self.slots, slot);
        }
        let Some(cluster) = self.slots[slot].as_ref().filter(|cluster| cluster.n > 0) else {
            return;
        };
        for (tool, sessions) in cluster.tools.each() {
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
