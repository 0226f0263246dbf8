//! Keyed 64-bit hashes of names.

use crate::codec::canonical::Canonical;
use blake2b_simd::{Params, State};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};

const CACHE_LIMIT: usize = 100_000;
const MIX_A: u64 = 0x9E37_79B9_7F4A_7C15;
const MIX_B: u64 = 0xBF58_476D_1CE4_E5B9;
const MIX_C: u64 = 0x94D0_49BB_1331_11EB;

/// Combine hashes into one of 64 bits; order matters.
#[inline]
pub fn mix(a: u64, b: u64, c: u64) -> u64 {
    let mut x = a ^ b.wrapping_mul(MIX_A);
    x = (x ^ (x >> 29)).wrapping_mul(MIX_B).wrapping_add(c.wrapping_mul(MIX_C));
    x ^ (x >> 32)
}

/// Hashes strings under one key; remembers the most recent ones.
pub struct Hasher {
    params: Params,
    /// By the hash of the string under a key that is random: 64 bits as well, but in less time.
    known: RefCell<FxHashMap<u64, u64>>,
    random: RandomState,
    text: RefCell<String>,
    /// The state after the key and the first byte of a text, by that byte.
    begun: RefCell<FxHashMap<u8, State>>,
}

impl Hasher {
    /// `key` is the installation's secret, 16 to 64 bytes.
    pub fn new(key: &[u8]) -> PyResult<Self> {
        if key.is_empty() || key.len() > 64 {
            let got = key.len();
            return Err(PyValueError::new_err(format!("key must have 1 to 64 bytes, got {got}")));
        }
        let mut params = Params::new();
        params.hash_length(8).key(key);
        let (known, random, text, begun) = Default::default();
        Ok(Hasher { params, known, random, text, begun })
    }

    /// The hash of `text`.
    pub fn of(&self, text: &str) -> u64 {
        let mut known = self.known.borrow_mut();
        if known.len() >= CACHE_LIMIT {
            known.clear();
        }
        *known.entry(self.random.hash_one(text)).or_insert_with(|| self.once(text))
    }

    /// The hash of texts with `\x1f` between them.
    pub fn of_parts(&self, parts: &[&str]) -> u64 {
        let mut text = self.text.borrow_mut();
        text.clear();
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                text.push('\x1f');
            }
            text.push_str(part);
        }
        self.of(&text)
    }

    /// The same hash without remembering it.
    pub fn once(&self, text: &str) -> u64 {
        self.once_bytes(text.as_bytes())
    }

    /// The same of a name that is no UTF-8.
    pub fn once_bytes(&self, text: &[u8]) -> u64 {
        let Some((&first, rest)) = text.split_first() else {
            return number_of(self.params.hash(text).as_bytes());
        };
        let mut begun = self.begun.borrow_mut();
        let state = begun.entry(first).or_insert_with(|| {
            let mut state = self.params.to_state();
            state.update(&[first]);
            state
        });
        number_of(state.clone().update(rest).finalize().as_bytes())
    }
}

/// The hashes for Python; `models.codec.hashing.Hasher`.
#[pyclass(frozen, module = "habitus_native")]
pub struct Hashes {
    params: Params,
    /// The common prefix of every event's key, hashed together with the secret.
    event: State,
    inner: Sha256,
    outer: Sha256,
}

#[pymethods]
impl Hashes {
    #[new]
    pub fn new(key: &[u8]) -> PyResult<Self> {
        let params = Hasher::new(key)?.params;
        let mut event = params.to_state();
        event.update(b"event\x1f");
        let pad = |byte: u8| {
            let mut block = [byte; 64];
            key.iter().zip(block.iter_mut()).for_each(|(key, place)| *place ^= key);
            Sha256::new_with_prefix(block)
        };
        Ok(Hashes { params, event, inner: pad(0x36), outer: pad(0x5c) })
    }

    /// The hash of a name that does not recur.
    fn once(&self, text: &Bound<'_, PyString>) -> PyResult<u64> {
        Ok(self.hash(&bytes_of(text)?))
    }

    /// A number in (0, 1) that the sender of `text` cannot choose: HMAC-SHA256.
    fn uniform(&self, text: &Bound<'_, PyString>) -> PyResult<f64> {
        Ok(self.uniform_of(&bytes_of(text)?))
    }

    /// 63 bits for each (agent, id) of an event.
    fn event_keys(
        &self,
        names: Vec<(Bound<'_, PyString>, Bound<'_, PyString>)>,
    ) -> PyResult<Vec<u64>> {
        let key = |(agent_id, id): &(Bound<'_, PyString>, Bound<'_, PyString>)| {
            Ok(self.event_key(&bytes_of(agent_id)?, &bytes_of(id)?))
        };
        names.iter().map(key).collect()
    }

    /// 63 bits for the content of an event, None where the reference has to read it.
    #[pyo3(name = "content")]
    pub fn content_of(&self, value: &[u8]) -> Option<u64> {
        Canonical::default().of(value).map(|text| self.content(text))
    }
}

impl Hashes {
    /// 63 bits for the canonical text of an event.
    pub fn content(&self, text: &[u8]) -> u64 {
        number_of(&self.code(&[b"content\x1f", text])[..8]) >> 1
    }

    /// 63 bits for the agent and the id of an event.
    pub fn event_key(&self, agent_id: &[u8], id: &[u8]) -> u64 {
        let mut event = self.event.clone();
        let hash = event.update(agent_id).update(b"\x1f").update(id).finalize();
        number_of(hash.as_bytes()) >> 1
    }

    /// A number in (0, 1) that the sender of `text` cannot choose.
    pub fn uniform_of(&self, text: &[u8]) -> f64 {
        let raw = self.code(&[text]);
        let head = raw[..6].iter().rev().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
        (head as f64 + 0.5) / (1u64 << 48) as f64
    }

    /// HMAC-SHA256 of parts one after the other.
    fn code(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut inner = self.inner.clone();
        parts.iter().for_each(|part| inner.update(part));
        self.outer.clone().chain_update(inner.finalize()).finalize().into()
    }

    fn hash(&self, text: &[u8]) -> u64 {
        number_of(self.params.hash(text).as_bytes())
    }
}

fn number_of(hash: &[u8]) -> u64 {
    u64::from_le_bytes(hash.try_into().expect("hash_length is 8"))
}

/// UTF-8, lone surrogates kept as Python's ``surrogatepass`` keeps them.
fn bytes_of<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, [u8]>> {
    if let Ok(text) = text.to_str() {
        return Ok(Cow::Borrowed(text.as_bytes()));
    }
    let raw = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
    Ok(Cow::Owned(raw.extract()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_matters() {
        assert_ne!(mix(1, 2, 0), mix(2, 1, 0));
    }

    #[test]
    fn remembered_and_fresh_hashes_agree() {
        let hasher = Hasher::new(b"0123456789abcdef").unwrap();
        assert_eq!(hasher.of("mail.send"), hasher.once("mail.send"));
        assert_eq!(hasher.of("mail.send"), hasher.of("mail.send"));
        for text in ["", "m", "mail.send", &"x".repeat(300)] {
            let whole = number_of(hasher.params.hash(text.as_bytes()).as_bytes());
            assert_eq!(hasher.once(text), whole);
        }
    }
}
