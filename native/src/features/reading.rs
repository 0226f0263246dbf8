//! Reads the fields out of an event, a struct of Python; `models.features.fields.read_fields`.

use crate::features::containers::cut;
use crate::features::fields::{kind, number, record, single, Fields, Record};
use crate::features::network::host_of;
use crate::features::plan::Plan;
use crate::units::HOUR_US;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};

/// Functions of Python that read texts by regular expressions, or times.
pub struct Readers {
    pub identifiers: Py<PyAny>,
    pub programs: Py<PyAny>,
    pub lifetime_of: Py<PyAny>,
    pub microseconds: Py<PyAny>,
}

/// What an event says beside its fields.
#[derive(Default)]
pub struct Facts {
    pub id: String,
    pub agent_id: String,
    pub action: bool,
    pub mode: String,
    pub version: Option<String>,
    pub trace_id: Option<String>,
    pub delegated_by: Option<String>,
    pub credential: Option<String>,
    pub expires_us: Option<i64>,
}

pub type Any<'py> = Bound<'py, PyAny>;

pub fn text(of: &Any<'_>) -> PyResult<String> {
    Ok(of.cast::<PyString>()?.to_str()?.to_owned())
}

fn maybe(of: &Any<'_>) -> PyResult<Option<String>> {
    if of.is_none() {
        return Ok(None);
    }
    text(of).map(Some)
}

pub fn short(of: &Any<'_>, maximum: usize) -> PyResult<String> {
    Ok(cut(of.cast::<PyString>()?.to_str()?, maximum).to_owned())
}

/// A positive number, None for anything else.
fn positive(of: &Any<'_>) -> PyResult<Option<f64>> {
    let number = of.is_exact_instance_of::<PyFloat>()
        || (of.is_instance_of::<PyInt>() && !of.is_instance_of::<PyBool>())
        || of.is_instance_of::<PyFloat>();
    if !number {
        return Ok(None);
    }
    let value: f64 = of.extract()?;
    Ok(Some(value).filter(|&value| value > 0.0 && value < f64::INFINITY))
}

/// Reads one event.
pub struct Reading<'a, 'py> {
    pub py: Python<'py>,
    pub plan: &'a Plan,
    pub readers: &'a Readers,
}

impl<'py> Reading<'_, 'py> {
    /// The fields of an event, and what else it says.
    pub fn event(
        &self,
        event: &Any<'py>,
        origin: &Any<'py>,
        previous_tool: &str,
        time_us: i64,
    ) -> PyResult<(Fields, Facts)> {
        let (py, maximum) = (self.py, self.plan.constants.max_value);
        let (mut fields, mut facts) = (Fields::default(), Facts::default());
        let get = |name: &Bound<'py, PyString>| event.getattr(name);
        let agent = get(intern!(py, "agent"))?;
        facts.id = text(&get(intern!(py, "id"))?)?;
        facts.agent_id = text(&agent.getattr(intern!(py, "id"))?)?;
        facts.version = maybe(&agent.getattr(intern!(py, "version"))?)?;
        facts.trace_id = maybe(&get(intern!(py, "trace_id"))?)?;
        let kind_of = get(intern!(py, "kind"))?;
        facts.action = kind_of.cast::<PyString>()?.to_str()? == "action";
        facts.mode = text(&get(intern!(py, "mode"))?)?;
        let tool = text(&get(intern!(py, "tool"))?)?;
        let put = &mut fields.single;
        put[single::PREVIOUS_TOOL] = Some(previous_tool.to_owned());
        put[single::OPERATION] = Some(text(&get(intern!(py, "operation"))?)?);
        put[single::HOUR] = Some(time_of_day(time_us));
        if facts.mode != "unknown" {
            put[single::MODE] = Some(facts.mode.clone());
        }
        put[single::OUTCOME] = maybe(&get(intern!(py, "outcome"))?)?;
        let human = get(intern!(py, "human"))?;
        if !human.is_none() {
            put[single::PERSON] = Some(text(&human.getattr(intern!(py, "id"))?)?);
        }
        let attributes = get(intern!(py, "attributes"))?;
        let attributes = attributes.cast::<PyDict>().ok();
        if let Some(attributes) = attributes {
            if let Some(digest) = attributes.get_item(intern!(py, "tool_digest"))? {
                if digest.is_instance_of::<PyString>() {
                    put[single::DEFINITION] = Some(short(&digest, maximum)?);
                }
            }
            let verified = attributes.get_item(intern!(py, "peer_verified"))?;
            if verified.is_some_and(|one| one.is(PyBool::new(py, false))) {
                put[single::UNVERIFIED] = Some("true".to_owned());
            }
        }
        let resource = get(intern!(py, "resource"))?;
        let resource_id = self.resource(&resource, &tool, &facts.agent_id, &mut fields)?;
        fields.single[single::TOOL] = Some(tool);
        self.network(event, origin, &mut fields)?;
        self.delegation(&get(intern!(py, "delegation"))?, &mut fields, &mut facts)?;
        self.credential(event, &mut fields, &mut facts)?;
        self.arguments(event, resource_id, &mut fields)?;
        self.numbers(event, attributes, &mut fields)?;
        Ok((fields, facts))
    }

    fn resource(
        &self,
        resource: &Any<'py>,
        tool: &str,
        agent_id: &str,
        fields: &mut Fields,
    ) -> PyResult<Option<String>> {
        let (py, put) = (self.py, &mut fields.single);
        if resource.is_none() {
            put[single::TARGET] = Some(tool.to_owned());
            return Ok(None);
        }
        let whole = text(&resource.getattr(intern!(py, "id"))?)?;
        let identifier = cut(&whole, self.plan.constants.max_value).to_owned();
        let target = format!("{tool}/{identifier}");
        put[single::TARGET] = Some(target.replace(&format!("/{agent_id}/"), "/agent/"));
        put[single::RESOURCE] = Some(identifier);
        let sensitivity = maybe(&resource.getattr(intern!(py, "sensitivity"))?)?;
        if let Some(domain) = maybe(&resource.getattr(intern!(py, "domain"))?)? {
            let class = format!("{domain} {}", sensitivity.as_deref().unwrap_or_default());
            put[single::DATA_CLASS] = Some(class);
            put[single::DOMAIN] = Some(domain);
        }
        put[single::SENSITIVITY] = sensitivity;
        put[single::RESOURCE_TYPE] = maybe(&resource.getattr(intern!(py, "type"))?)?;
        Ok(Some(whole))
    }

    fn network(&self, event: &Any<'py>, origin: &Any<'py>, fields: &mut Fields) -> PyResult<()> {
        let (py, put) = (self.py, &mut fields.single);
        let egress = text(&origin.getattr(intern!(py, "egress"))?)?;
        if !self.plan.words.own_networks.contains(&egress) {
            let asn = origin.getattr(intern!(py, "asn"))?;
            if !asn.is_none() {
                put[single::ASN] = Some(asn.str()?.to_str()?.to_owned());
            }
            put[single::COUNTRY] = maybe(&origin.getattr(intern!(py, "country"))?)?;
        }
        if egress != "unknown" {
            put[single::EGRESS] = Some(egress);
        }
        let network = event.getattr(intern!(py, "network"))?;
        if !network.is_none() {
            let destination = network.getattr(intern!(py, "destination"))?;
            if !destination.is_none() {
                let host = host_of(py, destination.cast::<PyString>()?.to_str()?)?;
                put[single::DESTINATION] = Some(host);
            }
        }
        Ok(())
    }

    fn delegation(
        &self,
        delegation: &Any<'py>,
        fields: &mut Fields,
        facts: &mut Facts,
    ) -> PyResult<()> {
        if delegation.is_none() || !delegation.is_truthy()? {
            return Ok(());
        }
        let all: PyResult<Vec<String>> = delegation.try_iter()?.map(|one| text(&one?)).collect();
        let all = all?;
        let depth = all.len().min(self.plan.constants.max_depth);
        fields.single[single::DEPTH] = Some(depth.to_string());
        facts.delegated_by = all.first().cloned();
        let person = fields.single(single::PERSON).map(str::to_owned);
        let others = all.into_iter().filter(|one| Some(one) != person.as_ref());
        let records = others.map(|one| Record::of([(record::DELEGATE, one)])).collect();
        fields.records[kind::DELEGATE] = Some(records);
        Ok(())
    }

    fn credential(&self, event: &Any<'py>, fields: &mut Fields, facts: &mut Facts) -> PyResult<()> {
        let py = self.py;
        let credential = event.getattr(intern!(py, "credential"))?;
        if credential.is_none() {
            return Ok(());
        }
        facts.credential = Some(text(&credential.getattr(intern!(py, "id"))?)?);
        let lifetime = self.readers.lifetime_of.bind(py).call1((&credential, event))?;
        fields.single[single::LIFETIME] = Some(text(&lifetime)?);
        let expires = credential.getattr(intern!(py, "expires_at"))?;
        if !expires.is_none() {
            let us = self.readers.microseconds.bind(py).call1((expires,))?;
            facts.expires_us = Some(us.extract()?);
        }
        let purpose = credential.getattr(intern!(py, "purpose"))?;
        if purpose.is_truthy()? {
            let purpose = short(&purpose, self.plan.constants.max_value)?;
            fields.single[single::CREDENTIAL_PURPOSE] = Some(purpose);
        }
        let scopes = credential.getattr(intern!(py, "scopes"))?;
        if scopes.is_truthy()? {
            let mut all = Vec::new();
            for scope in scopes.try_iter()? {
                all.push(Record::of([(record::SCOPE, text(&scope?)?)]));
            }
            fields.records[kind::SCOPE] = Some(all);
        }
        Ok(())
    }

    fn numbers(
        &self,
        event: &Any<'py>,
        attributes: Option<&Bound<'py, PyDict>>,
        fields: &mut Fields,
    ) -> PyResult<()> {
        let (py, found) = (self.py, &mut fields.numbers);
        let volume = event.getattr(intern!(py, "volume"))?;
        if !volume.is_none() {
            found[number::BYTES_OUT] = positive(&volume.getattr(intern!(py, "bytes_out"))?)?;
            found[number::BYTES_IN] = positive(&volume.getattr(intern!(py, "bytes_in"))?)?;
            found[number::RECORDS] = positive(&volume.getattr(intern!(py, "records"))?)?;
        }
        found[number::DURATION] = positive(&event.getattr(intern!(py, "duration_ms"))?)?;
        let Some(attributes) = attributes else { return Ok(()) };
        let words = &self.plan.words;
        for (place, keys) in [(number::TOKENS, &words.tokens), (number::PRICE, &words.prices)] {
            for key in keys {
                if let Some(value) = attributes.get_item(key)? {
                    found[place] = positive(&value)?;
                    break;
                }
            }
        }
        if let Some(seconds) = attributes.get_item(intern!(py, "approval_seconds"))? {
            let number = seconds.is_instance_of::<PyFloat>()
                || (seconds.is_instance_of::<PyInt>() && !seconds.is_instance_of::<PyBool>());
            if let Some(seconds) = Some(seconds).filter(|_| number) {
                let seconds: f64 = seconds.extract().unwrap_or(f64::INFINITY);
                if seconds >= 0.0 {
                    let worth = words.approvals.iter().find(|(under, _)| seconds < *under);
                    found[number::HASTE] = worth.map(|(_, worth)| *worth);
                }
            }
        }
        Ok(())
    }
}

/// Two hours of the week, counted from Thursday: all days of a kind are one.
fn time_of_day(time_us: i64) -> String {
    let slot = time_us.div_euclid(HOUR_US).div_euclid(2).rem_euclid(7 * 12);
    let (days, block) = (slot / 12, slot % 12);
    let kind = if (days + 3) % 7 >= 5 { "weekend" } else { "workday" };
    format!("{kind} {:02}-{:02}", block * 2, block * 2 + 2)
}
