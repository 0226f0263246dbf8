//! Reads the fields out of an event; `models.features.fields.read_fields`.

use crate::features::containers::cut;
use crate::features::fields::{kind, number, record, single, Fields, Record};
use crate::features::network::host_of;
use crate::features::plan::Plan;
use crate::json::action::{Action, Credential, Kind, Mode, Operation, Sensitivity};
use crate::json::values::Scalar;
use crate::units::{HOUR_US, SECOND_US};
use pyo3::prelude::*;

/// Functions of Python that read texts by regular expressions.
pub struct Readers {
    pub identifiers: Py<PyAny>,
    pub programs: Py<PyAny>,
}

/// What an event says beside its fields.
#[derive(Default)]
pub struct Facts {
    pub id: String,
    pub agent_id: String,
    pub action: bool,
    pub mode: &'static str,
    pub version: Option<String>,
    pub trace_id: Option<String>,
    pub delegated_by: Option<String>,
    pub credential: Option<String>,
    pub expires_us: Option<i64>,
}

/// Class, network and country of a source address; `models.event.Origin`.
#[derive(FromPyObject)]
pub struct Origin {
    pub egress: String,
    pub asn: Option<i128>,
    pub country: Option<String>,
}

/// A positive number, None for anything else.
fn positive(value: f64) -> Option<f64> {
    Some(value).filter(|&value| value > 0.0 && value < f64::INFINITY)
}

fn owned(text: &Option<impl std::ops::Deref<Target = str>>) -> Option<String> {
    text.as_deref().map(str::to_owned)
}

/// Reads one event.
pub struct Reading<'a, 'py> {
    pub py: Python<'py>,
    pub plan: &'a Plan,
    pub readers: &'a Readers,
}

impl Reading<'_, '_> {
    /// The fields of an event, and what else it says.
    pub fn event(
        &self,
        told: &Action<'_>,
        operation: Operation,
        origin: &Origin,
        previous_tool: &str,
    ) -> PyResult<(Fields, Facts)> {
        let mut fields = Fields::default();
        let mut facts = Facts {
            id: told.id.to_string(),
            agent_id: told.agent.id.to_string(),
            version: owned(&told.agent.version),
            trace_id: owned(&told.trace_id),
            action: told.kind == Kind::Action,
            mode: told.mode.name(),
            ..Facts::default()
        };
        let put = &mut fields.single;
        put[single::PREVIOUS_TOOL] = Some(previous_tool.to_owned());
        put[single::OPERATION] = Some(operation.name().to_owned());
        put[single::HOUR] = Some(time_of_day(told.time_us));
        if told.mode != Mode::Unknown {
            put[single::MODE] = Some(facts.mode.to_owned());
        }
        put[single::OUTCOME] = told.outcome.map(|outcome| outcome.name().to_owned());
        put[single::PERSON] = told.human.as_ref().map(|human| human.id.to_string());
        if let Some(Scalar::Text(digest)) = told.attribute("tool_digest") {
            let digest = cut(digest, self.plan.constants.max_value);
            put[single::DEFINITION] = Some(digest.to_owned());
        }
        if matches!(told.attribute("peer_verified"), Some(Scalar::Truth(false))) {
            put[single::UNVERIFIED] = Some("true".to_owned());
        }
        self.resource(told, &mut fields);
        fields.single[single::TOOL] = Some(told.tool.to_string());
        self.network(told, origin, &mut fields)?;
        self.delegation(told, &mut fields, &mut facts);
        if let Some(credential) = &told.credential {
            facts.credential = Some(credential.id.to_string());
            facts.expires_us = credential.expires_us;
            self.credential(credential, told.time_us, &mut fields);
        }
        self.arguments(told, &mut fields)?;
        self.numbers(told, &mut fields);
        Ok((fields, facts))
    }

    fn resource(&self, told: &Action<'_>, fields: &mut Fields) {
        let put = &mut fields.single;
        let Some(resource) = &told.resource else {
            put[single::TARGET] = Some(told.tool.to_string());
            return;
        };
        let identifier = cut(&resource.id, self.plan.constants.max_value);
        let target = format!("{}/{identifier}", &*told.tool);
        let own = format!("/{}/", &*told.agent.id);
        let has_own = target.contains(&own);
        put[single::TARGET] = Some(if has_own { target.replace(&own, "/agent/") } else { target });
        put[single::RESOURCE] = Some(identifier.to_owned());
        let sensitivity = resource.sensitivity.map(Sensitivity::name);
        if let Some(domain) = resource.domain.as_deref() {
            put[single::DATA_CLASS] = Some(format!("{domain} {}", sensitivity.unwrap_or_default()));
            put[single::DOMAIN] = Some(domain.to_owned());
        }
        put[single::SENSITIVITY] = sensitivity.map(str::to_owned);
        put[single::RESOURCE_TYPE] = owned(&resource.kind);
    }

    fn network(&self, told: &Action<'_>, origin: &Origin, fields: &mut Fields) -> PyResult<()> {
        let put = &mut fields.single;
        if !self.plan.words.own_networks.contains(&origin.egress) {
            put[single::ASN] = origin.asn.map(|asn| asn.to_string());
            put[single::COUNTRY] = origin.country.clone();
        }
        if origin.egress != "unknown" {
            put[single::EGRESS] = Some(origin.egress.clone());
        }
        let network = told.network.as_ref();
        if let Some(destination) = network.and_then(|network| network.destination.as_deref()) {
            put[single::DESTINATION] = Some(host_of(self.py, destination)?);
        }
        Ok(())
    }

    fn delegation(&self, told: &Action<'_>, fields: &mut Fields, facts: &mut Facts) {
        let all = told.delegation.as_deref().unwrap_or_default();
        let Some(first) = all.first() else { return };
        let depth = all.len().min(self.plan.constants.max_depth);
        fields.single[single::DEPTH] = Some(depth.to_string());
        facts.delegated_by = Some(first.to_string());
        let person = fields.single(single::PERSON);
        let others = all.iter().map(|one| &**one).filter(|one| Some(*one) != person);
        let records = others.map(|one| Record::of([(record::DELEGATE, one.to_owned())])).collect();
        fields.records[kind::DELEGATE] = Some(records);
    }

    fn credential(&self, credential: &Credential<'_>, time_us: i64, fields: &mut Fields) {
        fields.single[single::LIFETIME] = Some(lifetime_of(credential, time_us));
        let purpose = credential.purpose.as_deref().filter(|purpose| !purpose.is_empty());
        let purpose = purpose.map(|purpose| cut(purpose, self.plan.constants.max_value));
        fields.single[single::CREDENTIAL_PURPOSE] = purpose.map(str::to_owned);
        let scopes = credential.scopes.as_deref().unwrap_or_default().iter();
        if scopes.len() > 0 {
            let all = scopes.map(|scope| Record::of([(record::SCOPE, scope.to_string())]));
            fields.records[kind::SCOPE] = Some(all.collect());
        }
    }

    fn numbers(&self, told: &Action<'_>, fields: &mut Fields) {
        let found = &mut fields.numbers;
        if let Some(volume) = &told.volume {
            let amount = |one: Option<i64>| one.and_then(|amount| positive(amount as f64));
            found[number::BYTES_OUT] = amount(volume.bytes_out);
            found[number::BYTES_IN] = amount(volume.bytes_in);
            found[number::RECORDS] = amount(volume.records);
        }
        found[number::DURATION] = told.duration_ms.and_then(|duration| positive(duration.0));
        if told.attributes.is_none() {
            return;
        }
        let number = |value: &Scalar<'_>| match value {
            Scalar::Number(number) => Some(*number),
            _ => None,
        };
        let words = &self.plan.words;
        for (place, keys) in [(number::TOKENS, &words.tokens), (number::PRICE, &words.prices)] {
            let first = keys.iter().find_map(|key| told.attribute(key));
            found[place] = first.and_then(number).and_then(positive);
        }
        let seconds = told.attribute("approval_seconds").and_then(number);
        if let Some(seconds) = seconds.filter(|&seconds| seconds >= 0.0) {
            let worth = words.approvals.iter().find(|(under, _)| seconds < *under);
            found[number::HASTE] = worth.map(|(_, worth)| *worth);
        }
    }
}

/// How long a credential lives, in powers of four; `models.features.credentials`.
fn lifetime_of(credential: &Credential<'_>, time_us: i64) -> String {
    let Some(ends) = credential.expires_us else {
        let endless = credential.issued_us.is_some();
        return if endless { "without an end" } else { "not stated" }.to_owned();
    };
    let lasts_us = ends - credential.issued_us.unwrap_or(time_us);
    let seconds = (lasts_us as f64 / SECOND_US as f64).max(0.0) as u64;
    let bits = u64::BITS - seconds.leading_zeros();
    let under = 4u64.pow(bits / 2 + 1);
    if under < 2 * 3_600 {
        format!("under {} minutes", under / 60)
    } else {
        format!("under {} hours", under / 3_600)
    }
}

/// Two hours of the week, counted from Thursday: all days of a kind are one.
fn time_of_day(time_us: i64) -> String {
    let slot = time_us.div_euclid(HOUR_US).div_euclid(2).rem_euclid(7 * 12);
    let (days, block) = (slot / 12, slot % 12);
    let kind = if (days + 3) % 7 >= 5 { "weekend" } else { "workday" };
    format!("{kind} {:02}-{:02}", block * 2, block * 2 + 2)
}
