//! The checksums of the words of a text; `pipeline.assembling.word_sums`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Polynomial of CRC-32 as zlib has it, reflected.
const POLYNOMIAL: u32 = 0xEDB8_8320;

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut found = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut sum = at as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ POLYNOMIAL } else { sum >> 1 };
            bit += 1;
        }
        found[at] = sum;
        at += 1;
    }
    found
}

/// The checksums of the words of a text of ASCII, each in four bytes, the lowest first.
///
/// A word is a run of letters, digits and underscores, in lower case. Its checksum is the CRC-32 of
/// its bytes that begins with `salt`. Words are short, so the sum is built up byte by byte, in the
/// same pass that finds them.
#[pyfunction]
pub fn word_sums<'py>(py: Python<'py>, text: &str, salt: u32) -> PyResult<Bound<'py, PyBytes>> {
    if !text.is_ascii() {
        return Err(PyValueError::new_err("text is not ASCII, which only Python reads"));
    }
    Ok(PyBytes::new(py, &sums(text.as_bytes(), salt)))
}

fn sums(text: &[u8], salt: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut sum = !salt;
    let mut within = false;
    for byte in text {
        if byte.is_ascii_alphanumeric() || *byte == b'_' {
            let place = (sum ^ u32::from(byte.to_ascii_lowercase())) & 0xFF;
            sum = TABLE[place as usize] ^ (sum >> 8);
            within = true;
        } else if within {
            out.extend_from_slice(&(!sum).to_le_bytes());
            sum = !salt;
            within = false;
        }
    }
    if within {
        out.extend_from_slice(&(!sum).to_le_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_of_a_word_is_that_of_zlib() {
        assert_eq!(sums(b"123456789", 0), 0xCBF4_3926_u32.to_le_bytes());
    }

    #[test]
    fn words_end_at_what_is_no_letter() {
        assert_eq!(sums(b"Lily.White@example", 7), sums(b"  lily white  EXAMPLE\n", 7));
        assert_eq!(sums(b"a_b", 7).len(), 4);
        assert_ne!(sums(b"a", 7), sums(b"a", 8));
        assert!(sums(b" .,", 7).is_empty());
    }
}
