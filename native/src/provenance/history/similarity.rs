//! Similarity of two requests: idf-weighted Jaccard index of their words.

use crate::provenance::history::bounded_table::{Table, MAX_KNOWN};
use crate::provenance::history::request_clusters::{RoleTable, MAX_CLUSTERS};
use rustc_hash::FxHashMap;

const MIN_OVERLAP: f64 = 0.2;
const UNCOMPUTED: f64 = f64::NAN;
const LANES: usize = MAX_CLUSTERS / 64;

/// Number of the fleet's clusters with each word, and the weights of words (idf).
#[derive(Default)]
pub struct WordWeights {
    pub frequencies: Table,
    pub n: i64,
    pub changed: bool,
    /// Indexes of words in the weights; a weight is NaN until it is computed.
    known: FxHashMap<u64, u32>,
    weights: Vec<f64>,
}

/// Rounds a count down to six significant bits.
fn quantise(count: i64) -> i64 {
    let bits = i64::from(i64::BITS - count.leading_zeros());
    let shift = (bits - 6).max(0);
    count >> shift << shift
}

impl WordWeights {
    /// The weight of a word, `ln(1 + (N+1)/(1+df))`.
    pub fn weight(&mut self, word: u64) -> f64 {
        let index = self.index(word);
        self.weight_at(index, word)
    }

    /// The index of a word's weight.
    fn index(&mut self, word: u64) -> u32 {
        let next = self.known.len() as u32;
        let index = *self.known.entry(word).or_insert(next);
        if index == next {
            self.weights.push(UNCOMPUTED);
        }
        index
    }

    fn weight_at(&mut self, index: u32, word: u64) -> f64 {
        let known = self.weights[index as usize];
        if !known.is_nan() {
            return known;
        }
        let weight = self.weigh(word);
        self.weights[index as usize] = weight;
        weight
    }

    fn weigh(&self, word: u64) -> f64 {
        let frequencies = quantise(self.frequencies.get(word));
        (1.0 + (quantise(self.n) + 1) as f64 / (1 + frequencies) as f64).ln()
    }

    /// Counts the words of a new cluster; every role drops the sums of changed weights.
    pub fn add<'a>(&mut self, bag: &[u64], roles: impl Iterator<Item = &'a mut RoleTable>) {
        let before = quantise(self.n);
        self.n += 1;
        self.changed = true;
        for &word in bag {
            self.frequencies.put(word, self.frequencies.get(word) + 1);
        }
        let gone = self.frequencies.bound(MAX_KNOWN);
        if quantise(self.n) != before {
            self.known.clear();
            self.weights.clear();
            roles.for_each(|role| role.index.forget());
            return;
        }
        let mut forget_words = Vec::new();
        for &word in bag.iter().chain(&gone) {
            let Some(&index) = self.known.get(&word) else { continue };
            let known = self.weights[index as usize];
            if !known.is_nan() && known != self.weigh(word) {
                self.weights[index as usize] = UNCOMPUTED;
                forget_words.push(word);
            }
        }
        roles.for_each(|role| role.index.forget_words(&forget_words));
    }
}

/// Index from words to the clusters of a role.
pub struct RoleIndex {
    by_word: FxHashMap<u64, [u64; LANES]>,
    totals: Vec<Option<f64>>,
    /// Indexes of the weights of a slot's words, in the order of its bag; empty until first use.
    indices: Vec<Vec<u32>>,
}

impl Default for RoleIndex {
    fn default() -> Self {
        let (totals, indices) = (vec![None; MAX_CLUSTERS], vec![Vec::new(); MAX_CLUSTERS]);
        RoleIndex { by_word: FxHashMap::default(), totals, indices }
    }
}

fn slots(mask: [u64; LANES]) -> impl Iterator<Item = usize> {
    mask.into_iter().enumerate().flat_map(|(lane, bits)| {
        std::iter::successors(Some(bits), |bits| Some(bits & (bits - 1)))
            .take_while(|&bits| bits != 0)
            .map(move |bits| lane * 64 + bits.trailing_zeros() as usize)
    })
}

impl RoleIndex {
    pub fn add(&mut self, slot: usize, bag: &[u64]) {
        for &word in bag {
            self.by_word.entry(word).or_default()[slot / 64] |= 1 << (slot % 64);
        }
        self.totals[slot] = None;
    }

    pub fn remove(&mut self, slot: usize, bag: &[u64]) {
        for word in bag {
            let Some(mask) = self.by_word.get_mut(word) else { continue };
            mask[slot / 64] &= !(1 << (slot % 64));
            if *mask == [0; LANES] {
                self.by_word.remove(word);
            }
        }
        self.totals[slot] = None;
        self.indices[slot].clear();
    }

    fn forget_words(&mut self, words: &[u64]) {
        for word in words {
            if let Some(&mask) = self.by_word.get(word) {
                slots(mask).for_each(|slot| self.totals[slot] = None);
            }
        }
    }

    fn forget(&mut self) {
        self.totals.fill(None);
        self.indices.iter_mut().for_each(Vec::clear);
    }

    /// The sum of the weights of a cluster's words.
    fn total(&mut self, slot: usize, bag: &[u64], words: &mut WordWeights) -> f64 {
        if let Some(total) = self.totals[slot] {
            return total;
        }
        let indices = &mut self.indices[slot];
        if indices.is_empty() {
            indices.extend(bag.iter().map(|&word| words.index(word)));
        }
        let each = bag.iter().zip(indices);
        let total = each.fold(0.0, |sum, (&word, index)| sum + words.weight_at(*index, word));
        self.totals[slot] = Some(total);
        total
    }
}

/// (cluster number, overlap 0..1) of the clusters above `MIN_OVERLAP`, by number.
pub fn overlaps(role: &mut RoleTable, weights: &mut WordWeights, words: &[u64]) -> Vec<(i64, f64)> {
    let mut found: Vec<(i64, f64)> = Vec::new();
    if words.is_empty() {
        let empty = role.slots.iter().flatten().filter(|cluster| cluster.bag.is_empty());
        found.extend(empty.map(|cluster| (cluster.number, 1.0)));
        found.sort_unstable_by_key(|&(number, _)| number);
        return found;
    }
    let mut shared = [0.0f64; MAX_CLUSTERS];
    let mut any = [0u64; LANES];
    let mut own = 0.0;
    for &word in words {
        let weight = weights.weight(word);
        own += weight;
        if let Some(&mask) = role.index.by_word.get(&word) {
            for slot in slots(mask) {
                shared[slot] += weight;
            }
            any.iter_mut().zip(mask).for_each(|(all, bits)| *all |= bits);
        }
    }
    let minimum = MIN_OVERLAP * own;
    for slot in slots(any) {
        if shared[slot] <= minimum {
            continue; // the union is no smaller than the request
        }
        let Some(cluster) = role.slots[slot].as_ref() else { continue };
        let total = role.index.total(slot, &cluster.bag, weights);
        let union = own + total - shared[slot];
        found.push((cluster.number, if union > 0.0 { shared[slot] / union } else { 1.0 }));
    }
    found.sort_unstable_by_key(|&(number, _)| number);
    found
}
