//! Reads the fields out of an event; `models.features.fields.read_fields`.

use crate::features::containers::cut;
use crate::features::fields::{kind, number, record, single, Fields, Record, Str};
use crate::features::network::host_of;
use crate::features::plan::Plan;
use crate::json::action::{Action, Credential, Kind, Mode, Operation, Sensitivity};
use crate::json::values::{Scalar, Text};
use crate::units::{HOUR_US, SECOND_US};
use pyo3::prelude::*;

/// Functions of Python that read texts by regular expressions.
pub struct Readers {
    pub identifiers: Py<PyAny>,
    pub programs: Py<PyAny>,
}

/// What an event says beside its fields.
#[derive(Default)]
pub struct Facts<'t> {
    pub id: Str<'t>,
    pub agent_id: Str<'t>,
    pub action: bool,
    pub mode: &'static str,
    pub version: Option<Str<'t>>,
    pub trace_id: Option<Str<'t>>,
    pub delegated_by: Option<Str<'t>>,
    pub credential: Option<Str<'t>>,
    pub expires_us: Option<i64>,
}

impl Facts<'_> {
    pub fn into_owned(self) -> Facts<'static> {
        let owned = |text: Str<'_>| -> Str<'static> { text.into_owned().into() };
        Facts {
            id: owned(self.id),
            agent_id: owned(self.agent_id),
            version: self.version.map(owned),
            trace_id: self.trace_id.map(owned),
            delegated_by: self.delegated_by.map(owned),
            credential: self.credential.map(owned),
            action: self.action,
            mode: self.mode,
            expires_us: self.expires_us,
        }
    }
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

fn text<'t>(text: &'t Option<Text<'_>>) -> Option<Str<'t>> {
    text.as_deref().map(Str::from)
}

/// Reads one event.
pub struct Reading<'a, 'py> {
    pub py: Python<'py>,
    pub plan: &'a Plan,
    pub readers: &'a Readers,
}

impl Reading<'_, '_> {
    /// The fields of an event, and what else it says.
    pub fn event<'t>(
        &self,
        told: &'t Action<'_>,
        operation: Operation,
        origin: &'t Origin,
        previous_tool: &str,
    ) -> PyResult<(Fields<'t>, Facts<'t>)> {
        let mut fields = Fields::default();
        let mut facts = Facts {
            id: Str::from(&*told.id),
            agent_id: Str::from(&*told.agent.id),
            version: text(&told.agent.version),
            trace_id: text(&told.trace_id),
            action: told.kind == Kind::Action,
            mode: told.mode.name(),
            ..Facts::default()
        };
        let put = &mut fields.single;
        put[single::PREVIOUS_TOOL] = Some(previous_tool.to_owned().into());
        put[single::OPERATION] = Some(operation.name().into());
        put[single::HOUR] = Some(time_of_day(told.time_us).into());
        if told.mode != Mode::Unknown {
            put[single::MODE] = Some(facts.mode.into());
        }
        put[single::OUTCOME] = told.outcome.map(|outcome| outcome.name().into());
        put[single::PERSON] = told.human.as_ref().map(|human| Str::from(&*human.id));
        if let Some(Scalar::Text(digest)) = told.attribute("tool_digest") {
            put[single::DEFINITION] = Some(cut(digest, self.plan.constants.max_value).into());
        }
        if matches!(told.attribute("peer_verified"), Some(Scalar::Truth(false))) {
            put[single::UNVERIFIED] = Some(Str::from(&*told.tool));
        }
        for (name, place) in &self.plan.reported {
            match told.attribute(name) {
                Some(Scalar::Text(found)) if !found.is_empty() => {
                    put[*place] = Some(cut(found, self.plan.constants.max_value).into());
                }
                _ => {}
            }
        }
        if told.kind == Kind::SecurityEvent {
            self.security_event(told, &mut fields);
        }
        self.resource(told, &mut fields);
        fields.single[single::TOOL] = Some(Str::from(&*told.tool));
        self.network(told, origin, &mut fields)?;
        self.delegation(told, &mut fields, &mut facts);
        if let Some(credential) = &told.credential {
            facts.credential = Some(Str::from(&*credential.id));
            facts.expires_us = credential.expires_us;
            self.credential(credential, told.time_us, &mut fields);
        }
        self.arguments(told, &mut fields)?;
        self.numbers(told, &mut fields);
        Ok((fields, facts))
    }

    /// What somebody else reports about the identity of the agent.
    fn security_event<'t>(&self, told: &'t Action<'_>, fields: &mut Fields<'t>) {
        let Some(Scalar::Text(said)) = told.attribute("security_event") else { return };
        let place = match told.attribute("effect") {
            Some(Scalar::Text(effect)) if &**effect == "revoked" => single::REVOKED,
            Some(Scalar::Text(effect)) if &**effect == "changed" => single::IDENTITY_CHANGE,
            _ => return,
        };
        fields.single[place] = Some(cut(said, self.plan.constants.max_value).into());
    }

    fn resource<'t>(&self, told: &'t Action<'_>, fields: &mut Fields<'t>) {
        let put = &mut fields.single;
        let Some(resource) = &told.resource else {
            put[single::TARGET] = Some(Str::from(&*told.tool));
            return;
        };
        let identifier = cut(&resource.id, self.plan.constants.max_value);
        let mut target = format!("{}/{identifier}", &*told.tool);
        if target.contains(&*told.agent.id) {
            target = target.replace(&format!("/{}/", &*told.agent.id), "/agent/");
        }
        put[single::TARGET] = Some(target.into());
        put[single::RESOURCE] = Some(identifier.into());
        let sensitivity = resource.sensitivity.map(Sensitivity::name);
        if let Some(domain) = resource.domain.as_deref() {
            let class = format!("{domain} {}", sensitivity.unwrap_or_default());
            put[single::DATA_CLASS] = Some(class.trim_end().to_owned().into());
            put[single::DOMAIN] = Some(domain.into());
        }
        put[single::SENSITIVITY] = sensitivity.map(Str::from);
        put[single::RESOURCE_TYPE] = text(&resource.kind);
    }

    fn network<'t>(
        &self,
        told: &'t Action<'_>,
        origin: &'t Origin,
        fields: &mut Fields<'t>,
    ) -> PyResult<()> {
        let put = &mut fields.single;
        if !self.plan.words.own_networks.contains(&origin.egress) {
            put[single::ASN] = origin.asn.map(|asn| asn.to_string().into());
            put[single::COUNTRY] = origin.country.as_deref().map(Str::from);
        }
        if origin.egress != "unknown" {
            put[single::EGRESS] = Some(Str::from(&*origin.egress));
        }
        let network = told.network.as_ref();
        if let Some(destination) = network.and_then(|network| network.destination.as_deref()) {
            put[single::DESTINATION] = Some(host_of(self.py, destination)?.into());
        }
        Ok(())
    }

    fn delegation<'t>(&self, told: &'t Action<'_>, fields: &mut Fields<'t>, facts: &mut Facts<'t>) {
        let all = told.delegation.as_deref().unwrap_or_default();
        let Some(first) = all.first() else { return };
        let depth = all.len().min(self.plan.constants.max_depth);
        fields.single[single::DEPTH] = Some(depth.to_string().into());
        facts.delegated_by = Some(Str::from(&**first));
        let person = fields.single(single::PERSON);
        let others = all.iter().map(|one| &**one).filter(|one| Some(*one) != person);
        let records = others.map(|one| Record::of([(record::DELEGATE, one.into())])).collect();
        fields.records[kind::DELEGATE] = Some(records);
    }

    fn credential<'t>(
        &self,
        credential: &'t Credential<'_>,
        time_us: i64,
        fields: &mut Fields<'t>,
    ) {
        fields.single[single::LIFETIME] = Some(lifetime_of(credential, time_us).into());
        let purpose = credential.purpose.as_deref().filter(|purpose| !purpose.is_empty());
        let purpose = purpose.map(|purpose| cut(purpose, self.plan.constants.max_value));
        fields.single[single::CREDENTIAL_PURPOSE] = purpose.map(Str::from);
        let scopes = credential.scopes.as_deref().unwrap_or_default().iter();
        if scopes.len() > 0 {
            let all = scopes.map(|scope| Record::of([(record::SCOPE, Str::from(&**scope))]));
            fields.records[kind::SCOPE] = Some(all.collect());
        }
    }

    fn numbers(&self, told: &Action<'_>, fields: &mut Fields<'_>) {
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
    if under < 60 {
        format!("under {under} seconds")
    } else if under < 2 * 3_600 {
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
