//! Reads the arguments of an event; `models.features.fields`.

use crate::features::containers::{containers, cut};
use crate::features::fields::{kind, record, Fields, Record, Str};
use crate::features::network::host_of;
use crate::features::reading::Reading;
use crate::json::action::Action;
use crate::json::values::{Scalar, Text};
use pyo3::prelude::*;
use std::collections::BTreeSet;

impl Reading<'_, '_> {
    /// Arguments with their origins, and those without origins out of their text.
    pub fn arguments<'t>(&self, told: &'t Action<'_>, fields: &mut Fields<'t>) -> PyResult<()> {
        let (py, maximum) = (self.py, self.plan.constants.max_value);
        let (mut arguments, mut programs) = (Vec::new(), Vec::new());
        let mut names: Vec<Str<'t>> = Vec::new();
        let origins = told.argument_origins.as_deref().unwrap_or_default();
        for (key, found) in origins {
            for (value, origins) in found {
                let value = cut(value, maximum);
                arguments.push(self.argument(key, value, origins)?);
                names.push(value.into());
            }
        }
        let listed = match told.attribute("programs") {
            Some(Scalar::Texts(listed)) => &listed[..],
            _ => &[],
        };
        let program = |one: Str<'t>| Record::of([(record::PROGRAM, one)]);
        let listed = listed.iter().take(self.plan.constants.max_programs);
        programs.extend(listed.map(|one| program(Str::from(cut(one, maximum)))));
        let unlisted = programs.is_empty();
        for (name, value) in told.arguments.iter().flat_map(|given| &given.texts) {
            if unlisted && self.plan.words.commands.contains(&**name) {
                let found: Vec<String> =
                    self.readers.programs.bind(py).call1((&**value,))?.extract()?;
                programs.extend(found.into_iter().map(|one| program(one.into())));
            }
            let without = !origins.iter().any(|(key, _)| **key == **name);
            for one in self.identifiers(value)? {
                if without {
                    let value = match &one {
                        Str::Borrowed(one) => Str::from(cut(one, maximum)),
                        Str::Owned(one) => cut(one, maximum).to_owned().into(),
                    };
                    arguments.push(self.record(name, "unknown", value)?);
                }
                names.push(one);
            }
        }
        names.extend(told.resource.as_ref().map(|resource| Str::from(&*resource.id)));
        let mut belongs = BTreeSet::new();
        for name in &names {
            let arn_parts = self.plan.constants.arn_parts;
            containers(py, cut(name, maximum), arn_parts, |one| {
                belongs.insert(one);
            })?;
        }
        if !belongs.is_empty() {
            let all = belongs.into_iter().map(|one: String| (record::CONTAINER, one.into()));
            let all = all.map(|one| Record::of([one]));
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

    fn identifiers<'t>(&self, whole: &'t str) -> PyResult<Vec<Str<'t>>> {
        let maximum = self.plan.constants.max_name;
        let is_short = whole.len() <= maximum || cut(whole, maximum).len() == whole.len();
        if is_short && !whole.contains(' ') {
            return Ok(if whole.is_empty() { Vec::new() } else { vec![whole.into()] });
        }
        if !may_identify(whole) {
            return Ok(Vec::new());
        }
        let found = self.readers.identifiers.bind(self.py).call1((whole,))?;
        Ok(found.extract::<Vec<String>>()?.into_iter().map(Str::from).collect())
    }

    fn argument<'t>(
        &self,
        key: &'t str,
        value: &'t str,
        origins: &'t [Text<'_>],
    ) -> PyResult<Record<'t>> {
        let (mut asked, mut result) = (None, None);
        for one in origins {
            if asked.is_none() && self.plan.words.asked.iter().any(|word| **word == **one) {
                asked = Some(one);
            } else if one.starts_with("result") {
                result = Some(one);
            }
        }
        if let Some(asked) = asked {
            return self.record(key, asked, value.into());
        }
        let Some(source) = result else { return self.record(key, "nowhere", value.into()) };
        let mut found = self.record(key, "result", value.into())?;
        found.add(record::SOURCE, Str::from(&**source));
        Ok(found)
    }

    fn record<'t>(&self, key: &'t str, origin: &'t str, value: Str<'t>) -> PyResult<Record<'t>> {
        let has_host = value.contains("://") || value.contains('@');
        let host = if has_host { Some(host_of(self.py, &value)?) } else { None };
        let mut found = Record::of([
            (record::KEY, key.into()),
            (record::ORIGIN, origin.into()),
            (record::VALUE, value),
        ]);
        if let Some(host) = host {
            found.add(record::VALUE_HOST, host.into());
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
