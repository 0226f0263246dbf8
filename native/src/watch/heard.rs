//! When each agent was last heard of, and how long it is usually silent.

use crate::baseline::profile::expect;
use crate::codec::compact_reader::Reader;
use crate::codec::compact_writer::Writer;
use crate::provenance::history::stored_tables::{Journal, Shared};
use crate::units::HOUR_US;
use crate::watch::week::{weekend, workday_hours};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustc_hash::FxHashMap;

const NAME: &str = "heard:";
const BUCKETS: usize = 64;
const MIN_GAP: i64 = 4;
const KEPT: f64 = 0.9;
const MIN_SILENCE: i64 = 24;
const TIMES: f64 = 2.0;
const SETTLED_HOURS: i64 = 72;
const MAX_WEEKENDS: i64 = 255;
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

/// Some of the agents, by a hash of their names; each with whether it is to be written.
#[derive(Default)]
struct Bucket {
    voices: FxHashMap<Box<str>, (Voice, bool)>,
    /// How many are to be written.
    changed: usize,
    journal: Journal,
}

impl Bucket {
    /// Those to be written, or all, in order of their names.
    fn rows(&self, all: bool) -> Vec<(&str, &Voice)> {
        let rows = self.voices.iter().filter(|(_, (_, changed))| all || *changed);
        let mut rows: Vec<_> = rows.map(|(name, (voice, _))| (&**name, voice)).collect();
        rows.sort_unstable_by_key(|(name, _)| *name);
        rows
    }
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
        let (voice, told) = match voices.get_mut(agent_id) {
            Some(known) => known,
            None => {
                let new = Voice { first: hour, last: hour, reach: 0.0, modes: 0, weekends: 0 };
                voices.entry(agent_id.into()).or_insert((new, false))
            }
        };
        *changed += usize::from(!std::mem::replace(told, true));
        if hour > voice.last {
            if hour - voice.last >= MIN_GAP {
                voice.reach = (KEPT * voice.reach).max(working(voice, hour) as f64);
            }
            voice.last = hour;
            if weekend(hour) {
                voice.weekends = (voice.weekends + 1).min(MAX_WEEKENDS);
            }
        }
        voice.modes |= MODES.iter().position(|known| *known == mode).map_or(0, |at| 1 << at);
    }

    /// What is remembered of an agent.
    fn known(&self, agent_id: &str) -> Option<Voice> {
        self.buckets[bucket(agent_id)].voices.get(agent_id).map(|(voice, _)| voice.clone())
    }

    /// Whether an agent was long known when it first acted in a mode; `models.watch.modes`.
    pub fn begun_late(&self, agent_id: &str, first_us: i64) -> bool {
        let known = self.buckets[bucket(agent_id)].voices.get(agent_id);
        let begun = first_us.div_euclid(HOUR_US);
        known.is_some_and(|(voice, _)| begun - voice.first >= SETTLED_HOURS)
    }

    /// (hours silent, longest usual silence) where an agent is silent for far too long.
    pub fn silence(&self, agent_id: &str, hour: i64) -> Option<(i64, f64)> {
        let (voice, _) = self.buckets[bucket(agent_id)].voices.get(agent_id)?;
        if voice.last - voice.first < SETTLED_HOURS {
            return None;
        }
        let silent = working(voice, hour);
        let limit = (MIN_SILENCE as f64).max(TIMES * voice.reach);
        (silent as f64 >= limit).then_some((silent, voice.reach))
    }

    /// Write what changed since the last call, or with `whole` everything.
    #[pyo3(signature = (*, whole = false))]
    fn dump<'py>(&mut self, py: Python<'py>, whole: bool) -> Vec<(String, Bound<'py, PyBytes>)> {
        let mut out = Vec::new();
        for (at, bucket) in self.buckets.iter_mut().enumerate() {
            if if whole { bucket.voices.is_empty() } else { bucket.changed == 0 } {
                continue;
            }
            let mut journal = std::mem::take(&mut bucket.journal);
            let (name, blob) =
                journal.write(&format!("{NAME}{at:02}"), whole, |generation, all| {
                    write(generation, &bucket.rows(all))
                });
            bucket.journal = journal;
            bucket.voices.values_mut().for_each(|(_, changed)| *changed = false);
            bucket.changed = 0;
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
            bucket.changed = 0;
            bucket.journal = Journal::read(name, &shared, |blob, wanted| {
                take(&mut bucket.voices, blob, wanted)
            })?;
        }
        Ok(())
    }
}

fn write(generation: u64, rows: &[(&str, &Voice)]) -> Vec<u8> {
    let mut out = Writer::default();
    out.array(2);
    out.unsigned(generation);
    out.array(rows.len());
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

/// Take in the rows of a generation; give that of the bytes.
fn take(voices: &mut FxHashMap<Box<str>, (Voice, bool)>, raw: &[u8], wanted: u64) -> PyResult<u64> {
    let mut from = Reader::new(raw);
    expect(from.array()?, 2)?;
    let generation = from.unsigned()?;
    if wanted != 0 && generation != wanted {
        return Ok(generation);
    }
    for _ in 0..from.array()? {
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
        voices.insert(name, (voice, false));
    }
    from.end()?;
    Ok(generation)
}

fn bucket(agent_id: &str) -> usize {
    agent_id.bytes().map(usize::from).sum::<usize>() % BUCKETS
}

/// Hours since an agent was last heard, without weekends where it hardly works then.
fn working(voice: &Voice, hour: i64) -> i64 {
    let gap = hour - voice.last;
    let works = voice.weekends == MAX_WEEKENDS || voice.weekends * 20 > voice.last - voice.first;
    if works || gap <= 0 {
        return gap.max(0);
    }
    workday_hours(hour) - workday_hours(voice.last)
}
