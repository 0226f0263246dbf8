//! Containers of identifiers; `models.features.containers`.

use pyo3::prelude::*;
use pyo3::types::PyString;

/// A text in lower case; what is no ASCII is left to Python, whose tables may be of another version.
pub fn lower(py: Python<'_>, text: &str) -> PyResult<String> {
    if text.is_ascii() {
        return Ok(text.to_ascii_lowercase());
    }
    PyString::new(py, text).call_method0("lower")?.extract()
}

/// The first characters of a text.
pub fn cut(text: &str, maximum: usize) -> &str {
    if text.len() <= maximum {
        return text;
    }
    text.char_indices().nth(maximum).map_or(text, |(at, _)| &text[..at])
}

/// Add the containers of one identifier, from general to specific.
pub fn containers(
    py: Python<'_>,
    identifier: &str,
    arn_parts: usize,
    mut add: impl FnMut(String),
) -> PyResult<()> {
    if let Some((_, rest)) = identifier.split_once("://") {
        add(lower(py, rest.split('/').next().unwrap_or_default())?);
        return Ok(());
    }
    let slash = identifier.contains('/');
    if let (Some((_, host)), false) = (identifier.rsplit_once('@'), slash) {
        add(lower(py, host)?);
        return Ok(());
    }
    if slash {
        let parts: Vec<&str> = identifier.split('/').filter(|part| *part != ".").collect();
        let folders = &parts[..parts.len().saturating_sub(1)];
        for number in 1..=folders.len().min(2) {
            add(folders[..number].join("/"));
        }
    } else if identifier.bytes().filter(|&byte| byte == b':').count() >= arn_parts {
        add(identifier.split(':').take(arn_parts).collect::<Vec<_>>().join(":"));
    } else if let Some((schema, table)) = identifier.split_once('.') {
        let letter = |byte: u8| byte == b'_' || byte.is_ascii_lowercase();
        let named = !schema.is_empty() && schema.bytes().all(letter);
        let column = |byte: u8| letter(byte) || byte.is_ascii_digit();
        if named && table.len() >= 3 && table.bytes().all(column) {
            add(format!("{schema}."));
            add(identifier.to_owned());
        }
    }
    Ok(())
}
