//! What an address says; `models.features.network`.

use crate::features::containers::lower;
use pyo3::prelude::*;

/// The host of a destination: without scheme, path, port and user.
pub fn host_of(py: Python<'_>, destination: &str) -> PyResult<String> {
    let rest = match destination.split_once("://") {
        Some((_, rest)) if !rest.is_empty() => rest,
        _ => destination,
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = lower(py, host.rsplit_once('@').map_or(host, |(_, host)| host))?;
    if host.starts_with('[') {
        return Ok(host.split(']').next().unwrap_or_default()[1..].to_owned());
    }
    if host.bytes().filter(|&byte| byte == b':').count() == 1 {
        return Ok(host.split(':').next().unwrap_or_default().to_owned());
    }
    Ok(host)
}
