//! The categories of an action as texts; `models.features.extraction.extract`.

use crate::codec::hashing::Hasher;
use crate::features::categories::{
    day_name, host_of, hour_name, lifetime, push_number, resource_class,
};
use crate::features::feature_slots::FeatureSlots;
use crate::features::TEXTS;
use crate::json::action::{Action, Egress, Mode};
use crate::json::values::Text;
use crate::prefetch::prefetch;
use crate::units::HOUR_US;

const OPEN: &str = "public or internal";

/// The class of a source address, from enrichment.
pub struct Origin {
    pub egress: Egress,
    /// Its autonomous system, as a text.
    pub asn: Option<String>,
    pub country: Option<String>,
    /// `models.features.credential_location.location_of` its address; None without one, or for one
    /// that is not plain IPv4.
    pub location: Option<String>,
}

impl Origin {
    /// Whether it is one of the operator's own networks.
    pub fn own(&self) -> bool {
        matches!(self.egress, Egress::Corporate | Egress::Internal)
    }
}

/// Indices of the features that are filled here.
pub struct Names {
    tool: usize,
    sequence: usize,
    resource: usize,
    area: usize,
    sensitivity: usize,
    pub egress: usize,
    asn: usize,
    country: usize,
    destination: usize,
    hour: usize,
    day: usize,
    outcome: usize,
    human: usize,
    delegation: usize,
    pub scope: usize,
    pub credential: usize,
    previous_tool: usize,
    previous_two: usize,
}

impl Names {
    pub fn of(slots: &FeatureSlots, py: pyo3::Python<'_>) -> pyo3::PyResult<Self> {
        let at = |name: &str| slots.index_of(py, name);
        Ok(Names {
            tool: at("tool")?,
            sequence: at("sequence")?,
            resource: at("resource")?,
            area: at("area")?,
            sensitivity: at("sensitivity")?,
            egress: at("egress")?,
            asn: at("asn")?,
            country: at("country")?,
            destination: at("destination")?,
            hour: at("hour")?,
            day: at("day")?,
            outcome: at("outcome")?,
            human: at("human")?,
            delegation: at("delegation")?,
            scope: at("scope")?,
            credential: at("credential")?,
            previous_tool: at("previous_tool")?,
            previous_two: at("previous_two")?,
        })
    }
}

/// Texts by index of the feature or context, in one buffer.
#[derive(Default)]
pub struct Texts {
    buffer: String,
    spans: [Option<(u32, u32)>; TEXTS],
    pub hashes: [Option<u64>; TEXTS],
}

impl Texts {
    /// Hash all texts. `before` are those of an earlier action: most are the same.
    pub fn hash(&mut self, names: &Names, hasher: &Hasher, before: &Texts) {
        for at in 0..TEXTS {
            let Some(text) = self.get(at) else { continue };
            // The previous tool is mostly that of the previous action.
            let others = [at, if at == names.previous_tool { names.tool } else { at }];
            let same = others.into_iter().find(|&other| before.get(other) == Some(text));
            self.hashes[at] = match same {
                Some(other) => before.hashes[other],
                None if at == names.sequence => self.hashes[names.tool],
                None => Some(hasher.of(text)),
            };
        }
    }

    /// Replace a text and its hash.
    pub fn replace(&mut self, at: usize, text: &str, hash: u64) {
        self.put(at, text);
        self.hashes[at] = Some(hash);
    }

    /// Prefetch all texts.
    pub fn prefetch(&self) {
        prefetch(self.buffer.as_str());
    }

    pub fn get(&self, at: usize) -> Option<&str> {
        self.spans[at].map(|(from, to)| &self.buffer[from as usize..to as usize])
    }

    fn put(&mut self, at: usize, text: &str) {
        self.with(at, |out| out.push_str(text));
    }

    fn with(&mut self, at: usize, write: impl FnOnce(&mut String)) {
        let from = self.buffer.len();
        write(&mut self.buffer);
        self.spans[at] = Some((from as u32, self.buffer.len() as u32));
    }

    /// Fill with the categories of an action. None leaves it to the reference.
    ///
    /// `previous` is the session's tool before this one, `before` the one before that.
    pub fn fill(
        &mut self,
        names: &Names,
        action: &Action<'_>,
        origin: &Origin,
        previous: &str,
        before: &str,
    ) -> Option<()> {
        self.buffer.clear();
        (self.spans, self.hashes) = ([None; TEXTS], [None; TEXTS]);
        self.put(names.tool, &action.tool);
        self.put(names.previous_tool, previous);
        if !before.is_empty() {
            self.with(names.previous_two, |out| {
                [before, " > ", previous].into_iter().for_each(|part| out.push_str(part));
            });
            self.put(names.sequence, &action.tool);
        }
        self.put_resource(names, action)?;
        self.origin(names, origin);
        if let Some(destination) = action.network.as_ref().and_then(|one| one.destination.as_ref())
        {
            let mut known = Some(());
            self.with(names.destination, |out| known = host_of(destination, out));
            known?;
        }
        self.identity(names, action)?;
        let hours = action.time_us.div_euclid(HOUR_US).rem_euclid(168);
        self.put(names.hour, hour_name(hours));
        self.put(names.day, day_name(hours));
        if let Some(outcome) = action.outcome {
            self.put(names.outcome, outcome.name());
        }
        Some(())
    }

    fn put_resource(&mut self, names: &Names, action: &Action<'_>) -> Option<()> {
        let Some(resource) = &action.resource else { return Some(()) };
        let from = self.buffer.len();
        if let Some(kind) = resource.kind.as_deref().filter(|kind| !kind.is_empty()) {
            self.buffer.push_str(kind);
            self.buffer.push(':');
        }
        let class = self.buffer.len();
        resource_class(&resource.id, &mut self.buffer)?;
        self.spans[names.resource] = Some((from as u32, self.buffer.len() as u32));
        let area = self.buffer[class..].split('/').next().map_or(0, str::len);
        if let Some(sensitivity) = resource.sensitivity {
            self.put(names.sensitivity, if sensitivity.open() { OPEN } else { sensitivity.name() });
        }
        let domain = resource.domain.as_deref().filter(|domain| !domain.is_empty());
        let guarded = resource.sensitivity.filter(|found| !found.open());
        if domain.is_none() && guarded.is_none() {
            self.spans[names.area] = Some((class as u32, (class + area) as u32));
            return Some(());
        }
        let own = domain.is_none().then(|| self.buffer[class..class + area].to_owned());
        self.with(names.area, |out| {
            out.push_str(own.as_deref().or(domain).unwrap_or_default());
            if let Some(sensitivity) = guarded {
                out.push(' ');
                out.push_str(sensitivity.name());
            }
        });
        Some(())
    }

    fn origin(&mut self, names: &Names, origin: &Origin) {
        if origin.egress == Egress::Unknown {
            return;
        }
        self.put(names.egress, origin.egress.name());
        if origin.own() {
            return;
        }
        if let Some(asn) = &origin.asn {
            self.put(names.asn, asn);
        }
        if let Some(country) = &origin.country {
            self.put(names.country, country);
        }
    }

    /// Human, delegation and credential features.
    fn identity(&mut self, names: &Names, action: &Action<'_>) -> Option<()> {
        let person = action.human.as_ref().map(|human| &*human.id);
        if let Some(person) = person {
            self.put(names.human, person);
        }
        let chain = action.delegation.as_deref().unwrap_or(&[]);
        if person.is_some() || !chain.is_empty() || action.mode == Mode::Delegated {
            let who = if person.is_some() { "direct" } else { "nobody" };
            let mut between = chain.iter().map(|one| &**one).filter(|one| Some(*one) != person);
            self.with(names.delegation, |out| {
                out.push_str(who);
                if let Some(first) = between.next() {
                    out.push_str(" through ");
                    push_number(1 + between.count() as u64, out);
                    out.push_str(": ");
                    out.push_str(first);
                }
            });
        }
        let Some(credential) = &action.credential else { return Some(()) };
        if let Some(scopes) = credential.scopes.as_ref().filter(|scopes| !scopes.is_empty()) {
            self.with(names.scope, |out| join_sorted(scopes, out));
        }
        let mut known = Some(());
        self.with(names.credential, |out| known = lifetime(credential, action.time_us, out));
        known
    }

    /// Hash of the tool.
    pub fn tool(&self, names: &Names) -> u64 {
        self.hashes[names.tool].unwrap_or_default()
    }

    /// Hash of the kind of resource.
    pub fn resource(&self, names: &Names) -> Option<u64> {
        self.hashes[names.resource]
    }
}

/// Sorted scopes, separated by spaces. They are mostly sorted already.
fn join_sorted(scopes: &[Text<'_>], out: &mut String) {
    let mut join = |scopes: &mut dyn Iterator<Item = &str>| {
        for (at, scope) in scopes.enumerate() {
            out.push_str(if at == 0 { "" } else { " " });
            out.push_str(scope);
        }
    };
    if scopes.is_sorted_by(|one, next| **one <= **next) {
        return join(&mut scopes.iter().map(|scope| &**scope));
    }
    let mut sorted: Vec<&str> = scopes.iter().map(|scope| &**scope).collect();
    sorted.sort_unstable();
    join(&mut sorted.into_iter());
}
