//! Novelty: new values of features in a session, in bits; `models.detectors.novelty`.

use crate::baseline::session::LOW32;
use crate::baseline::subject::Subject;
use crate::calibration::novelty_rates::{NoveltyRates, RatePath};
use crate::detectors::moment::Moment;
use crate::features::containers::cut;
use crate::features::fields::{record, Fields, Place, Record};
use crate::features::plan::{Feature, Plan};
use crate::float_sums::{exact_sum, larger};
use crate::peers::knowledge::{SharedKnowledge, NEW_TO_AGENT, NEW_TO_ROLE};
use std::sync::Arc;

/// A value that the agent does not know.
#[derive(Clone)]
pub struct NewValue {
    pub feature: usize,
    pub mark: u64,
    pub level: u8,
    /// Place of its record among those of the feature's kind.
    pub record: Option<usize>,
    pub counted: bool,
    pub bits: f64,
}

impl NewValue {
    /// The record of the value; None where its fields have one value each.
    pub fn record<'a, 't>(
        &self,
        feature: &Feature,
        fields: &'a Fields<'t>,
    ) -> Option<&'a Record<'t>> {
        Some(&fields.records(feature.each?)[self.record?])
    }
}

/// A session that has reached a level of novelty; it had none before where it had no value.
pub struct Reached {
    path: Arc<RatePath>,
    before: Option<u8>,
    level: u8,
}

/// What the values of one event are.
#[derive(Default)]
pub struct Novelty {
    pub new: Vec<NewValue>,
    pub known: Vec<u64>,
    pub reached: Vec<Reached>,
}

/// Scores the values of an event against what agent, role and fleet know.
pub struct NoveltyDetector<'a> {
    pub rates: &'a mut NoveltyRates,
    pub shared: &'a SharedKnowledge,
    pub text: String,
    /// The keys of the features without a context, for the agent's role.
    pub paths: Arc<[Arc<RatePath>]>,
}

/// The indices of the records of a feature, or one `None` where its fields have one value each.
fn records(feature: &Feature, fields: &Fields<'_>) -> impl Iterator<Item = Option<usize>> {
    let (each, number) = (feature.each, feature.each.map_or(1, |kind| fields.records(kind).len()));
    (0..number).map(move |at| each.map(|_| at))
}

/// Whether all fields of a feature are known, in one record.
fn complete(feature: &Feature, fields: &Fields<'_>, at: Option<usize>) -> bool {
    let one = record_of(feature, fields, at);
    feature.needs.iter().all(|&place| fields.field(place, one).is_some())
}

fn record_of<'a, 't>(
    feature: &Feature,
    fields: &'a Fields<'t>,
    at: Option<usize>,
) -> Option<&'a Record<'t>> {
    Some(&fields.records(feature.each?)[at?])
}

fn join(
    out: &mut String,
    between: &str,
    places: &[Place],
    fields: &Fields<'_>,
    one: Option<&Record<'_>>,
) {
    for (at, &place) in places.iter().enumerate() {
        if at > 0 {
            out.push_str(between);
        }
        out.push_str(fields.field(place, one).unwrap_or_default());
    }
}

/// The name of a value of a feature.
pub fn phrase(
    plan: &Plan,
    feature: &Feature,
    fields: &Fields<'_>,
    one: Option<&Record<'_>>,
) -> String {
    let mut text = String::new();
    for (at, &place) in feature.of.iter().enumerate() {
        if at > 0 {
            text.push_str(feature.joins.get(at - 1).map_or(" ", String::as_str));
        }
        text.push_str(fields.field(place, one).unwrap_or_default());
    }
    cut(&text, plan.constants.max_subject).to_owned()
}

impl NoveltyDetector<'_> {
    /// Raise the bits of the session by the values of an event.
    pub fn score(&mut self, at: &mut Moment<'_, '_, '_>) -> Novelty {
        let (plan, mut found) = (at.plan, Novelty::default());
        if at.session.seen.is_empty() {
            at.session.seen.reserve(plan.features.len());
        }
        let (mut lasting, mut families) = (Vec::new(), Vec::new());
        for (index, feature) in plan.features.iter().enumerate() {
            let after = feature.after.is_none_or(|after| self.knows(at, after));
            for place in records(feature, at.fields) {
                if !complete(feature, at.fields, place) {
                    continue;
                }
                let mark = self.mark(at, index, place);
                let path = if feature.within.is_empty() {
                    self.paths[index].clone()
                } else {
                    self.path(at, feature, record_of(feature, at.fields, place))
                };
                if at.session.seen.insert(path.own & LOW32, 1).is_none() {
                    let path = path.clone();
                    found.reached.push(Reached { path, before: None, level: 0 });
                }
                if at.profile.knows(mark) {
                    found.known.push(mark);
                } else if after && self.is_settled(at, feature, place) {
                    let new = self.judge(at, index, place, mark, &path, &mut found.reached);
                    found.new.push(new);
                    families.push(feature.family);
                } else {
                    found.new.push(unjudged(index, mark, place));
                    families.push(feature.family);
                }
                if feature.settled {
                    self.settle(at, index, place, &mut found);
                }
                if at.session.fresh.contains_key(&mark) {
                    lasting.push(feature.family);
                }
            }
        }
        for one in &found.new {
            self.carry(at, one);
        }
        families.extend(&lasting);
        families.sort_unstable_by_key(|&family| &plan.families[family].name);
        families.dedup();
        for family in families {
            add_up(at, family, &found.new, lasting.contains(&family));
        }
        found
    }

    fn knows(&mut self, at: &mut Moment<'_, '_, '_>, index: usize) -> bool {
        let feature = &at.plan.features[index];
        let mut all = records(feature, at.fields);
        all.all(|place| {
            !complete(feature, at.fields, place) || {
                let mark = self.mark(at, index, place);
                at.profile.knows(mark)
            }
        })
    }

    /// The mark of a value. Most values of an agent are those of its event before.
    fn mark(&mut self, at: &mut Moment<'_, '_, '_>, index: usize, place: Option<usize>) -> u64 {
        let feature = &at.plan.features[index];
        self.text.clear();
        self.text.push_str(&feature.name);
        self.text.push('\x1f');
        let record = record_of(feature, at.fields, place);
        join(&mut self.text, "\x1f", &feature.mark, at.fields, record);
        if feature.each.is_some() {
            return at.hasher.of(&self.text);
        }
        let latest = &mut at.profile.latest;
        if latest.is_empty() {
            latest.resize_with(at.plan.features.len(), Default::default);
        }
        let (text, mark) = &mut latest[index];
        if *text != self.text {
            *mark = at.hasher.of(&self.text);
            text.clear();
            text.push_str(&self.text);
        }
        *mark
    }

    /// The mark of the context of a value.
    fn context(&mut self, at: &Moment<'_, '_, '_>, feature: &Feature, place: Option<usize>) -> u64 {
        self.text.clear();
        for part in ["settled\x1f", &feature.name, "\x1f"] {
            self.text.push_str(part);
        }
        let record = record_of(feature, at.fields, place);
        join(&mut self.text, "\x1f", &feature.within, at.fields, record);
        at.hasher.of(&self.text)
    }

    fn is_settled(
        &mut self,
        at: &Moment<'_, '_, '_>,
        feature: &Feature,
        record: Option<usize>,
    ) -> bool {
        !feature.settled || at.profile.knows(self.context(at, feature, record))
    }

    /// Learn that a feature has a value in this context.
    fn settle(
        &mut self,
        at: &Moment<'_, '_, '_>,
        index: usize,
        record: Option<usize>,
        found: &mut Novelty,
    ) {
        let mark = self.context(at, &at.plan.features[index], record);
        if at.profile.knows(mark) {
            found.known.push(mark);
        } else {
            found.new.push(unjudged(index, mark, record));
        }
    }

    fn path(
        &mut self,
        at: &Moment<'_, '_, '_>,
        feature: &Feature,
        record: Option<&Record<'_>>,
    ) -> Arc<RatePath> {
        self.text.clear();
        join(&mut self.text, "\x1f", &feature.within, at.fields, record);
        self.rates.path(at.hasher, &feature.name, &self.text, &at.profile.role)
    }

    fn judge(
        &mut self,
        at: &mut Moment<'_, '_, '_>,
        index: usize,
        record: Option<usize>,
        mark: u64,
        path: &Arc<RatePath>,
        reached: &mut Vec<Reached>,
    ) -> NewValue {
        let (plan, feature) = (at.plan, &at.plan.features[index]);
        let level = self.shared.level(at.salt, at.profile.mark, mark);
        let slot = path.own & LOW32;
        let (before, mut bits) = at.session.slots.get(&slot).copied().unwrap_or_default();
        let mut new = NewValue { feature: index, mark, level, record, counted: false, bits };
        let is_new = at.state == Some(&plan.words.new);
        let expected = if is_new { feature.personal } else { feature.versioned };
        if (is_new && level == NEW_TO_AGENT) || (at.state.is_some() && expected) {
            return new;
        }
        if level > before {
            let rated = self.rates.bits(&plan.constants, path, &at.profile.rates, level);
            bits = larger(bits, rated);
            reached.push(Reached { path: path.clone(), before: Some(before), level });
            at.session.slots.insert(slot, (level, bits));
            if bits > at.session.best.get(&index_of(index)).copied().unwrap_or(0.0) {
                at.session.best.insert(index_of(index), bits);
                describe(at, feature, record, mark, level, bits);
            }
        }
        if feature.lasting {
            at.session.fresh.insert(mark, 1);
        }
        (new.counted, new.bits) = (true, bits);
        new
    }

    /// Score a new value that came out of a result: its own bits and those of its flow.
    fn carry(&mut self, at: &mut Moment<'_, '_, '_>, new: &NewValue) {
        let plan = at.plan;
        if !new.counted || new.level < NEW_TO_ROLE || new.feature != plan.value {
            return;
        }
        let Some(record) = new.record(&plan.features[new.feature], at.fields) else { return };
        if record.get(record::ORIGIN) != Some(&plan.words.tainted) {
            return;
        }
        let flow = self.path(at, &plan.features[plan.flow], Some(record));
        let bits = new.bits + at.session.slots.get(&(flow.own & LOW32)).map_or(0.0, |slot| slot.1);
        let text = |place| record.get(place).unwrap_or_default().to_owned();
        let (value, key) = (text(record::VALUE), text(record::KEY));
        let (series, name) = &plan.roles.carried;
        at.raise(*series, bits, || Subject {
            key,
            ..Subject::new(
                bits,
                i64::from(new.level),
                name,
                new.mark,
                cut(&value, plan.constants.max_subject).to_owned(),
            )
        });
    }
}

/// Count what the session has reached; an agent's first sessions teach no rates.
pub fn learn(at: &mut Moment<'_, '_, '_>, rates: &mut NoveltyRates, novelty: &Novelty) {
    if at.profile.opened <= at.plan.constants.warm_sessions {
        return;
    }
    let (day, own) = (at.day, &mut at.profile.rates);
    for one in &novelty.reached {
        match one.before {
            None => rates.count(day, &one.path, own, one.level),
            Some(before) => rates.raise_level(day, &one.path, own, before, one.level),
        }
    }
}

fn unjudged(feature: usize, mark: u64, record: Option<usize>) -> NewValue {
    NewValue { feature, mark, level: 0, record, counted: false, bits: 0.0 }
}

fn index_of(feature: usize) -> u64 {
    feature as u64
}

fn describe(
    at: &mut Moment<'_, '_, '_>,
    feature: &Feature,
    place: Option<usize>,
    mark: u64,
    level: u8,
    bits: f64,
) {
    let series = at.plan.families[feature.family].series;
    if at.session.subjects.get(&series).is_some_and(|known| bits < known.bits) {
        return;
    }
    let record = record_of(feature, at.fields, place);
    let text = phrase(at.plan, feature, at.fields, record);
    let key = record.and_then(|record| record.get(record::KEY)).unwrap_or_default().to_owned();
    let subject = Subject::new(bits, i64::from(level), &feature.name, mark, text);
    at.session.subjects.insert(series, Subject { key, ..subject });
}

/// Add the features of a family beyond the floor, and what lasting values add.
fn add_up(at: &mut Moment<'_, '_, '_>, family: usize, new: &[NewValue], lasting: bool) {
    let (constants, row) = (&at.plan.constants, &at.plan.families[family]);
    let session = &mut *at.session;
    let floor = constants.floor_bits;
    let beyond = |bits: f64| larger(0.0, bits - floor);
    let best = |&index: &usize| session.best.get(&index_of(index)).copied().unwrap_or(0.0);
    let mut base = exact_sum(row.features.iter().map(|index| beyond(best(index))));
    if lasting {
        *session.touched.entry(row.name.clone()).or_insert(0) += 1;
    }
    let touched = session.touched.get(&row.name).copied().unwrap_or(0);
    if base > 0.0 && touched > 1 {
        base += constants.lasting_bits * (touched as f64).log2();
    }
    if base > session.bits.get(&row.series).copied().unwrap_or(0.0) {
        at.raise_bits(row.series, base);
        return;
    }
    let own = |&index: &usize| {
        let counted = new.iter().filter(|one| one.counted && one.feature == index);
        counted.fold(0.0, |most, one| larger(most, one.bits))
    };
    let shown = exact_sum(row.features.iter().map(|index| beyond(own(index))));
    at.show(row.series, shown);
}
