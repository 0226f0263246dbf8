//! Habits to bytes and back, in the layout of `models.habits_bytes`; windows of groups.

use super::calibrate::Windows;
use super::counts::{Counts, Node, Row, MOST_COUNT};
use super::window::{Histogram, Window};
use super::{FEATURES, STATISTICS};
use crate::pack;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

const LAYOUT: u8 = 1;
const TODAY: u32 = 1 << 31;
const VOTE: u32 = 1 << 30;
const PENDING: u32 = 1 << 29;

/// The parts of an agent's habits.
pub struct Parts {
    pub counts: Counts,
    pub usual: [f64; FEATURES],
    pub windows: Windows,
}

pub fn write(counts: &Counts, usual: &[f64; FEATURES], windows: &Windows) -> Vec<u8> {
    let rows = || counts.nodes.iter().flat_map(|node| &node.rows);
    let number = rows().count();
    let mut out = Vec::with_capacity(400 + 16 * number);
    out.push(LAYOUT);
    out.extend((counts.day as u32).to_le_bytes());
    out.extend([FEATURES as u8, STATISTICS as u8]);
    out.extend((counts.nodes.len() as u32).to_le_bytes());
    out.extend((number as u32).to_le_bytes());
    out.extend(usual.iter().flat_map(|bits| bits.to_le_bytes()));
    for window in windows {
        varint(&mut out, window.size);
        histogram(&mut out, &window.old);
        histogram(&mut out, &window.new);
    }
    for node in &counts.nodes {
        out.extend(node.id.to_le_bytes());
    }
    for node in &counts.nodes {
        varint(&mut out, node.rows.len() as u64);
    }
    for row in rows() {
        out.extend(row.value.to_le_bytes());
    }
    for row in rows() {
        let mut word = row.count;
        word |= if row.today > 0 { TODAY } else { 0 };
        word |= if row.vote > 0 { VOTE } else { 0 };
        word |= if row.published >= 0 { PENDING } else { 0 };
        out.extend(word.to_le_bytes());
    }
    for row in rows().filter(|row| row.today > 0) {
        out.extend(row.today.to_le_bytes());
    }
    for row in rows().filter(|row| row.vote > 0) {
        out.extend(row.vote.to_le_bytes());
    }
    for row in rows().filter(|row| row.published >= 0) {
        out.extend(row.published.to_le_bytes());
    }
    out
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn histogram(out: &mut Vec<u8>, part: &Histogram) {
    varint(out, part.bins.len() as u64);
    let mut before = 0;
    for &bin in &part.bins {
        varint(out, u64::from(bin - before));
        before = bin;
    }
    for &count in &part.counts {
        varint(out, u64::from(count));
    }
}

pub fn read(raw: &[u8]) -> PyResult<Parts> {
    let mut reader = Reader { raw, at: 0 };
    let layout = reader.array::<1>()?[0];
    if layout != LAYOUT {
        return Err(wrong(format!("habits have layout {layout}, expected {LAYOUT}")));
    }
    let day = i64::from(reader.u32()?);
    let shape = reader.array::<2>()?;
    if shape != [FEATURES as u8, STATISTICS as u8] {
        let [features, windows] = shape;
        return Err(wrong(format!(
            "habits have {features} features and {windows} windows, \
             expected {FEATURES} and {STATISTICS}"
        )));
    }
    let (nodes, rows) = (reader.u32()? as usize, reader.u32()? as usize);
    let mut usual = [0.0; FEATURES];
    for bits in &mut usual {
        *bits = f64::from_le_bytes(reader.array()?);
    }
    let mut windows = std::array::from_fn(|_| Window::new(0));
    for window in &mut windows {
        window.size = reader.varint()?;
        window.old = reader.histogram()?;
        window.new = reader.histogram()?;
    }
    let nodes = reader.nodes(nodes, rows)?;
    if reader.at != raw.len() {
        let (all, read) = (raw.len(), reader.at);
        return Err(wrong(format!("habits have {all} bytes, expected {read}")));
    }
    Ok(Parts { counts: Counts { nodes, day }, usual, windows })
}

fn wrong(text: String) -> PyErr {
    PyValueError::new_err(text)
}

struct Reader<'a> {
    raw: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> PyResult<[u8; N]> {
        let taken = self.raw.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let all = self.raw.len();
        let taken = taken.ok_or_else(|| wrong(format!("habits end too early, at byte {all}")))?;
        self.at += N;
        Ok(*taken)
    }

    fn u32(&mut self) -> PyResult<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn varint(&mut self) -> PyResult<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(wrong(format!("number at byte {} is too long, expected 64 bits", self.at)))
    }

    fn histogram(&mut self) -> PyResult<Histogram> {
        let number = self.varint()?;
        let mut out = Histogram::default();
        let mut bin = 0u64;
        for _ in 0..number {
            bin = bin.saturating_add(self.varint()?);
            let text = || wrong(format!("histogram has bin {bin}, expected ascending to 65535"));
            let next = u16::try_from(bin).map_err(|_| text())?;
            if out.bins.last().is_some_and(|&last| last >= next) {
                return Err(text());
            }
            out.bins.push(next);
        }
        for _ in 0..number {
            let count = u32::try_from(self.varint()?)
                .map_err(|_| wrong("histogram has a count beyond 32 bits".to_owned()))?;
            out.n += u64::from(count);
            out.counts.push(count);
        }
        Ok(out)
    }

    fn nodes(&mut self, nodes: usize, rows: usize) -> PyResult<Vec<Node>> {
        let most = self.raw.len() / 4; // no more than there are bytes for
        let mut out: Vec<Node> = Vec::with_capacity(nodes.min(most));
        for _ in 0..nodes {
            let id = self.u32()?;
            out.push(Node { id, total: 0, discounted: 0, rows: Vec::new() });
        }
        let mut found = 0usize;
        for node in &mut out {
            let number = self.varint()? as usize;
            found = found.saturating_add(number);
            node.rows.reserve_exact(number.min(most));
            node.rows.resize(number.min(most), Row::default());
        }
        if found != rows || rows > most {
            return Err(wrong(format!("habits have {found} rows in nodes, expected {rows}")));
        }
        self.columns(&mut out)?;
        let ordered = out.windows(2).all(|pair| pair[0].id < pair[1].id)
            && out.iter().all(|node| node.rows.windows(2).all(|p| p[0].value < p[1].value));
        if !ordered {
            return Err(wrong("habits have rows out of order, expected ascending keys".to_owned()));
        }
        out.iter_mut().for_each(Node::sum_up);
        Ok(out)
    }

    fn columns(&mut self, nodes: &mut [Node]) -> PyResult<()> {
        for row in nodes.iter_mut().flat_map(|node| &mut node.rows) {
            row.value = self.u32()?;
        }
        for row in nodes.iter_mut().flat_map(|node| &mut node.rows) {
            let word = self.u32()?;
            row.count = word & MOST_COUNT;
            row.today = u16::from(word & TODAY != 0);
            row.vote = u32::from(word & VOTE != 0);
            row.published = if word & PENDING != 0 { 0 } else { -1 };
        }
        for row in nodes.iter_mut().flat_map(|node| &mut node.rows).filter(|row| row.today > 0) {
            row.today = u16::from_le_bytes(self.array()?);
        }
        for row in nodes.iter_mut().flat_map(|node| &mut node.rows).filter(|row| row.vote > 0) {
            row.vote = self.u32()?;
        }
        for row in nodes.iter_mut().flat_map(|node| &mut node.rows).filter(|r| r.published >= 0) {
            row.published = i32::from_le_bytes(self.array()?);
        }
        Ok(())
    }
}

/// Write a score window as msgspec writes `models.calibration.ScoreWindow`.
pub fn write_window(out: &mut pack::Writer, window: &Window) {
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
pub fn read_window(reader: &mut pack::Reader<'_>) -> PyResult<Window> {
    let wrong = |_| wrong("score window out of range".to_owned());
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
pub fn write_windows(out: &mut pack::Writer, windows: &[Window]) {
    out.array(windows.len());
    windows.iter().for_each(|window| write_window(out, window));
}

/// Read what `write_windows` wrote.
pub fn read_windows<const N: usize>(reader: &mut pack::Reader<'_>) -> PyResult<[Window; N]> {
    let mut windows = std::array::from_fn(|_| Window::new(0));
    if reader.array()? != N {
        return Err(PyValueError::new_err("group has another number of score windows"));
    }
    for window in &mut windows {
        *window = read_window(reader)?;
    }
    Ok(windows)
}
