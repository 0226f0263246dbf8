//! Keyed digests of stored rows, several at a time; the arithmetic of `pipeline.store.seal`.

use blake2b_simd::many::{hash_many, HashManyJob};
use blake2b_simd::{Hash, Params};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

/// Rows collected before they are hashed: so many fit into the cache.
const TOGETHER: usize = 256;
const MAX_KEY: usize = 64;
const MAX_TABLE: usize = 16;

/// Makes the digests of one table.
#[pyclass(frozen, module = "habitus_native")]
pub struct Seals {
    params: Params,
}

#[pymethods]
impl Seals {
    #[new]
    fn new(secret: &[u8], table: &[u8], size: usize) -> PyResult<Self> {
        if secret.len() > MAX_KEY || table.len() > MAX_TABLE || !(1..=64).contains(&size) {
            return Err(PyValueError::new_err("secret, table or size of a digest is out of range"));
        }
        let mut params = Params::new();
        params.hash_length(size).key(secret).personal(table);
        Ok(Seals { params })
    }

    /// The digests of rows, each a key and bytes.
    fn digests<'py>(
        &self,
        py: Python<'py>,
        rows: Vec<(PyBackedBytes, PyBackedBytes)>,
    ) -> Vec<Bound<'py, PyBytes>> {
        let mut digests = Vec::with_capacity(rows.len());
        for some in rows.chunks(TOGETHER) {
            let text = |(key, blob): &(PyBackedBytes, PyBackedBytes)| {
                [&(key.len() as u32).to_be_bytes(), &**key, &**blob].concat()
            };
            let texts: Vec<Vec<u8>> = some.iter().map(text).collect();
            let hashes = hashes_of(&self.params, &texts);
            digests.extend(hashes.map(|hash| PyBytes::new(py, hash.as_bytes())));
        }
        digests
    }
}

/// The hashes of texts, several at a time.
fn hashes_of<'a>(params: &'a Params, texts: &'a [Vec<u8>]) -> impl Iterator<Item = Hash> + 'a {
    let mut jobs: Vec<HashManyJob<'_>> =
        texts.iter().map(|text| HashManyJob::new(params, text)).collect();
    hash_many(&mut jobs);
    jobs.into_iter().map(|job| job.to_hash())
}
