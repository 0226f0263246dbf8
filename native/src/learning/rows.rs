//! The stored tables of `models.learning.shared`.

use crate::calibration::fading::{read_row, write_row, FadingCounts};
use crate::codec::compact_reader::Read;
use crate::codec::compact_writer::Writer;
use crate::detectors::relations::Relations;
use crate::learning::change_log::{KeyedTable, Parts, Rows};
use crate::learning::contribution::{write_numbers, write_report};
use crate::peers::knowledge::SharedKnowledge;

impl<const WIDTH: usize> Rows for FadingCounts<WIDTH> {
    fn keys(&self) -> Vec<u64> {
        self.cells.keys().copied().collect()
    }

    fn head(&self) -> Option<i64> {
        Some(self.block)
    }

    fn write(&self, out: &mut Writer, key: u64) -> bool {
        self.cells.get(&key).map(|row| write_row(out, row)).is_some()
    }
}

impl Rows for SharedKnowledge {
    fn keys(&self) -> Vec<u64> {
        self.knowers.keys().copied().collect()
    }

    fn head(&self) -> Option<i64> {
        None
    }

    fn write(&self, out: &mut Writer, key: u64) -> bool {
        let row = self.knowers.get(&key);
        row.map(|row| write_numbers(out, row.iter().copied())).is_some()
    }
}

impl Rows for Relations {
    fn keys(&self) -> Vec<u64> {
        self.reports.keys().copied().collect()
    }

    fn head(&self) -> Option<i64> {
        None
    }

    fn write(&self, out: &mut Writer, key: u64) -> bool {
        self.reports.get(&key).map(|report| write_report(out, report)).is_some()
    }
}

/// Add the counts of a contribution to a stored table.
pub fn merge<const WIDTH: usize>(
    stored: &mut KeyedTable,
    counts: &mut FadingCounts<WIDTH>,
    other: &FadingCounts<WIDTH>,
) {
    stored.replaced |= other.block > counts.block;
    counts.merge(other);
    stored.changed.extend(other.cells.keys());
}

/// Read the counts of a stored table, if there is one.
pub fn read_counts<const WIDTH: usize>(
    table: &mut KeyedTable,
    parts: &Parts,
    counts: &mut FadingCounts<WIDTH>,
) -> Read<()> {
    let mut cells = rustc_hash::FxHashMap::default();
    let head = table.read(parts, |key, from| {
        match from {
            Some(from) => drop(cells.insert(key, read_row(from)?)),
            None => drop(cells.remove(&key)),
        }
        Ok(())
    })?;
    if let Some(head) = head {
        (counts.block, counts.cells) = (head.unwrap_or_default(), cells);
    }
    Ok(())
}
