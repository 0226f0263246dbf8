//! Day maxima: how many agent-days have brought a detector to so many bits;
//! `models.calibration.day_maxima`.

use crate::codec::compact_reader::{Read, Reader};
use crate::codec::compact_writer::Writer;
use std::collections::BTreeMap;

pub const UNIT: u64 = 1 << 16;
pub const BIN_BITS: f64 = 0.5;
pub const BINS: usize = 160;

/// The bin of a number of bits; 0 is below `BIN_BITS`.
pub fn bin_of(bits: f64) -> usize {
    if bits > 0.0 {
        ((bits / BIN_BITS) as usize).min(BINS - 1)
    } else {
        0
    }
}

/// The block of a day since 1970.
pub fn block_of(day: i64, half_life: i64) -> i64 {
    day.div_euclid(half_life)
}

/// A weight after so many halvings.
#[inline]
pub fn halved(weight: u64, times: i64) -> u64 {
    if times >= 64 {
        0
    } else {
        weight >> times
    }
}

/// How many low bits are zero in all numbers.
pub fn common_shift(numbers: impl Iterator<Item = u64>) -> u32 {
    match numbers.fold(0, |together, number| together | number) {
        0 => 0,
        together => together.trailing_zeros(),
    }
}

/// Counts of agent-days by series and bin.
#[derive(Clone, PartialEq)]
pub struct DayMaxima {
    pub block: i64,
    pub days: u64,
    pub cells: BTreeMap<u64, u64>,
    pub half_life: i64,
}

impl DayMaxima {
    pub fn new(half_life: i64) -> Self {
        DayMaxima { block: 0, days: 0, cells: BTreeMap::new(), half_life }
    }

    /// Count one agent-day with the highest bits of each series.
    pub fn add(&mut self, day: i64, maxima: impl Iterator<Item = (u64, f64)>) {
        let cells = maxima.filter_map(|(series, bits)| match bin_of(bits) {
            0 => None,
            place => Some((series * BINS as u64 + place as u64, UNIT)),
        });
        self.change(block_of(day, self.half_life), UNIT, cells);
    }

    pub fn merge(&mut self, other: &DayMaxima) {
        let cells = other.cells.iter().map(|(&cell, &weight)| (cell, weight));
        self.change(other.block, other.days, cells);
    }

    fn change(&mut self, block: i64, days: u64, cells: impl Iterator<Item = (u64, u64)>) {
        if block > self.block {
            let passed = block - self.block;
            self.block = block;
            self.days = halved(self.days, passed);
            self.cells.retain(|_, weight| {
                *weight = halved(*weight, passed);
                *weight != 0
            });
        }
        let late = self.block - block;
        self.days += halved(days, late);
        for (cell, weight) in cells {
            let more = halved(weight, late);
            if more != 0 {
                *self.cells.entry(cell).or_insert(0) += more;
            }
        }
    }

    /// Halvings until a block, and the weight of all days there.
    pub fn weights(&self, block: i64) -> (i64, u64) {
        let passed = (block - self.block).max(0);
        (passed, halved(self.days, passed))
    }

    /// Agent-days of a series at or above each bin.
    pub fn reaching(&self, series: u64, passed: i64) -> Vec<f64> {
        let mut counts = vec![0.0; BINS];
        let (first, mut total) = (series * BINS as u64, 0);
        let mut cells = self.cells.range(first + 1..first + BINS as u64).rev().peekable();
        for place in (1..BINS).rev() {
            if let Some((_, &weight)) = cells.next_if(|(&cell, _)| cell == first + place as u64) {
                total += halved(weight, passed);
            }
            counts[place] = total as f64 / UNIT as f64;
        }
        counts[0] = halved(self.days, passed) as f64 / UNIT as f64;
        counts
    }

    /// Agent-days of a series at or above one bin.
    pub fn reached(&self, series: u64, place: usize, passed: i64) -> f64 {
        let first = series * BINS as u64;
        let cells = self.cells.range(first + place as u64..first + BINS as u64);
        cells.map(|(_, &weight)| halved(weight, passed)).sum::<u64>() as f64 / UNIT as f64
    }

    /// Write the counts as `packed` gives them.
    pub fn write_packed(&self, out: &mut Writer) {
        let shift = common_shift(self.cells.values().copied().chain([self.days]));
        out.array(4);
        out.signed(self.block);
        out.unsigned(self.days >> shift);
        out.unsigned(u64::from(shift));
        out.array(2 * self.cells.len());
        let mut before = 0;
        for (&cell, &weight) in &self.cells {
            out.unsigned(cell - before);
            out.unsigned(weight >> shift);
            before = cell;
        }
    }

    pub fn read_packed(from: &mut Reader<'_>, half_life: i64) -> Read<DayMaxima> {
        from.array()?;
        let mut found = DayMaxima::new(half_life);
        found.block = from.signed()?;
        let (days, shift) = (from.unsigned()?, from.unsigned()?);
        found.days = days << shift.min(63);
        let mut cell = 0;
        for _ in 0..from.array()? / 2 {
            cell += from.unsigned()?;
            found.cells.insert(cell, from.unsigned()? << shift.min(63));
        }
        Ok(found)
    }

    pub fn write(&self, out: &mut Writer) {
        out.array(4);
        out.signed(self.block);
        out.unsigned(self.days);
        out.map(self.cells.len());
        for (&cell, &weight) in &self.cells {
            out.unsigned(cell);
            out.unsigned(weight);
        }
        out.signed(self.half_life);
    }

    pub fn read(from: &mut Reader<'_>) -> Read<DayMaxima> {
        from.array()?;
        let mut found = DayMaxima::new(1);
        found.block = from.signed()?;
        found.days = from.unsigned()?;
        for _ in 0..from.map()? {
            let cell = from.unsigned()?;
            found.cells.insert(cell, from.unsigned()?);
        }
        found.half_life = from.signed()?;
        Ok(found)
    }
}
