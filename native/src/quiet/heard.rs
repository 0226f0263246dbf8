//! When each agent was last heard of, and how long it is usually silent; `models.watch.heard`.

use super::facts::expect;
use crate::content::{Journal, Shared};
use crate::pack::{Reader, Writer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::collections::{BTreeMap, BTreeSet};

const NAME: &str = "heard:";
const BUCKETS: usize = 64;
const LEAST_GAP: i64 = 4;
const KEPT: f64 = 0.9;
const LEAST_SILENCE: i64 = 24;
const TIMES: f64 = 2.0;
const SETTLED_HOURS: i64 = 72;
const WEEK: i64 = 168;
const DAY: i64 = 24;
const WORKDAYS: i64 = 5;
const MODES: [&str; 3] = ["unknown", "delegated", "autonomous"];

/// What is remembered of one agent over all modes.
#[pyclass(module = "habitus_native", frozen, get_all)]
#[derive(Clone)]
pub struct Voice {
    first: i64,
    last: i64,
    reach: f64,
    modes: i64,
    weekends: i64,
}

/// Some of the agents, by a hash of their names.
#[derive(Default)]
struct Bucket {
    voices: BTreeMap<Box<str>, Voice>,
    changed: BTreeSet<Box<str>>,
    journal: Journal,
}

/// All agents of a stream.
#[pyclass(module = "habitus_native")]
pub struct Heard {
    buckets: Vec<Bucket>,
}

#[pymethods]
impl Heard {
    #[new]
    fn new() -> Self {
        Heard { buckets: (0..BUCKETS).map(|_| Bucket::default()).collect() }
    }

    /// Note that an agent acts.
    pub fn note(&mut self, agent_id: &str, mode: &str, hour: i64) {
        let Bucket { voices, changed, .. } = &mut self.buckets[bucket(agent_id)];
        if !changed.contains(agent_id) {
            changed.insert(agent_id.into());
        }
        let voice = match voices.get_mut(agent_id) {
            Some(voice) => voice,
            None => {
                let new = Voice { first: hour, last: hour, reach: 0.0, modes: 0, weekends: 0 };
                voices.entry(agent_id.into()).or_insert(new)
            }
        };
        if hour > voice.last {
            if hour - voice.last >= LEAST_GAP {
                voice.reach = (KEPT * voice.reach).max(working(voice, hour) as f64);
            }
            voice.last = hour;
            if weekend(hour) {
                voice.weekends = (voice.weekends + 1).min(255);
            }
        }
        voice.modes |= MODES.iter().position(|known| *known == mode).map_or(0, |at| 1 << at);
    }

    /// What is remembered of an agent.
    fn known(&self, agent_id: &str) -> Option<Voice> {
        self.buckets[bucket(agent_id)].voices.get(agent_id).cloned()
    }

    /// (hours silent, longest usual silence) where an agent is silent for far too long.
    pub fn silence(&self, agent_id: &str, hour: i64) -> Option<(i64, f64)> {
        let voice = self.buckets[bucket(agent_id)].voices.get(agent_id)?;
        if voice.last - voice.first < SETTLED_HOURS {
            return None;
        }
        let silent = working(voice, hour);
        let limit = (LEAST_SILENCE as f64).max(TIMES * voice.reach);
        (silent as f64 >= limit).then_some((silent, voice.reach))
    }

    /// Write what changed since the last call, or with `whole` everything.
    #[pyo3(signature = (*, whole = false))]
    fn dump<'py>(&mut self, py: Python<'py>, whole: bool) -> Vec<(String, Bound<'py, PyBytes>)> {
        let mut out = Vec::new();
        for (at, bucket) in self.buckets.iter_mut().enumerate() {
            let Bucket { voices, changed, journal } = bucket;
            if if whole { voices.is_empty() } else { changed.is_empty() } {
                continue;
            }
            let name = format!("{NAME}{at:02}");
            let (name, blob) = journal.write(&name, whole, |generation, all| {
                let some = || changed.iter().filter_map(|name| voices.get_key_value(name));
                match all {
                    true => write(generation, voices.len(), voices.iter()),
                    false => write(generation, changed.len(), some()),
                }
            });
            changed.clear();
            out.push((name, PyBytes::new(py, &blob)));
        }
        out
    }

    /// Read what `dump` wrote.
    fn load(&mut self, shared: Shared) -> PyResult<()> {
        for name in shared.keys() {
            let Some(number) = name.strip_prefix(NAME) else { continue };
            let at = number.parse::<usize>().ok().filter(|at| *at < BUCKETS);
            let text = || PyValueError::new_err(format!("{name:?} is no bucket"));
            let bucket = &mut self.buckets[at.ok_or_else(text)?];
            bucket.voices.clear();
            bucket.journal = Journal::read(name, &shared, |blob, wanted| {
                take(&mut bucket.voices, blob, wanted)
            })?;
        }
        Ok(())
    }
}

fn write<'a>(
    generation: u64,
    length: usize,
    rows: impl Iterator<Item = (&'a Box<str>, &'a Voice)>,
) -> Vec<u8> {
    let mut out = Writer::default();
    out.array(2);
    out.unsigned(generation);
    out.array(length);
    for (name, voice) in rows {
        out.array(2);
        out.text(name);
        out.array(5);
        out.signed(voice.first);
        out.signed(voice.last);
        out.float(voice.reach);
        out.signed(voice.modes);
        out.signed(voice.weekends);
    }
    out.out
}

/// Take in the rows of a generation; give that of the bytes, 0 as they were written before.
fn take(voices: &mut BTreeMap<Box<str>, Voice>, raw: &[u8], wanted: u64) -> PyResult<u64> {
    let mut from = Reader::new(raw);
    let mut length = from.array()?;
    let generation = match from.unsigned() {
        Ok(generation) if length == 2 => {
            length = from.array()?;
            generation
        }
        _ => {
            from = Reader::new(raw);
            from.array()?;
            0
        }
    };
    if wanted != 0 && generation != wanted {
        return Ok(generation);
    }
    for _ in 0..length {
        expect(from.array()?, 2)?;
        let name = from.text()?.into();
        expect(from.array()?, 5)?;
        let voice = Voice {
            first: from.signed()?,
            last: from.signed()?,
            reach: from.float()?,
            modes: from.signed()?,
            weekends: from.signed()?,
        };
        voices.insert(name, voice);
    }
    from.end()?;
    Ok(generation)
}

fn bucket(agent_id: &str) -> usize {
    agent_id.bytes().map(usize::from).sum::<usize>() % BUCKETS
}

fn weekend(hour: i64) -> bool {
    (hour.div_euclid(DAY) + 3).rem_euclid(7) >= WORKDAYS
}

/// Hours since an agent was last heard, without weekends where it hardly works then.
fn working(voice: &Voice, hour: i64) -> i64 {
    let gap = hour - voice.last;
    if voice.weekends * 20 > voice.last - voice.first || gap <= 0 {
        return gap.max(0);
    }
    workday_hours(hour) - workday_hours(voice.last)
}

/// Workday hours since the Monday before 1970.
fn workday_hours(hour: i64) -> i64 {
    let since_monday = hour + 3 * DAY;
    let (weeks, rest) = (since_monday.div_euclid(WEEK), since_monday.rem_euclid(WEEK));
    weeks * WORKDAYS * DAY + rest.min(WORKDAYS * DAY)
}
