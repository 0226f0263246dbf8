//! MessagePack as msgspec writes it: the smallest form of each integer, 64-bit floats; and the same
//! with the tokens of `codec::tokens`.

pub mod bitpacking;
pub mod canonical;
pub mod compact_reader;
pub mod compact_writer;
pub mod hashing;
pub mod sealing;
pub mod tokens;

use crate::codec::compact_reader::Reader;
use crate::codec::compact_writer::Writer;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// One value of MessagePack, compactly; `models.codec.compact_writer`.
#[pyfunction]
pub fn compacted<'py>(py: Python<'py>, raw: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let mut out = Writer::compact(Vec::new());
    out.value(raw)?;
    Ok(PyBytes::new(py, &out.out))
}

/// What `compacted` was given.
#[pyfunction]
pub fn expanded<'py>(py: Python<'py>, raw: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let mut from = Reader::compact(raw, 0);
    let value = from.value()?;
    from.end()?;
    Ok(PyBytes::new(py, &value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for compact in [false, true] {
            written_is_read(compact);
        }
    }

    fn written_is_read(compact: bool) {
        let mut writer = if compact { Writer::compact(Vec::new()) } else { Writer::default() };
        let numbers = [0, 127, 128, 255, 256, 65_535, 65_536, u64::from(u32::MAX), u64::MAX];
        for number in numbers {
            writer.unsigned(number);
        }
        let signed = [-1, -32, -33, -128, -129, -32_768, -32_769, i64::MIN, 7];
        for number in signed {
            writer.signed(number);
        }
        writer.text(&"x".repeat(300));
        let floats = [-0.1, 0.0, -0.0, 7.0, -0.1, 1e300];
        floats.into_iter().for_each(|value| writer.float(value));
        ["delegated", "billing-7", "billing-7", "a", "a"]
            .into_iter()
            .for_each(|one| writer.text(one));
        let out = &writer.out;
        let mut reader = if compact { Reader::compact(out, 0) } else { Reader::new(out) };
        for number in numbers {
            assert_eq!(reader.unsigned().unwrap(), number);
        }
        for number in signed {
            assert_eq!(reader.signed().unwrap(), number);
        }
        assert_eq!(reader.text().unwrap().len(), 300);
        for value in floats {
            assert_eq!(reader.float().unwrap().to_bits(), value.to_bits());
        }
        for text in ["delegated", "billing-7", "billing-7", "a", "a"] {
            assert_eq!(reader.text().unwrap(), text);
        }
        reader.end().unwrap();
    }
}
