//! Parses the request of a session and the identifiers of a call; caches the results.

use crate::codec::hashing::Hasher;
use crate::provenance::deobfuscation::{alphanumerics, decoded_forms, fingerprint, traceable};
use crate::provenance::entity_binding::{entity_names, identifies_entity};
use crate::provenance::text;
use pyo3::prelude::*;
use rustc_hash::FxHashMap;
use std::collections::HashSet;
use std::sync::Arc;

const FULL_SPECIFICITY: f64 = 20.0;
const MAX_REQUESTS: usize = 2_000;
const MAX_VALUES: usize = 10_000;

/// The parsed text of the request that a session serves.
pub struct Request {
    /// Hashes of its stems, in order.
    pub words: Vec<u64>,
    /// Hashes of the entities that it names.
    pub entities: Vec<u64>,
    pub long_words: Vec<String>,
    pub plain: String,
}

/// A parsed identifier, without its argument.
pub struct Value {
    pub text: String,
    pub hashed: u64,
    pub root: u64,
    /// Hash of the domain of a mail address, else 0.
    pub domain: u64,
    pub kind: u8,
    pub specificity: f64,
    /// As in `Use`.
    pub is_entity: bool,
    /// Its letters and digits.
    pub alphanumerics: String,
    /// Their fingerprint; 0 for a value that is not traced.
    pub fingerprint: u64,
}

impl Value {
    /// Whether the text of the request contains the identifier.
    pub fn is_requested(&self, request: &Request) -> bool {
        self.text.chars().nth(2).is_some() && request.plain.contains(&self.text)
    }

    /// The share of the identifier's letters that the request names, 0 .. 1.
    pub fn request_coverage(&self, request: &Request) -> f64 {
        text::coverage(&self.text, self.kind, &request.long_words)
    }
}

/// The functions of `models.provenance` for text that is not ASCII.
pub struct PythonText {
    pub stems: Py<PyAny>,
    pub entity_names: Py<PyAny>,
    pub long_words: Py<PyAny>,
    pub normalise: Py<PyAny>,
    pub parse_value: Py<PyAny>,
    pub decoded_forms: Py<PyAny>,
}

/// Parses requests, tool names and identifiers, with bounded caches of the recent ones.
pub struct TextParser {
    python: PythonText,
    requests: FxHashMap<String, Arc<Request>>,
    tools: FxHashMap<String, Arc<Vec<u64>>>,
    values: FxHashMap<String, Option<Arc<Value>>>,
    forms: FxHashMap<String, Arc<Vec<u64>>>,
}

impl TextParser {
    pub fn new(python: PythonText) -> Self {
        TextParser {
            python,
            requests: FxHashMap::default(),
            tools: FxHashMap::default(),
            values: FxHashMap::default(),
            forms: FxHashMap::default(),
        }
    }

    pub fn request(
        &mut self,
        py: Python<'_>,
        hasher: &Hasher,
        raw: &str,
    ) -> PyResult<Arc<Request>> {
        if let Some(known) = self.requests.get(raw) {
            return Ok(known.clone());
        }
        if self.requests.len() >= MAX_REQUESTS {
            self.requests.clear();
        }
        let words = self.words(py, hasher, raw)?;
        let (names, long_words, plain) = if raw.is_ascii() {
            (entity_names(raw), text::long_words(raw), text::normalise(raw))
        } else {
            let names = self.python.entity_names.call1(py, (raw,))?.extract(py)?;
            let long_words = self.python.long_words.call1(py, (raw,))?.extract(py)?;
            (names, long_words, self.python.normalise.call1(py, (raw,))?.extract(py)?)
        };
        let names = names.iter().map(|name: &String| hasher.of(name)).collect();
        let request = Arc::new(Request { words, entities: names, long_words, plain });
        self.requests.insert(raw.to_owned(), request.clone());
        Ok(request)
    }

    /// The hashed stems of a tool's own name, in order.
    pub fn tool_words(
        &mut self,
        py: Python<'_>,
        hasher: &Hasher,
        tool: &str,
    ) -> PyResult<Arc<Vec<u64>>> {
        if let Some(known) = self.tools.get(tool) {
            return Ok(known.clone());
        }
        if self.tools.len() >= MAX_VALUES {
            self.tools.clear();
        }
        let words = Arc::new(self.words(py, hasher, &tool.replace('_', " "))?);
        self.tools.insert(tool.to_owned(), words.clone());
        Ok(words)
    }

    fn words(&self, py: Python<'_>, hasher: &Hasher, raw: &str) -> PyResult<Vec<u64>> {
        let mut words: Vec<u64> = Vec::new();
        if raw.is_ascii() {
            text::each_stem(raw, |stem| words.push(hasher.of(stem)));
        } else {
            let found: HashSet<String> = self.python.stems.call1(py, (raw,))?.extract(py)?;
            words.extend(found.iter().map(|word| hasher.of(word)));
        }
        words.sort_unstable();
        words.dedup();
        Ok(words)
    }

    /// An identifier; None when its normal form is empty.
    pub fn value(
        &mut self,
        py: Python<'_>,
        hasher: &Hasher,
        raw: &str,
    ) -> PyResult<Option<Arc<Value>>> {
        if let Some(known) = self.values.get(raw) {
            return Ok(known.clone());
        }
        if self.values.len() >= MAX_VALUES {
            self.values.clear();
        }
        let parsed = if raw.is_ascii() {
            parse(hasher, raw)
        } else {
            self.value_by_python(py, hasher, raw)?
        };
        let parsed = parsed.map(Arc::new);
        self.values.insert(raw.to_owned(), parsed.clone());
        Ok(parsed)
    }

    /// The fingerprints of the decoded forms of an identifier.
    pub fn forms(&mut self, py: Python<'_>, hasher: &Hasher, raw: &str) -> PyResult<Arc<Vec<u64>>> {
        if let Some(known) = self.forms.get(raw) {
            return Ok(known.clone());
        }
        if self.forms.len() >= MAX_VALUES {
            self.forms.clear();
        }
        let forms: Vec<String> = if raw.is_ascii() {
            decoded_forms(raw)
        } else {
            self.python.decoded_forms.call1(py, (raw,))?.extract(py)?
        };
        let marks =
            Arc::new(forms.iter().map(|form| fingerprint(form, hasher)).collect::<Vec<u64>>());
        self.forms.insert(raw.to_owned(), marks.clone());
        Ok(marks)
    }

    fn value_by_python(
        &self,
        py: Python<'_>,
        hasher: &Hasher,
        raw: &str,
    ) -> PyResult<Option<Value>> {
        type Parsed = (String, u8, Option<String>, f64, String);
        let found: Option<Parsed> = self.python.parse_value.call1(py, (raw,))?.extract(py)?;
        Ok(found.map(|(text, kind, root, specificity, letters)| {
            let root = root.map_or(0, |root| hasher.of(&root));
            let is_entity = identifies_entity(&text, kind);
            let domain = domain(hasher, &text, kind);
            let mark = traceable_fingerprint(hasher, &letters, is_entity);
            Value {
                hashed: hasher.of(&text),
                text,
                root,
                domain,
                kind,
                specificity,
                is_entity,
                alphanumerics: letters,
                fingerprint: mark,
            }
        }))
    }
}

fn parse(hasher: &Hasher, raw: &str) -> Option<Value> {
    let text = text::normalise(raw);
    if text.is_empty() {
        return None;
    }
    let kind = text::kind_of(&text);
    let root = text::root_of(&text, kind).map_or(0, |root| hasher.of(root));
    let specificity = (text::specificity(&text, kind) / FULL_SPECIFICITY).min(1.0);
    // The parsed value is cached, so its hash needs no cache.
    let (is_entity, letters) = (identifies_entity(&text, kind), alphanumerics(&text));
    let mark = traceable_fingerprint(hasher, &letters, is_entity);
    let domain = domain(hasher, &text, kind);
    Some(Value {
        hashed: hasher.once(&text),
        root,
        domain,
        kind,
        specificity,
        text,
        is_entity,
        alphanumerics: letters,
        fingerprint: mark,
    })
}

fn domain(hasher: &Hasher, text: &str, kind: u8) -> u64 {
    text::domain_of(text, kind).map_or(0, |domain| hasher.of(domain))
}

fn traceable_fingerprint(hasher: &Hasher, letters: &str, is_entity: bool) -> u64 {
    if is_entity && traceable(letters) {
        fingerprint(letters, hasher)
    } else {
        0
    }
}
