//! Counts that halve in blocks of days, as integers; `models.calibration.fading`.

use crate::calibration::day_maxima::{block_of, common_shift, halved, UNIT};
use crate::codec::compact_reader::{Read, Reader};
use crate::codec::compact_writer::Writer;
use crate::plan_json::wrong;
use rustc_hash::FxHashMap;

/// Vectors of counts by key.
#[derive(Clone)]
pub struct FadingCounts<const WIDTH: usize> {
    pub block: i64,
    pub cells: FxHashMap<u64, [u64; WIDTH]>,
    half_life: i64,
}

impl<const WIDTH: usize> FadingCounts<WIDTH> {
    pub fn new(half_life: i64) -> Self {
        FadingCounts { block: 0, cells: FxHashMap::default(), half_life }
    }

    /// Add whole numbers to the counts of a key, as of a day since 1970.
    pub fn add(&mut self, day: i64, key: u64, numbers: &[u64; WIDTH]) {
        let block = block_of(day, self.half_life);
        self.fade(block);
        let late = self.block - block;
        let weights = self.cells.entry(key).or_insert([0; WIDTH]);
        for (weight, &number) in weights.iter_mut().zip(numbers) {
            *weight = weight.saturating_add(halved(number.saturating_mul(UNIT), late));
        }
    }

    pub fn merge(&mut self, other: &FadingCounts<WIDTH>) {
        self.fade(other.block);
        let late = self.block - other.block;
        for (&key, theirs) in &other.cells {
            let mine = self.cells.entry(key).or_insert([0; WIDTH]);
            for (mine, &weight) in mine.iter_mut().zip(theirs) {
                *mine = mine.saturating_add(halved(weight, late));
            }
        }
    }

    fn fade(&mut self, block: i64) {
        if block <= self.block {
            return;
        }
        let passed = block - self.block;
        self.block = block;
        self.cells.retain(|_, weights| {
            weights.iter_mut().for_each(|weight| *weight = halved(*weight, passed));
            weights.iter().any(|&weight| weight != 0)
        });
    }

    /// The counts of a key, zeros for an unknown one.
    pub fn get(&self, key: u64) -> [f64; WIDTH] {
        match self.cells.get(&key) {
            Some(weights) => weights.map(|weight| weight as f64 / UNIT as f64),
            None => [0.0; WIDTH],
        }
    }

    fn keys(&self) -> Vec<u64> {
        let mut keys: Vec<u64> = self.cells.keys().copied().collect();
        keys.sort_unstable();
        keys
    }

    /// Write the counts as `packed` gives them.
    pub fn write_packed(&self, out: &mut Writer) {
        let shift = common_shift(self.cells.values().flatten().copied());
        out.array(3);
        out.signed(self.block);
        out.unsigned(u64::from(shift));
        out.array(self.cells.len() * (1 + WIDTH));
        for key in self.keys() {
            out.unsigned(key);
            self.cells[&key].iter().for_each(|weight| out.unsigned(weight >> shift));
        }
    }

    pub fn read_packed(from: &mut Reader<'_>, half_life: i64) -> Read<Self> {
        from.array()?;
        let mut found = FadingCounts::new(half_life);
        found.block = from.signed()?;
        let shift = from.unsigned()?.min(63);
        for _ in 0..from.array()? / (1 + WIDTH) {
            let key = from.unsigned()?;
            let mut weights = [0; WIDTH];
            for weight in &mut weights {
                *weight = from.unsigned()? << shift;
            }
            found.cells.insert(key, weights);
        }
        Ok(found)
    }

    pub fn write(&self, out: &mut Writer) {
        out.array(3);
        out.unsigned(WIDTH as u64);
        out.signed(self.block);
        out.map(self.cells.len());
        for key in self.keys() {
            out.unsigned(key);
            write_row(out, &self.cells[&key]);
        }
    }

    pub fn read(from: &mut Reader<'_>, half_life: i64) -> Read<Self> {
        from.array()?;
        let width = from.unsigned()?;
        if width != WIDTH as u64 {
            return Err(wrong(&format!("counts have a width of {width}, expected {WIDTH}")));
        }
        let mut found = FadingCounts::new(half_life);
        found.block = from.signed()?;
        for _ in 0..from.map()? {
            let key = from.unsigned()?;
            found.cells.insert(key, read_row(from)?);
        }
        Ok(found)
    }
}

pub fn write_row<const WIDTH: usize>(out: &mut Writer, row: &[u64; WIDTH]) {
    out.array(WIDTH);
    row.iter().for_each(|&weight| out.unsigned(weight));
}

pub fn read_row<const WIDTH: usize>(from: &mut Reader<'_>) -> Read<[u64; WIDTH]> {
    let length = from.array()?;
    if length != WIDTH {
        return Err(wrong(&format!("a row has {length} counts, expected {WIDTH}")));
    }
    let mut row = [0; WIDTH];
    for weight in &mut row {
        *weight = from.unsigned()?;
    }
    Ok(row)
}
