//! Tables as occasional whole copies, and the changes in between; `models.codec.keyed_table` and
//! `models.codec.change_log`.

use crate::codec::compact_reader::{Read, Reader};
use crate::codec::compact_writer::Writer;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

const MAX_CHANGES: u64 = 64;

/// Stored parts by their names.
pub type Parts = FxHashMap<String, Vec<u8>>;

/// Writes and reads one table.
pub struct KeyedTable {
    name: &'static str,
    pub changed: BTreeSet<u64>,
    pub replaced: bool,
    generation: u64,
    changes: u64,
    size: usize,
    whole_size: usize,
}

/// Gives the keys of a table, and writes one row if there is one.
pub trait Rows {
    fn keys(&self) -> Vec<u64>;
    fn head(&self) -> Option<i64>;
    fn write(&self, out: &mut Writer, key: u64) -> bool;
}

impl KeyedTable {
    pub fn new(name: &'static str) -> Self {
        let (changed, replaced) = (BTreeSet::new(), false);
        KeyedTable { name, changed, replaced, generation: 0, changes: 0, size: 0, whole_size: 0 }
    }

    /// Name and bytes of what changed since the last call, None without a change.
    pub fn write(&mut self, rows: &dyn Rows, whole: bool) -> Option<(String, Vec<u8>)> {
        if !(whole || self.replaced || !self.changed.is_empty()) {
            return None;
        }
        let found = self.next(rows, whole);
        self.changed.clear();
        self.replaced = false;
        Some(found)
    }

    fn next(&mut self, rows: &dyn Rows, whole: bool) -> (String, Vec<u8>) {
        if !(whole || self.replaced) && self.generation != 0 && self.changes < MAX_CHANGES {
            let keys: Vec<u64> = self.changed.iter().copied().collect();
            let blob = encoded(self.generation, rows, &keys);
            if self.size + blob.len() <= self.whole_size {
                self.size += blob.len();
                self.changes += 1;
                return (format!("+{}:{}", self.changes - 1, self.name), blob);
            }
        }
        self.generation = if whole { 1 } else { self.generation + 1 };
        let mut keys = rows.keys();
        keys.sort_unstable();
        let blob = encoded(self.generation, rows, &keys);
        (self.changes, self.size, self.whole_size) = (0, 0, blob.len());
        (self.name.to_owned(), blob)
    }

    /// Read what `write` gave: the head, and each row; false where there is no such part. `apply`
    /// takes a key and a reader of its row, None for a row that is gone.
    pub fn read(
        &mut self,
        parts: &Parts,
        mut apply: impl FnMut(u64, Option<&mut Reader<'_>>) -> Read<()>,
    ) -> Read<Option<Option<i64>>> {
        let Some(copy) = parts.get(self.name) else { return Ok(None) };
        let (generation, mut head) = decoded(copy, 0, &mut apply)?;
        (self.generation, self.whole_size) = (generation, copy.len());
        (self.changes, self.size) = (0, 0);
        while let Some(blob) = parts.get(&format!("+{}:{}", self.changes, self.name)) {
            let (generation, found) = decoded(blob, self.generation, &mut apply)?;
            if generation != self.generation {
                break;
            }
            head = found;
            self.changes += 1;
            self.size += blob.len();
        }
        Ok(Some(head))
    }
}

fn encoded(generation: u64, rows: &dyn Rows, keys: &[u64]) -> Vec<u8> {
    let mut out = Writer::default();
    out.array(3);
    out.unsigned(generation);
    match rows.head() {
        Some(head) => out.signed(head),
        None => out.nil(),
    }
    out.array(keys.len());
    for &key in keys {
        out.array(2);
        out.unsigned(key);
        if !rows.write(&mut out, key) {
            out.nil();
        }
    }
    out.out
}

fn decoded(
    blob: &[u8],
    wanted: u64,
    apply: &mut impl FnMut(u64, Option<&mut Reader<'_>>) -> Read<()>,
) -> Read<(u64, Option<i64>)> {
    let mut from = Reader::new(blob);
    from.array()?;
    let generation = from.unsigned()?;
    let head = if from.skip_nil() { None } else { Some(from.signed()?) };
    if wanted != 0 && generation != wanted {
        return Ok((generation, head));
    }
    for _ in 0..from.array()? {
        from.array()?;
        let key = from.unsigned()?;
        if from.skip_nil() {
            apply(key, None)?;
        } else {
            apply(key, Some(&mut from))?;
        }
    }
    from.end()?;
    Ok((generation, head))
}
