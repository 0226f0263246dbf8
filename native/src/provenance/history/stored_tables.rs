//! The bytes of the provenance tables, as a whole copy or as changes.
//! The layout is that of `models.provenance.history.stored_tables`.

use crate::codec::compact_reader::Reader;
use crate::codec::compact_writer::Writer;
use crate::provenance::history::bounded_table::Table;
use crate::provenance::history::request_clusters::{Cluster, RoleTable, YOUNG};
use crate::provenance::history::similarity::WordWeights;
use crate::provenance::novelty_prior::{Node, NoveltyRates, COLUMNS};
use crate::provenance::session_uses::{exactly, EarlySession};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use std::collections::BTreeMap;

const MAX_CHANGES: usize = 64;
const FIELDS: usize = 8;

pub type Shared = BTreeMap<String, PyBackedBytes>;

/// Chooses between the changes and a whole copy of one part. `whole` restarts the journal:
/// equal tables give equal bytes, and stored changes are dropped.
#[derive(Default)]
pub struct Journal {
    generation: u64,
    changes: usize,
    size: usize,
    whole_size: usize,
}

impl Journal {
    /// The name and the bytes to store; `encode` takes a generation and whether all is wanted.
    pub fn write(
        &mut self,
        name: &str,
        whole: bool,
        mut encode: impl FnMut(u64, bool) -> Vec<u8>,
    ) -> (String, Vec<u8>) {
        if !whole && self.generation != 0 && self.changes < MAX_CHANGES {
            let blob = encode(self.generation, false);
            if self.size + blob.len() <= self.whole_size {
                self.size += blob.len();
                self.changes += 1;
                return (format!("+{}:{name}", self.changes - 1), blob);
            }
        }
        self.generation = if whole { 1 } else { self.generation + 1 };
        let blob = encode(self.generation, true);
        (self.changes, self.size, self.whole_size) = (0, 0, blob.len());
        (name.to_owned(), blob)
    }

    /// Applies a copy and the changes that belong to it. `apply` takes bytes and the generation
    /// wanted (0: any), gives that of the bytes, and leaves bytes of another one alone.
    pub fn read(
        name: &str,
        shared: &Shared,
        mut apply: impl FnMut(&[u8], u64) -> PyResult<u64>,
    ) -> PyResult<Self> {
        let mut journal = Journal::default();
        if let Some(blob) = shared.get(name) {
            journal.generation = apply(blob, 0)?;
            journal.whole_size = blob.len();
        }
        while let Some(blob) = shared.get(&format!("+{}:{name}", journal.changes)) {
            if apply(blob, journal.generation)? != journal.generation {
                break;
            }
            journal.changes += 1;
            journal.size += blob.len();
        }
        Ok(journal)
    }
}

fn write_table(out: &mut Writer, table: &Table, whole: bool) {
    let keys = table.keys(whole);
    out.array(keys.len());
    for key in keys {
        out.array(2);
        out.unsigned(key);
        match table.find(key) {
            Some(value) => out.signed(value),
            None => out.nil(),
        }
    }
}

fn read_table(from: &mut Reader<'_>, table: &mut Table) -> PyResult<()> {
    for _ in 0..from.array()? {
        exactly(from.array()?, 2)?;
        let key = from.unsigned()?;
        let value = if from.skip_nil() { None } else { Some(from.signed()?) };
        table.restore(key, value);
    }
    Ok(())
}

fn write_cluster(out: &mut Writer, cluster: &Cluster, whole: bool) {
    out.array(7);
    out.signed(cluster.number);
    if whole || !cluster.stored {
        out.array(cluster.bag.len());
        cluster.bag.iter().for_each(|&word| out.unsigned(word));
    } else {
        out.nil();
    }
    for number in [cluster.n, cluster.familiar, cluster.skipped, cluster.used_us] {
        out.signed(number);
    }
    out.array(4);
    cluster.tables().into_iter().for_each(|table| write_table(out, table, whole));
}

/// A role, or its changes since the last write.
pub fn write_role(role: &RoleTable, generation: u64, whole: bool) -> Vec<u8> {
    let mut out = Writer::default();
    out.array(FIELDS);
    out.unsigned(generation);
    out.signed(role.next_id);
    out.signed(role.n);
    let mut gone = if whole { Vec::new() } else { role.gone.clone() };
    gone.sort_unstable();
    out.array(gone.len());
    gone.into_iter().for_each(|number| out.signed(number));
    let order = role.in_order();
    let clusters = order.into_iter().filter_map(|slot| role.slots[slot].as_ref());
    let clusters: Vec<&Cluster> = clusters.filter(|cluster| whole || cluster.touched).collect();
    out.array(clusters.len());
    clusters.into_iter().for_each(|cluster| write_cluster(&mut out, cluster, whole));
    out.array(role.tables().len());
    role.tables().into_iter().for_each(|table| write_table(&mut out, table, whole));
    let said = if whole { 0 } else { role.early_sessions.len() - role.unstored };
    out.array(role.early_sessions.len() - said);
    role.early_sessions[said..].iter().for_each(|one| one.write(&mut out));
    role.retained_votes.write(&mut out, whole);
    out.out
}

/// Marks all data of a role as stored.
pub fn written_role(role: &mut RoleTable) {
    for cluster in role.slots.iter_mut().flatten().filter(|cluster| cluster.touched) {
        (cluster.touched, cluster.stored) = (false, true);
        cluster.tables_mut().into_iter().for_each(Table::stored);
    }
    role.tables_mut().into_iter().for_each(Table::stored);
    role.gone.clear();
    role.retained_votes.stored();
    role.unstored = 0;
    role.touched = false;
}

/// Reads the bytes of `write_role`; gives their generation.
pub fn read_role(role: &mut RoleTable, blob: &[u8], wanted: u64) -> PyResult<u64> {
    let mut from = Reader::new(blob);
    exactly(from.array()?, FIELDS)?;
    let generation = from.unsigned()?;
    if wanted != 0 && generation != wanted {
        return Ok(generation);
    }
    (role.next_id, role.n) = (from.signed()?, from.signed()?);
    for _ in 0..from.array()? {
        role.remove(from.signed()?);
    }
    for _ in 0..from.array()? {
        read_cluster(&mut from, role)?;
    }
    exactly(from.array()?, role.tables().len())?;
    for table in role.tables_mut() {
        read_table(&mut from, table)?;
    }
    for _ in 0..from.array()? {
        role.early_sessions.push(EarlySession::read(&mut from)?);
    }
    role.retained_votes.read(&mut from)?;
    if role.n >= YOUNG {
        role.early_sessions.clear();
    }
    from.end()?;
    Ok(generation)
}

fn read_cluster(from: &mut Reader<'_>, role: &mut RoleTable) -> PyResult<()> {
    exactly(from.array()?, 7)?;
    let number = from.signed()?;
    let mut bag = Vec::new();
    if !from.skip_nil() {
        for _ in 0..from.array()? {
            bag.push(from.unsigned()?);
        }
    }
    if role.cluster(number).is_none() && !role.insert(Cluster::new(number, bag, 0)) {
        return Err(PyValueError::new_err("state is malformed: more clusters than there may be"));
    }
    let Some(cluster) = role.cluster_mut(number) else { return Ok(()) };
    cluster.stored = true;
    (cluster.n, cluster.familiar) = (from.signed()?, from.signed()?);
    (cluster.skipped, cluster.used_us) = (from.signed()?, from.signed()?);
    exactly(from.array()?, 4)?;
    for table in cluster.tables_mut() {
        read_table(from, table)?;
    }
    Ok(())
}

/// Number of clusters with each word, or with the changed words.
pub fn write_words(words: &WordWeights, generation: u64, whole: bool) -> Vec<u8> {
    let mut out = Writer::default();
    out.array(3);
    out.unsigned(generation);
    out.signed(words.n);
    write_table(&mut out, &words.frequencies, whole);
    out.out
}

/// Reads the bytes of `write_words`; gives their generation.
pub fn read_words(words: &mut WordWeights, blob: &[u8], wanted: u64) -> PyResult<u64> {
    let mut from = Reader::new(blob);
    exactly(from.array()?, 3)?;
    let generation = from.unsigned()?;
    if wanted == 0 || generation == wanted {
        words.n = from.signed()?;
        read_table(&mut from, &mut words.frequencies)?;
        from.end()?;
    }
    Ok(generation)
}

/// The nodes of the novelty rates, or the changed ones.
pub fn write_rates(rates: &mut NoveltyRates, generation: u64, whole: bool) -> Vec<u8> {
    let mut keys: Vec<u64> = match whole {
        true => rates.nodes.keys().copied().collect(),
        false => rates.changes().to_vec(),
    };
    keys.sort_unstable();
    let mut out = Writer::default();
    out.array(2);
    out.unsigned(generation);
    out.array(keys.len());
    for key in keys {
        out.array(2);
        out.unsigned(key);
        let Some(node) = rates.nodes.get(&key) else {
            out.nil();
            continue;
        };
        out.array(COLUMNS);
        node.columns.into_iter().for_each(|column| out.float(column));
    }
    out.out
}

fn read_columns(from: &mut Reader<'_>) -> PyResult<[f64; COLUMNS]> {
    exactly(from.array()?, COLUMNS)?;
    let mut columns = [0.0; COLUMNS];
    for column in &mut columns {
        *column = from.float()?;
    }
    Ok(columns)
}

/// Reads the bytes of `write_rates`; gives their generation.
pub fn read_rates(rates: &mut NoveltyRates, blob: &[u8], wanted: u64) -> PyResult<u64> {
    let mut from = Reader::new(blob);
    exactly(from.array()?, 2)?;
    let generation = from.unsigned()?;
    if wanted != 0 && generation != wanted {
        return Ok(generation);
    }
    for _ in 0..from.array()? {
        exactly(from.array()?, 2)?;
        let key = from.unsigned()?;
        if from.skip_nil() {
            rates.nodes.remove(&key);
            continue;
        }
        rates.nodes.insert(key, Node::new(read_columns(&mut from)?));
    }
    from.end()?;
    Ok(generation)
}
