//! One record of the native format, read strictly. `pipeline.formats.native` reads all irregular
//! records, and reports their errors.

use crate::json::kinds::{maybe_name, maybe_object, name, object};
use crate::json::timestamps::{instant, maybe_instant};
use crate::json::values::{
    origins, short, Arguments, Attributes, NotNegative, Scalar, Short, Text,
};
use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::de::IntoDeserializer;
use serde::Deserialize;

const KEPT_BYTES: usize = 8 << 10;
const WORD: usize = 256;
const PATH: usize = 2_048;
const PURPOSE: usize = 2_000;
/// Attributes that name the team; `models.baseline.identity`.
const TEAM: [&str; 2] = ["agent.team", "team"];

/// On whose behalf an agent acts.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    Delegated,
    Autonomous,
    #[default]
    Unknown,
}

impl Mode {
    pub fn name(self) -> &'static str {
        ["delegated", "autonomous", "unknown"][self as usize]
    }
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    Read,
    Write,
    Delete,
    Execute,
    Send,
    Pay,
    Admin,
    #[default]
    Unknown,
}

impl Operation {
    pub fn name(self) -> &'static str {
        ["read", "write", "delete", "execute", "send", "pay", "admin", "unknown"][self as usize]
    }

    /// The operation of a name.
    pub fn named(name: &str) -> Option<Self> {
        let from: StrDeserializer<'_, ValueError> = name.into_deserializer();
        Self::deserialize(from).ok()
    }
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Ok,
    Denied,
    Error,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        ["ok", "denied", "error"][self as usize]
    }
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Sensitivity {
    Public,
    Internal,
    Confidential,
    Restricted,
}

impl Sensitivity {
    pub fn name(self) -> &'static str {
        ["public", "internal", "confidential", "restricted"][self as usize]
    }

    /// Whether anyone in the company may read it.
    pub fn open(self) -> bool {
        matches!(self, Self::Public | Self::Internal)
    }
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Hash)]
#[serde(rename_all = "lowercase")]
pub enum Egress {
    Direct,
    Corporate,
    Vpn,
    Proxy,
    Tor,
    Hosting,
    Internal,
    Unknown,
}

impl Egress {
    pub fn name(self) -> &'static str {
        ["direct", "corporate", "vpn", "proxy", "tor", "hosting", "internal", "unknown"]
            [self as usize]
    }

    /// The class of a name.
    pub fn named(name: &str) -> Option<Self> {
        let from: StrDeserializer<'_, ValueError> = name.into_deserializer();
        Self::deserialize(from).ok()
    }
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
pub enum Kind {
    #[default]
    #[serde(rename = "action")]
    Action,
    #[serde(rename = "deployment")]
    Deployment,
    #[serde(rename = "owner_change")]
    OwnerChange,
    #[serde(rename = "security_event")]
    SecurityEvent,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "'de: 'a"))]
pub struct Agent<'a> {
    pub id: Text<'a>,
    #[serde(rename = "instance")]
    _instance: Option<Short<WORD>>,
    pub role: Option<Text<'a>>,
    #[serde(rename = "model")]
    _model: Option<Short<WORD>>,
    pub version: Option<Text<'a>>,
    pub owner: Option<Text<'a>>,
}

impl<'a> Agent<'a> {
    /// An agent without claims.
    pub fn new(id: Text<'a>, version: Option<Text<'a>>) -> Self {
        Agent { id, version, role: None, owner: None, _instance: None, _model: None }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "'de: 'a"))]
pub struct Human<'a> {
    pub id: Text<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "'de: 'a"))]
pub struct Resource<'a> {
    pub id: Text<'a>,
    #[serde(rename = "type")]
    pub kind: Option<Text<'a>>,
    pub domain: Option<Text<'a>>,
    #[serde(default, deserialize_with = "maybe_name")]
    pub sensitivity: Option<Sensitivity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "'de: 'a"))]
pub struct Network<'a> {
    pub source_ip: Option<Text<'a>>,
    pub destination: Option<Text<'a>>,
    #[serde(default, deserialize_with = "maybe_name")]
    pub egress: Option<Egress>,
    pub asn: Option<i64>,
    pub country: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    pub bytes_in: Option<i64>,
    pub bytes_out: Option<i64>,
    pub records: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "'de: 'a"))]
pub struct Credential<'a> {
    pub id: Text<'a>,
    #[serde(rename = "issued_at", default, deserialize_with = "maybe_instant")]
    pub issued_us: Option<i64>,
    #[serde(rename = "expires_at", default, deserialize_with = "maybe_instant")]
    pub expires_us: Option<i64>,
    pub scopes: Option<Vec<Text<'a>>>,
    pub purpose: Option<Text<'a>>,
}

/// Origins of each identifier in each argument.
pub type Origins<'a> = Vec<(Text<'a>, Vec<(Text<'a>, Vec<Text<'a>>)>)>;

/// One action of one agent; `models.event.Event`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "'de: 'a"))]
pub struct Action<'a> {
    pub id: Text<'a>,
    #[serde(rename = "time", deserialize_with = "instant")]
    pub time_us: i64,
    #[serde(deserialize_with = "object")]
    pub agent: Agent<'a>,
    pub tool: Text<'a>,
    #[serde(default, deserialize_with = "maybe_object")]
    pub human: Option<Human<'a>>,
    #[serde(default, deserialize_with = "name")]
    pub mode: Mode,
    pub delegation: Option<Vec<Text<'a>>>,
    pub session: Option<Text<'a>>,
    pub task: Option<Text<'a>>,
    pub trace_id: Option<Text<'a>>,
    pub purpose: Option<Text<'a>>,
    #[serde(default, deserialize_with = "name")]
    pub operation: Operation,
    #[serde(borrow)]
    pub arguments: Option<Arguments<'a>>,
    #[serde(default, deserialize_with = "origins")]
    pub argument_origins: Option<Origins<'a>>,
    #[serde(default, deserialize_with = "maybe_object")]
    pub resource: Option<Resource<'a>>,
    #[serde(default, deserialize_with = "maybe_object")]
    pub network: Option<Network<'a>>,
    #[serde(default, deserialize_with = "maybe_object")]
    pub volume: Option<Volume>,
    #[serde(default, deserialize_with = "maybe_name")]
    pub outcome: Option<Outcome>,
    pub duration_ms: Option<NotNegative>,
    #[serde(default, deserialize_with = "maybe_object")]
    pub credential: Option<Credential<'a>>,
    #[serde(default, deserialize_with = "name")]
    pub kind: Kind,
    #[serde(borrow)]
    pub attributes: Option<Attributes<'a>>,
}

impl<'a> Action<'a> {
    /// Read a record. None leaves it to the reference.
    pub fn read(raw: &'a [u8]) -> Option<Action<'a>> {
        let nul = |at: usize| raw[at + 1..].starts_with(b"u0000");
        if raw.len() > KEPT_BYTES || memchr::memchr_iter(b'\\', raw).any(nul) {
            return None;
        }
        // One check of the whole record is faster than one per string.
        let mut from = serde_json::Deserializer::from_str(std::str::from_utf8(raw).ok()?);
        let action: Action<'a> = object(&mut from).ok()?;
        from.end().ok()?;
        action.fits().then_some(action)
    }

    /// An attribute, where the event has it.
    pub fn attribute(&self, name: &str) -> Option<&Scalar<'a>> {
        let all = self.attributes.as_ref()?;
        all.0.iter().find(|(key, _)| **key == *name).map(|(_, value)| value)
    }

    /// The teams that its attributes name.
    pub fn teams(&self) -> impl Iterator<Item = &str> {
        TEAM.iter().filter_map(|name| match self.attribute(name) {
            Some(Scalar::Text(team)) if !team.is_empty() => Some(&**team),
            _ => None,
        })
    }

    /// Name under which the event belongs to a session.
    pub fn session_name(&self) -> &str {
        let named = [&self.session, &self.trace_id, &self.task];
        named.into_iter().flatten().find(|name| !name.is_empty()).map_or("", |name| name)
    }

    fn fits(&self) -> bool {
        let agent = &self.agent;
        let words =
            [&agent.role, &agent.version, &agent.owner, &self.session, &self.task, &self.trace_id];
        let ids = [&agent.id, &self.tool].into_iter().chain(self.human.as_ref().map(|one| &one.id));
        let ids = ids.chain(self.credential.as_ref().map(|one| &one.id));
        let ids = ids.chain(self.delegation.iter().flatten());
        short(&self.id, 128)
            && !self.id.is_empty()
            && ids.into_iter().all(|id| !id.is_empty() && short(id, WORD))
            && words.into_iter().flatten().all(|word| short(word, WORD))
            && self.delegation.as_ref().is_none_or(|chain| chain.len() <= 16)
            && self.purpose.as_ref().is_none_or(|purpose| short(purpose, PURPOSE))
            && self.parts_fit()
    }

    fn parts_fit(&self) -> bool {
        let resource = self.resource.as_ref().is_none_or(|one| {
            short(&one.id, PATH)
                && [&one.kind, &one.domain].into_iter().flatten().all(|w| short(w, WORD))
        });
        let network = self.network.as_ref().is_none_or(|one| {
            one.source_ip.as_ref().is_none_or(|address| short(address, WORD))
                && one.destination.as_ref().is_none_or(|place| short(place, PATH))
                && one.country.as_ref().is_none_or(|country| short(country, 2))
                && one.asn.is_none_or(|asn| asn >= 0)
        });
        let volume = self.volume.as_ref().is_none_or(|one| {
            [one.bytes_in, one.bytes_out, one.records].into_iter().flatten().all(|n| n >= 0)
        });
        let credential = self.credential.as_ref().is_none_or(|one| {
            one.scopes.iter().flatten().all(|scope| short(scope, WORD))
                && one.purpose.as_ref().is_none_or(|purpose| short(purpose, PURPOSE))
        });
        resource && network && volume && credential
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(more: &str) -> String {
        let text = format!(
            r#"{{"id":"1","time":"2026-01-05T08:00:00Z","agent":{{"id":"a"}},"tool":"t"{more}}}"#
        );
        text
    }

    #[test]
    fn what_is_plain_is_read() {
        let text = with(r#","attributes":{"tokens":7,"team":"x"},"volume":{"records":3}"#);
        let action = Action::read(text.as_bytes()).unwrap();
        assert!(
            matches!(action.attribute("tokens"), Some(Scalar::Number(tokens)) if *tokens == 7.0)
        );
        assert_eq!(action.teams().collect::<Vec<_>>(), ["x"]);
        assert_eq!((action.time_us, action.session_name()), (1_767_600_000_000_000, ""));
    }

    #[test]
    fn texts_of_arguments_are_read() {
        let text = with(r#","arguments":{"to":"a\"b","n":[1,{"x":"y"}]}"#);
        let arguments = Action::read(text.as_bytes()).unwrap().arguments.unwrap();
        assert_eq!(arguments.raw, r#"{"to":"a\"b","n":[1,{"x":"y"}]}"#);
        assert_eq!(arguments.texts.len(), 1);
        assert_eq!((&*arguments.texts[0].0, &*arguments.texts[0].1), ("to", "a\"b"));
    }

    #[test]
    fn what_is_only_checked_is_checked() {
        let of =
            |length| format!(r#","credential":{{"id":"c","purpose":"{}"}}"#, "é".repeat(length));
        assert!(Action::read(with(&of(PURPOSE)).as_bytes()).is_some());
        assert!(Action::read(with(&of(PURPOSE + 1)).as_bytes()).is_none());
        let text = with(r#","duration_ms":0,"credential":{"id":"c","issued_at":null}"#);
        let action = Action::read(text.as_bytes()).unwrap();
        assert!(action.credential.is_some_and(|one| one.issued_us.is_none()));
    }

    #[test]
    fn what_is_unusual_is_left_alone() {
        for more in [
            r#","team":"x""#,
            r#","mode":null"#,
            r#","volume":{"records":-1}"#,
            r#","volume":{"records":1.0}"#,
            r#","duration_ms":-0.5"#,
            r#","duration_ms":"1""#,
            r#","credential":{"id":"c","issued_at":"2026-01-05"}"#,
            r#","credential":{"id":"c","expires_at":7}"#,
            r#","tool":"u""#,
            r#","arguments":{"x":1e400}"#,
            r#","arguments":[]"#,
            r#","session":"\u0000""#,
            r#","argument_origins":{"a":[],"a":[]}"#,
        ] {
            assert!(Action::read(with(more).as_bytes()).is_none(), "{more}");
        }
    }
}
