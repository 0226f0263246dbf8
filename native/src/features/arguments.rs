//! Reads the arguments of an event; `models.features.fields`.

use crate::features::containers::{containers, cut};
use crate::features::fields::{kind, record, Fields, Record};
use crate::features::network::host_of;
use crate::features::reading::Reading;
use crate::json::action::Action;
use crate::json::values::Text;
use pyo3::prelude::*;
use std::collections::BTreeSet;

impl Reading<'_, '_> {
    /// Arguments with their origins, and those without origins out of their text.
    pub fn arguments(&self, told: &Action<'_>, fields: &mut Fields) -> PyResult<()> {
        let (py, maximum) = (self.py, self.plan.constants.max_value);
        let (mut arguments, mut names, mut programs) = (Vec::new(), Vec::new(), Vec::new());
        let origins = told.argument_origins.as_deref().unwrap_or_default();
        for (key, found) in origins {
            for (value, origins) in found {
                let value = cut(value, maximum).to_owned();
                arguments.push(self.argument(key, &value, origins)?);
                names.push(value);
            }
        }
        for (name, value) in told.arguments.iter().flat_map(|given| &given.texts) {
            if self.plan.words.commands.contains(&**name) {
                let found: Vec<String> =
                    self.readers.programs.bind(py).call1((&**value,))?.extract()?;
                programs.extend(found.into_iter().map(|one| Record::of([(record::PROGRAM, one)])));
            }
            let without = !origins.iter().any(|(key, _)| **key == **name);
            for one in self.identifiers(value)? {
                if without {
                    let value = cut(&one, maximum).to_owned();
                    arguments.push(self.record(name, "unknown", value)?);
                }
                names.push(one);
            }
        }
        names.extend(told.resource.as_ref().map(|resource| resource.id.to_string()));
        let mut belongs = BTreeSet::new();
        for name in &names {
            let arn_parts = self.plan.constants.arn_parts;
            containers(py, cut(name, maximum), arn_parts, |one| {
                belongs.insert(one);
            })?;
        }
        if !belongs.is_empty() {
            let all = belongs.into_iter().map(|one| Record::of([(record::CONTAINER, one)]));
            fields.records[kind::CONTAINER] = Some(all.collect());
        }
        if !programs.is_empty() {
            fields.records[kind::PROGRAM] = Some(programs);
        }
        if !arguments.is_empty() {
            fields.records[kind::ARGUMENT] = Some(arguments);
        }
        Ok(())
    }

    fn identifiers(&self, whole: &str) -> PyResult<Vec<String>> {
        let maximum = self.plan.constants.max_name;
        let is_short = whole.len() <= maximum || cut(whole, maximum).len() == whole.len();
        if is_short && !whole.contains(' ') {
            return Ok(if whole.is_empty() { Vec::new() } else { vec![whole.to_owned()] });
        }
        if !may_identify(whole) {
            return Ok(Vec::new());
        }
        self.readers.identifiers.bind(self.py).call1((whole,))?.extract()
    }

    fn argument(&self, key: &str, value: &str, origins: &[Text<'_>]) -> PyResult<Record> {
        let (mut asked, mut result) = (None, None);
        for one in origins {
            if asked.is_none() && self.plan.words.asked.iter().any(|word| **word == **one) {
                asked = Some(one);
            } else if one.starts_with("result") {
                result = Some(one);
            }
        }
        let value = value.to_owned();
        if let Some(asked) = asked {
            return self.record(key, asked, value);
        }
        let Some(source) = result else { return self.record(key, "nowhere", value) };
        let mut found = self.record(key, "result", value)?;
        found.add(record::SOURCE, source.to_string());
        Ok(found)
    }

    fn record(&self, key: &str, origin: &str, value: String) -> PyResult<Record> {
        let has_host = value.contains("://") || value.contains('@');
        let host = if has_host { Some(host_of(self.py, &value)?) } else { None };
        let mut found = Record::of([
            (record::KEY, key.to_owned()),
            (record::ORIGIN, origin.to_owned()),
            (record::VALUE, value),
        ]);
        if let Some(host) = host {
            found.add(record::VALUE_HOST, host);
        }
        Ok(found)
    }
}

/// Whether a text may hold an address, a path or the table of a schema.
fn may_identify(text: &str) -> bool {
    let all = text.as_bytes();
    let letter = |byte: u8| byte == b'_' || byte.is_ascii_lowercase();
    let joins = |at: usize| {
        let (before, after) = (all[..at].last(), all.get(at + 1));
        before.is_some_and(|&byte| letter(byte))
            && after.is_some_and(|&byte| letter(byte) || byte.is_ascii_digit())
    };
    memchr::memchr2(b'/', b'@', all).is_some() || memchr::memchr_iter(b'.', all).any(joins)
}
