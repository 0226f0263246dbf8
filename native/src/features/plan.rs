//! The rows of the plan, with numbers instead of names; `models.features.plan`.

use crate::features::conditions::{Passed, Test, TestedField};
use crate::features::fields::{place_of, record_kind, Place};
use crate::plan_json::{wrong, Constants, CounterRow, PlanRows, Roles, SeriesRow, Words};
use pyo3::PyResult;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

pub struct Family {
    pub name: Arc<str>,
    pub story: usize,
    pub alone: bool,
    pub series: u64,
    pub several: bool,
    pub left_out: bool,
    pub certain: bool,
    /// Features of the family.
    pub features: Vec<usize>,
}

pub struct Feature {
    pub name: String,
    pub family: usize,
    pub of: Vec<Place>,
    pub each: Option<usize>,
    pub within: Vec<Place>,
    /// The fields that make the value for what is known.
    pub mark: Vec<Place>,
    /// All fields that must be known.
    pub needs: Vec<Place>,
    pub personal: bool,
    pub versioned: bool,
    pub lasting: bool,
    pub spreads: bool,
    pub after: Option<usize>,
    /// Whether the first value in its context is learned without judgement.
    pub settled: bool,
    /// Words between the fields of a value where it is named; spaces without any.
    pub joins: Vec<String>,
}

/// What a counter adds for an event.
pub enum Added {
    Distinct(String, Option<usize>, Place),
    New(usize, String, bool),
    Repeats,
    Number(usize),
    One,
}

pub struct Counter {
    pub id: u64,
    pub name: String,
    pub added: Added,
    /// Groups of tests: of each one must be passed.
    pub when: Vec<Passed>,
    pub peak: bool,
    /// The field that names the thing, if any.
    pub about: Option<usize>,
}

pub struct Rule {
    pub name: String,
    pub prefix: String,
    pub bits: f64,
    pub field: usize,
    pub number: Option<usize>,
    pub series: u64,
}

/// The plan that the kernel executes.
pub struct Plan {
    pub constants: Constants,
    pub cases_per_day: f64,
    pub families: Vec<Family>,
    pub family_places: FxHashMap<Arc<str>, usize>,
    pub stories: usize,
    pub series: Vec<SeriesRow>,
    pub series_places: FxHashMap<u64, usize>,
    /// Numbers under which the agent-days of registered detectors are counted.
    pub exposures: FxHashSet<u64>,
    pub combination: SeriesRow,
    pub features: Vec<Feature>,
    pub counters: Vec<Counter>,
    pub tested: Vec<TestedField>,
    pub rules: Vec<Rule>,
    pub roles: Roles,
    /// Attributes that are fields as they are, with the slots of these fields.
    pub reported: Vec<(String, usize)>,
    pub words: Words,
    pub value: usize,
    pub flow: usize,
}

impl Plan {
    pub fn read(raw: &[u8]) -> PyResult<Plan> {
        let mut rows = PlanRows::read(raw)?;
        let constants = Constants::of(&rows)?;
        let mut stories: FxHashMap<String, usize> = FxHashMap::default();
        let mut families = Vec::new();
        for (place, row) in rows.families.drain(..).enumerate() {
            let next = stories.len();
            let of = rows.features.iter().enumerate().filter(|(_, one)| one.family == place);
            families.push(Family {
                name: row.name.into(),
                story: *stories.entry(row.story).or_insert(next),
                alone: row.alone,
                series: row.series,
                several: row.several,
                left_out: row.left_out,
                certain: row.certain,
                features: of.map(|(place, _)| place).collect(),
            });
        }
        let mut features = Vec::new();
        for row in rows.features.drain(..) {
            let of = places(&row.of)?;
            let (within, known_by) = (places(&row.within)?, places(&row.known_by)?);
            features.push(Feature {
                name: row.name,
                family: row.family,
                each: row.each.as_deref().map(record_kind).transpose()?,
                mark: known_by.iter().chain(&of).copied().collect(),
                needs: of.iter().chain(&within).chain(&known_by).copied().collect(),
                of,
                within,
                personal: row.personal,
                versioned: row.versioned,
                lasting: row.lasting,
                spreads: row.spreads,
                after: row.after,
                settled: row.settled,
                joins: row.joins,
            });
        }
        let (mut tested, mut counters, mut rules) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows.counters.drain(..) {
            counters.push(counter(row, &mut tested)?);
        }
        for row in rows.rules.drain(..) {
            rules.push(Rule {
                prefix: format!("rule\x1f{}\x1f", row.family),
                name: row.name,
                bits: row.bits,
                field: single(&row.field)?,
                number: if row.number.is_empty() { None } else { Some(number(&row.number)?) },
                series: row.series,
            });
        }
        let reported = rows.words.reported.drain(..);
        let reported: PyResult<Vec<_>> =
            reported.map(|name| single(&name).map(|place| (name, place))).collect();
        let names = families.iter().enumerate();
        Ok(Plan {
            family_places: names.map(|(place, one)| (one.name.clone(), place)).collect(),
            series_places: rows.series.iter().enumerate().map(|(at, one)| (one.id, at)).collect(),
            stories: stories.len(),
            exposures: rows.series.iter().map(|one| one.exposure).filter(|&one| one != 0).collect(),
            cases_per_day: rows.cases_per_day,
            constants,
            families,
            series: rows.series,
            combination: rows.combination,
            features,
            counters,
            tested,
            rules,
            roles: rows.roles,
            reported: reported?,
            words: rows.words,
            value: rows.value,
            flow: rows.flow,
        })
    }

    /// The row of a series, by its number; None for one that is no longer there.
    pub fn series_of(&self, id: u64) -> Option<&SeriesRow> {
        Some(&self.series[*self.series_places.get(&id)?])
    }
}

fn places(names: &[String]) -> PyResult<Vec<Place>> {
    names.iter().map(|name| place_of(name)).collect()
}

fn single(name: &str) -> PyResult<usize> {
    match place_of(name)? {
        Place::Single(place) => Ok(place),
        Place::Record(_) => Err(wrong(&format!("field {name} of the plan has several values"))),
    }
}

fn number(name: &str) -> PyResult<usize> {
    crate::features::fields::number_of_name(name)
}

fn split(name: &str) -> PyResult<(Option<usize>, Place)> {
    match name.split_once('.') {
        Some((kind, field)) => Ok((Some(record_kind(kind)?), place_of(field)?)),
        None => Ok((None, place_of(name)?)),
    }
}

fn counter(row: CounterRow, tested: &mut Vec<TestedField>) -> PyResult<Counter> {
    let added = if !row.distinct.is_empty() {
        let (kind, field) = split(&row.distinct)?;
        Added::Distinct(row.distinct, kind, field)
    } else if let Some(feature) = row.new {
        Added::New(feature, row.origin, row.once)
    } else if row.number == "repeats" {
        Added::Repeats
    } else if row.number.is_empty() {
        Added::One
    } else {
        Added::Number(number(&row.number)?)
    };
    let mut when = Vec::new();
    for group in row.when {
        let mut any = 0;
        for row in group {
            let (kind, field) = split(&row.field)?;
            let test = Test { equal: row.equal, words: row.words, parts: row.parts };
            any |= bit_of(tested, kind, field, test)?;
        }
        when.push(any);
    }
    let about = if row.about.is_empty() { None } else { Some(single(&row.about)?) };
    Ok(Counter { id: row.id, name: row.name, added, when, peak: row.peak, about })
}

/// The bit of a test; equal tests of a field have one.
fn bit_of(
    tested: &mut Vec<TestedField>,
    kind: Option<usize>,
    field: Place,
    test: Test,
) -> PyResult<Passed> {
    let all: usize = tested.iter().map(|one| one.tests.len()).sum();
    let at = tested.iter().position(|one| one.kind == kind && one.field == field);
    let at = at.unwrap_or_else(|| {
        tested.push(TestedField { kind, field, tests: Vec::new(), compares: true });
        tested.len() - 1
    });
    tested[at].compares &= test.words.is_empty() && test.parts.is_empty();
    let tests = &mut tested[at].tests;
    if let Some((bit, _)) = tests.iter().find(|(_, known)| *known == test) {
        return Ok(*bit);
    }
    let bit = (1 as Passed).checked_shl(all as u32);
    let bit = bit.ok_or_else(|| wrong(&format!("the plan has more than {all} tests")))?;
    tests.push((bit, test));
    Ok(bit)
}
