//! Reads the arguments of an event; `models.features.fields`.

use crate::features::containers::{containers, cut};
use crate::features::fields::{kind, record, Fields, Record};
use crate::features::network::host_of;
use crate::features::reading::{short, text, Any, Reading};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::collections::BTreeSet;

impl<'py> Reading<'_, 'py> {
    /// Arguments with their origins, and those without origins out of their text.
    pub fn arguments(
        &self,
        event: &Any<'py>,
        resource_id: Option<String>,
        fields: &mut Fields,
    ) -> PyResult<()> {
        let (py, maximum) = (self.py, self.plan.constants.max_value);
        let (mut arguments, mut names, mut programs) = (Vec::new(), Vec::new(), Vec::new());
        let origins = event.getattr(intern!(py, "argument_origins"))?;
        let origins = origins.cast::<PyDict>().ok();
        if let Some(origins) = origins {
            for (key, found) in origins.iter() {
                let key = text(&key)?;
                for pair in found.try_iter()? {
                    let pair = pair?;
                    let value = short(&pair.get_item(0)?, maximum)?;
                    arguments.push(self.argument(&key, &value, &pair.get_item(1)?)?);
                    names.push(value);
                }
            }
        }
        let given = event.getattr(intern!(py, "arguments"))?;
        if let Ok(given) = given.cast::<PyDict>() {
            for (key, value) in given.iter() {
                let Ok(value) = value.cast::<PyString>() else { continue };
                let name = text(&key)?;
                if self.plan.words.commands.contains(&name) {
                    for program in self.readers.programs.bind(py).call1((value,))?.try_iter()? {
                        programs.push(Record::of([(record::PROGRAM, text(&program?)?)]));
                    }
                }
                let without = match origins {
                    Some(origins) => !origins.contains(&key)?,
                    None => true,
                };
                for one in self.identifiers(value)? {
                    if without {
                        let value = cut(&one, maximum).to_owned();
                        arguments.push(self.record(&name, "unknown", value)?);
                    }
                    names.push(one);
                }
            }
        }
        names.extend(resource_id);
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

    fn identifiers(&self, value: &Bound<'py, PyString>) -> PyResult<Vec<String>> {
        let whole = value.to_str()?;
        let maximum = self.plan.constants.max_name;
        let is_short = whole.len() <= maximum || cut(whole, maximum).len() == whole.len();
        if is_short && !whole.contains(' ') {
            return Ok(if whole.is_empty() { Vec::new() } else { vec![whole.to_owned()] });
        }
        self.readers.identifiers.bind(self.py).call1((value,))?.extract()
    }

    fn argument(&self, key: &str, value: &str, origins: &Any<'py>) -> PyResult<Record> {
        let (mut asked, mut result) = (None, None);
        for one in origins.try_iter()? {
            let one = text(&one?)?;
            if asked.is_none() && self.plan.words.asked.contains(&one) {
                asked = Some(one);
            } else if one.starts_with("result") {
                result = Some(one);
            }
        }
        let value = value.to_owned();
        if let Some(asked) = asked {
            return self.record(key, &asked, value);
        }
        let Some(source) = result else { return self.record(key, "nowhere", value) };
        let mut found = self.record(key, "result", value)?;
        found.add(record::SOURCE, source);
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
