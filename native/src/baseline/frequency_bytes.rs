//! A frequency model as bytes, as in `models.baseline.frequency_bytes`, and windows of groups.

use crate::baseline::counts::{Counts, Row, MAX_COUNT, UNIT};
use crate::baseline::distinct_values::{values_of, State, States};
use crate::calibration::p_values::Windows;
use crate::calibration::score_window::{Histogram, Window};
use crate::codec::bitpacking::{width, BitReader, BitWriter};
use crate::codec::compact_reader;
use crate::codec::compact_writer::Writer;
use crate::codec::tokens::{unzigzag, zigzag};
use crate::features::FEATURES;
use crate::ranked::{STATISTICS, WINDOWS};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

const LAYOUT: u8 = 2;

/// The parts of a frequency model.
pub struct Parts {
    pub counts: Counts,
    pub typical_bits: [f64; FEATURES],
    pub windows: Windows,
}

pub fn write(counts: &Counts, typical_bits: &[f64; FEATURES], windows: &Windows) -> Vec<u8> {
    let number = counts.rows().len();
    let mut out = Writer::compact(Vec::with_capacity(400 + 10 * number));
    out.out.extend([LAYOUT, FEATURES as u8, STATISTICS as u8]);
    out.varint(counts.day as u64);
    typical_bits.iter().for_each(|bits| out.float(*bits));
    for window in windows {
        out.varint(window.size);
        histogram(&mut out, &window.old);
        histogram(&mut out, &window.new);
    }
    write_rows(&mut out, counts, number);
    out.out
}

/// Each distinct value and state once, then their indices for each row.
fn write_rows(out: &mut Writer, counts: &Counts, number: usize) {
    let (nodes, rows) = (counts.ids(), counts.rows());
    let (values, indices) = values_of(rows.iter().map(|row| row.value), number);
    let mut states = States::new(number);
    let state_of = |row: &Row| states.index_of((row.count, row.today, row.vote, row.published));
    let of: Vec<u32> = rows.iter().map(state_of).collect();
    for length in [nodes.len(), values.len(), states.all.len(), number] {
        out.varint(length as u64);
    }
    states.all.iter().for_each(|state| write_state(out, counts.day, *state));
    let (of_value, of_state) = (width(values.len()), width(states.all.len()));
    let mut bits = BitWriter::new(&mut out.out);
    bits.words(nodes);
    bits.words(&values);
    let mut at = 0;
    for node in counts.nodes() {
        for first in (0..node.rows.len()).map(|row| u64::from(row == 0)) {
            let (value, state) = (u64::from(indices[at]), u64::from(of[at]));
            bits.push(value | first << of_value | state << (of_value + 1), of_value + 1 + of_state);
            at += 1;
        }
    }
    bits.end();
}

fn write_state(out: &mut Writer, day: i64, (count, today, vote, published): State) {
    let count = u64::from(count);
    let unit = u64::from(UNIT);
    out.varint(if count % unit == 0 { (count / unit) << 1 } else { (count << 1) | 1 });
    out.varint(u64::from(today));
    let vote = i64::from(vote);
    out.varint(if vote == 0 { 0 } else { 1 + zigzag(day + 1 - vote) });
    let published = i64::from(published);
    out.varint(if published < 0 { 0 } else { 1 + zigzag(vote - published) });
}

fn histogram(out: &mut Writer, part: &Histogram) {
    out.varint(part.bins.len() as u64);
    let mut before = 0;
    for &bin in &part.bins {
        out.varint(u64::from(bin - before));
        before = bin;
    }
    part.counts.iter().for_each(|&count| out.varint(u64::from(count)));
}

pub fn read(raw: &[u8]) -> PyResult<Parts> {
    Reader { from: compact_reader::Reader::compact(raw, 0), capacity: raw.len() }
        .parts()
        .map_err(|error| Python::attach(|py| wrong(&format!("habits: {}", error.value(py)))))
}

fn wrong(text: &str) -> PyErr {
    PyValueError::new_err(text.to_owned())
}

struct Reader<'a> {
    from: compact_reader::Reader<'a>,
    /// A number that the remaining bytes can hold.
    capacity: usize,
}

impl Reader<'_> {
    fn parts(mut self) -> PyResult<Parts> {
        let head = [self.from.byte()?, self.from.byte()?, self.from.byte()?];
        if head != [LAYOUT, FEATURES as u8, STATISTICS as u8] {
            let [layout, features, windows] = head;
            return Err(wrong(&format!(
                "layout {layout} of {features} features and {windows} windows, \
                 expected {LAYOUT} of {FEATURES} and {STATISTICS}"
            )));
        }
        let day: u32 = self.number()?;
        let mut typical_bits = [0.0; FEATURES];
        for bits in &mut typical_bits {
            *bits = self.from.float()?;
        }
        let mut windows = std::array::from_fn(|_| Window::new(0));
        for window in &mut windows {
            window.size = self.from.varint()?;
            window.old = self.histogram()?;
            window.new = self.histogram()?;
        }
        let counts = self.counts(i64::from(day))?;
        Ok(Parts { counts, typical_bits, windows })
    }

    fn number<T: TryFrom<u64>>(&mut self) -> PyResult<T> {
        let number = self.from.varint()?;
        T::try_from(number).map_err(|_| wrong(&format!("{number} is out of range")))
    }

    fn length(&mut self) -> PyResult<usize> {
        let length = self.number::<usize>()?;
        if length > self.capacity {
            return Err(wrong(&format!("{length} of something in {} bytes", self.capacity)));
        }
        Ok(length)
    }

    fn counts(&mut self, day: i64) -> PyResult<Counts> {
        let (ids, values) = (self.length()?, self.length()?);
        let (states, number) = (self.length()?, self.number::<usize>()?);
        let states = (0..states).map(|_| self.state(day)).collect::<PyResult<Vec<Row>>>()?;
        let early = || wrong("end too early");
        let mut bits = BitReader::new(self.from.rest());
        let ids = bits.words(ids).ok_or_else(early)?;
        let values = bits.words(values).ok_or_else(early)?;
        let (of_value, of_state) = (width(values.len()), width(states.len()));
        let (mut all, mut starts) = (Vec::with_capacity(number.min(self.capacity)), Vec::new());
        for at in 0..number {
            let value = bits.take(of_value).ok_or_else(early)?;
            if bits.take(1).ok_or_else(early)? == 1 {
                starts.push(at);
            }
            let state = bits.take(of_state).ok_or_else(early)?;
            let (value, state) = (values.get(value as usize), states.get(state as usize));
            let (Some(&value), Some(&state)) = (value, state) else {
                return Err(wrong("a row of nothing"));
            };
            all.push(Row { value, ..state });
        }
        if starts.len() != ids.len()
            || starts.first().copied().unwrap_or(number) > 0
            || !bits.ended()
        {
            return Err(wrong("another number of rows than there are"));
        }
        let mixed_up = || wrong("rows out of order, expected ascending keys");
        Counts::of(ids, &starts, all, day).ok_or_else(mixed_up)
    }

    fn state(&mut self, day: i64) -> PyResult<Row> {
        let count = self.from.varint()?;
        let count =
            if count & 1 == 1 { Some(count >> 1) } else { (count >> 1).checked_mul(UNIT.into()) };
        let count = count.and_then(|count| u32::try_from(count).ok()).filter(|c| *c <= MAX_COUNT);
        let today = self.number()?;
        let vote = match self.from.varint()? {
            0 => 0,
            far => day.wrapping_add(1).wrapping_sub(unzigzag(far - 1)),
        };
        let published = match self.from.varint()? {
            0 => -1,
            far => vote.wrapping_sub(unzigzag(far - 1)),
        };
        let (vote, published) = (u32::try_from(vote).ok(), i32::try_from(published).ok());
        match (count, vote, published) {
            (Some(count), Some(vote), Some(published)) => {
                Ok(Row { value: 0, count, today, vote, published })
            }
            _ => Err(wrong("a row is out of range")),
        }
    }

    fn histogram(&mut self) -> PyResult<Histogram> {
        let number = self.length()?;
        let mut out = Histogram::default();
        let mut bin = 0u64;
        for _ in 0..number {
            bin = bin.saturating_add(self.from.varint()?);
            let text = || wrong(&format!("histogram has bin {bin}, expected ascending to 65535"));
            let next = u16::try_from(bin).map_err(|_| text())?;
            if out.bins.last().is_some_and(|&last| last >= next) {
                return Err(text());
            }
            out.bins.push(next);
        }
        for _ in 0..number {
            let count: u32 = self.number()?;
            out.n += u64::from(count);
            out.counts.push(count);
        }
        Ok(out)
    }
}

/// Write a score window as msgspec writes `models.calibration.score_window.ScoreWindow`.
pub fn write_window(out: &mut Writer, window: &Window) {
    out.array(3);
    out.unsigned(window.size);
    for part in [&window.old, &window.new] {
        out.array(3);
        out.array(part.bins.len());
        part.bins.iter().for_each(|&bin| out.unsigned(u64::from(bin)));
        out.array(part.counts.len());
        part.counts.iter().for_each(|&count| out.unsigned(u64::from(count)));
        out.unsigned(part.n);
    }
}

/// Read what `write_window` wrote.
pub fn read_window(reader: &mut compact_reader::Reader<'_>) -> PyResult<Window> {
    let wrong = |_| wrong("score window out of range");
    reader.array()?;
    let mut window = Window::new(reader.unsigned()?);
    for part in [&mut window.old, &mut window.new] {
        reader.array()?;
        for _ in 0..reader.array()? {
            part.bins.push(u16::try_from(reader.unsigned()?).map_err(wrong)?);
        }
        for _ in 0..reader.array()? {
            part.counts.push(u32::try_from(reader.unsigned()?).map_err(wrong)?);
        }
        part.n = reader.unsigned()?;
        if part.bins.len() != part.counts.len() || part.bins.windows(2).any(|p| p[0] >= p[1]) {
            return Err(PyValueError::new_err("score window out of order"));
        }
    }
    Ok(window)
}

/// Write the score windows of a group.
pub fn write_windows(out: &mut Writer, windows: &[Window]) {
    out.array(windows.len());
    windows.iter().for_each(|window| write_window(out, window));
}

/// Read the number of score windows of a group. An error unless it is `WINDOWS`.
pub fn expect_windows(reader: &mut compact_reader::Reader<'_>) -> PyResult<()> {
    let found = reader.array()?;
    if found != WINDOWS {
        let text = format!("group has {found} score windows, expected {WINDOWS}");
        return Err(PyValueError::new_err(text));
    }
    Ok(())
}

/// Read what `write_windows` wrote.
pub fn read_windows(reader: &mut compact_reader::Reader<'_>) -> PyResult<[Window; WINDOWS]> {
    expect_windows(reader)?;
    let mut windows = std::array::from_fn(|_| Window::new(0));
    for window in &mut windows {
        *window = read_window(reader)?;
    }
    Ok(windows)
}
