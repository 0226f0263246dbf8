//! The thing that bits are about; `models.baseline.session.Subject`.

use crate::codec::compact_reader::{Read, Reader};
use crate::codec::compact_writer::Writer;
use pyo3::prelude::*;

#[pyclass(frozen, get_all, eq, module = "habitus_native")]
#[derive(Clone, PartialEq)]
pub struct Subject {
    pub bits: f64,
    pub level: i64,
    pub name: String,
    pub mark: u64,
    pub text: String,
    pub key: String,
}

/// The same as Python gives it.
#[derive(Clone, FromPyObject)]
pub struct Given {
    bits: f64,
    level: i64,
    name: String,
    mark: u64,
    text: String,
    key: String,
}

impl From<Given> for Subject {
    fn from(given: Given) -> Subject {
        let Given { bits, level, name, mark, text, key } = given;
        Subject { bits, level, name, mark, text, key }
    }
}

impl Subject {
    pub fn new(bits: f64, level: i64, name: &str, mark: u64, text: String) -> Self {
        Subject { bits, level, name: name.to_owned(), mark, text, key: String::new() }
    }

    pub fn write(&self, out: &mut Writer) {
        out.array(6);
        out.float(self.bits);
        out.signed(self.level);
        out.text(&self.name);
        out.unsigned(self.mark);
        out.text(&self.text);
        out.text(&self.key);
    }

    pub fn read(from: &mut Reader<'_>) -> Read<Subject> {
        let parts = from.array()?;
        let mut found = Subject::new(from.float()?, from.signed()?, from.text()?, 0, String::new());
        found.mark = from.unsigned()?;
        found.text = from.text()?.to_owned();
        if parts > 5 {
            found.key = from.text()?.to_owned();
        }
        Ok(found)
    }
}
