//! The request of a session and the identifiers of a call, parsed once and remembered.

use crate::codec::hashing::Hasher;
use crate::provenance::deobfuscation::{bare, forms_of, marked, traceable};
use crate::provenance::entity_binding::{names_of, says_who};
use crate::provenance::text;
use pyo3::prelude::*;
use rustc_hash::FxHashMap;
use std::collections::HashSet;
use std::sync::Arc;

const SPECIFIC_ENOUGH: f64 = 20.0;
const MOST_REQUESTS: usize = 2_000;
const MOST_VALUES: usize = 10_000;

/// What is needed of the text that a session serves.
pub struct Request {
    /// Hashes of its stems, in order.
    pub words: Vec<u64>,
    /// Hashes of whom and what it names.
    pub names: Vec<u64>,
    pub long_words: Vec<String>,
    pub plain: String,
}

/// An identifier by itself, without its place in a call.
pub struct Value {
    pub text: String,
    pub hashed: u64,
    pub root: u64,
    /// Hash of the domain of a mail address, else 0.
    pub domain: u64,
    pub kind: u8,
    pub specific: f64,
    /// As of `Use`.
    pub who: bool,
    /// Its letters and digits.
    pub bare: String,
    /// Their mark; 0 where they are none to trace others by.
    pub mark: u64,
}

impl Value {
    /// Whether the request's own text holds the identifier.
    pub fn asked_for(&self, request: &Request) -> bool {
        self.text.chars().nth(2).is_some() && request.plain.contains(&self.text)
    }

    /// The share of the identifier's letters that the request names, 0 .. 1.
    pub fn covered(&self, request: &Request) -> f64 {
        text::coverage(&self.text, self.kind, &request.long_words)
    }
}

/// The functions of `models.provenance` for what is not ASCII.
pub struct Foreign {
    pub stems: Py<PyAny>,
    pub names_of: Py<PyAny>,
    pub long_words: Py<PyAny>,
    pub normalise: Py<PyAny>,
    pub parse_value: Py<PyAny>,
    pub forms_of: Py<PyAny>,
}

/// Parses requests, tool names and identifiers; a bounded memory of recent ones.
pub struct Reader {
    python: Foreign,
    requests: FxHashMap<String, Arc<Request>>,
    tools: FxHashMap<String, Arc<Vec<u64>>>,
    values: FxHashMap<String, Option<Arc<Value>>>,
    forms: FxHashMap<String, Arc<Vec<u64>>>,
}

impl Reader {
    pub fn new(python: Foreign) -> Self {
        Reader {
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
        if self.requests.len() >= MOST_REQUESTS {
            self.requests.clear();
        }
        let words = self.words(py, hasher, raw)?;
        let (names, long_words, plain) = if raw.is_ascii() {
            (names_of(raw), text::long_words(raw), text::normalise(raw))
        } else {
            let names = self.python.names_of.call1(py, (raw,))?.extract(py)?;
            let long_words = self.python.long_words.call1(py, (raw,))?.extract(py)?;
            (names, long_words, self.python.normalise.call1(py, (raw,))?.extract(py)?)
        };
        let names = names.iter().map(|name: &String| hasher.of(name)).collect();
        let request = Arc::new(Request { words, names, long_words, plain });
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
        if self.tools.len() >= MOST_VALUES {
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

    /// An identifier; None when nothing is left of it after normalisation.
    pub fn value(
        &mut self,
        py: Python<'_>,
        hasher: &Hasher,
        raw: &str,
    ) -> PyResult<Option<Arc<Value>>> {
        if let Some(known) = self.values.get(raw) {
            return Ok(known.clone());
        }
        if self.values.len() >= MOST_VALUES {
            self.values.clear();
        }
        let parsed =
            if raw.is_ascii() { parse(hasher, raw) } else { self.foreign(py, hasher, raw)? };
        let parsed = parsed.map(Arc::new);
        self.values.insert(raw.to_owned(), parsed.clone());
        Ok(parsed)
    }

    /// The marks of what an identifier may have been rewritten from.
    pub fn forms(&mut self, py: Python<'_>, hasher: &Hasher, raw: &str) -> PyResult<Arc<Vec<u64>>> {
        if let Some(known) = self.forms.get(raw) {
            return Ok(known.clone());
        }
        if self.forms.len() >= MOST_VALUES {
            self.forms.clear();
        }
        let forms: Vec<String> = if raw.is_ascii() {
            forms_of(raw)
        } else {
            self.python.forms_of.call1(py, (raw,))?.extract(py)?
        };
        let marks = Arc::new(forms.iter().map(|form| marked(form, hasher)).collect::<Vec<u64>>());
        self.forms.insert(raw.to_owned(), marks.clone());
        Ok(marks)
    }

    fn foreign(&self, py: Python<'_>, hasher: &Hasher, raw: &str) -> PyResult<Option<Value>> {
        type Parsed = (String, u8, Option<String>, f64, String);
        let found: Option<Parsed> = self.python.parse_value.call1(py, (raw,))?.extract(py)?;
        Ok(found.map(|(text, kind, root, specific, bare)| {
            let root = root.map_or(0, |root| hasher.of(&root));
            let who = says_who(&text, kind);
            let domain = domain(hasher, &text, kind);
            let mark = traced_by(hasher, &bare, who);
            Value { hashed: hasher.of(&text), text, root, domain, kind, specific, who, bare, mark }
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
    let specific = (text::specificity(&text, kind) / SPECIFIC_ENOUGH).min(1.0);
    // Remembered here as a whole: no need to remember its hash as well.
    let (who, bare) = (says_who(&text, kind), bare(&text));
    let mark = traced_by(hasher, &bare, who);
    let domain = domain(hasher, &text, kind);
    Some(Value { hashed: hasher.once(&text), root, domain, kind, specific, text, who, bare, mark })
}

fn domain(hasher: &Hasher, text: &str, kind: u8) -> u64 {
    text::domain_of(text, kind).map_or(0, |domain| hasher.of(domain))
}

fn traced_by(hasher: &Hasher, bare: &str, who: bool) -> u64 {
    if who && traceable(bare) {
        marked(bare, hasher)
    } else {
        0
    }
}
