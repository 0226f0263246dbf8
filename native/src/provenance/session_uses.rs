//! The uses of identifiers in one session: part of `models.provenance.session`.

use crate::codec::compact_reader::Reader;
use crate::codec::compact_writer::Writer;
use crate::provenance::history::session_votes::SessionVotes;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

const VOTE: usize = 6;
const FIRST: usize = 7;
const USE: usize = 8;

/// One identifier that a session used at one (tool, key).
#[derive(Clone, Copy)]
pub struct Use {
    pub tool_key: u64,
    pub value: u64,
    pub root: u64,
    pub flow: u64,
    pub flow_key: u64,
    pub level: u64,
    /// Whether it identifies a person or thing: `entity_binding::identifies_entity`.
    pub is_entity: bool,
    /// Domain of a mail address; 0 for anything else.
    pub domain: u64,
}

/// The inputs that score a use again during history cleaning.
#[derive(Clone, Copy)]
pub struct UseSnapshot {
    pub tool: u64,
    /// Lower bound of the tool's probability: the request contains words of its name.
    pub name_floor: f64,
    pub contexts: [u64; 3],
    /// Factor on its bits, 0 .. 1: specificity and coverage by the request.
    pub discount: f64,
    /// Whether the request covers less than half of it.
    pub uncovered: bool,
}

/// The highest novelty that a session reached at one (tool, key, kind).
#[derive(Clone, Copy)]
pub struct Vote {
    pub contexts: [u64; 3],
    pub value_level: u64,
    pub flow_level: u64,
    pub familiarity: f64,
    /// Result of `entity_binding::check_binding`.
    pub binding: u64,
    /// Whether a value is spread across tasks.
    pub spread: bool,
}

/// One of the first sessions of a role, in the form in which it was learned.
pub struct EarlySession {
    /// Number of its cluster.
    pub number: i64,
    pub last_us: i64,
    /// Whether it was learned without the gate.
    pub ungated: bool,
    pub tools: Vec<u64>,
    /// Values with their argument that wait for more sessions and were not learned.
    pub waiting: Vec<u64>,
    pub uses: Vec<(Use, UseSnapshot)>,
    /// Its votes for novelty, unless `RetainedVotes` holds them already.
    pub session_votes: Option<SessionVotes>,
}

impl Use {
    pub fn write(&self, out: &mut Writer) {
        out.array(USE);
        for part in [self.tool_key, self.value, self.root, self.flow, self.flow_key, self.level] {
            out.unsigned(part);
        }
        out.boolean(self.is_entity);
        out.unsigned(self.domain);
    }

    pub fn read(from: &mut Reader<'_>) -> PyResult<Self> {
        exactly(from.array()?, USE)?;
        Ok(Use {
            tool_key: from.unsigned()?,
            value: from.unsigned()?,
            root: from.unsigned()?,
            flow: from.unsigned()?,
            flow_key: from.unsigned()?,
            level: from.unsigned()?,
            is_entity: from.boolean()?,
            domain: from.unsigned()?,
        })
    }
}

impl UseSnapshot {
    pub fn write(&self, out: &mut Writer) {
        out.array(5);
        out.unsigned(self.tool);
        out.float(self.name_floor);
        out.array(3);
        self.contexts.iter().for_each(|&context| out.unsigned(context));
        out.float(self.discount);
        out.boolean(self.uncovered);
    }

    pub fn read(from: &mut Reader<'_>) -> PyResult<Self> {
        exactly(from.array()?, 5)?;
        let (tool, name_floor) = (from.unsigned()?, from.float()?);
        exactly(from.array()?, 3)?;
        let contexts = [from.unsigned()?, from.unsigned()?, from.unsigned()?];
        Ok(UseSnapshot {
            tool,
            name_floor,
            contexts,
            discount: from.float()?,
            uncovered: from.boolean()?,
        })
    }
}

impl Vote {
    pub fn write(&self, out: &mut Writer) {
        out.array(VOTE);
        out.array(3);
        self.contexts.iter().for_each(|&context| out.unsigned(context));
        out.unsigned(self.value_level);
        out.unsigned(self.flow_level);
        out.float(self.familiarity);
        out.unsigned(self.binding);
        out.boolean(self.spread);
    }

    pub fn read(from: &mut Reader<'_>) -> PyResult<Self> {
        exactly(from.array()?, VOTE)?;
        exactly(from.array()?, 3)?;
        Ok(Vote {
            contexts: [from.unsigned()?, from.unsigned()?, from.unsigned()?],
            value_level: from.unsigned()?,
            flow_level: from.unsigned()?,
            familiarity: from.float()?,
            binding: from.unsigned()?,
            spread: from.boolean()?,
        })
    }

    /// Keeps the highest levels of an argument; the first vote gives the familiarity.
    pub fn raise(&mut self, other: &Vote) {
        self.value_level = self.value_level.max(other.value_level);
        self.flow_level = self.flow_level.max(other.flow_level);
        self.binding = self.binding.max(other.binding);
        self.spread |= other.spread;
    }
}

impl EarlySession {
    /// Whether it counts towards the familiarity of its cluster.
    pub fn familiar(&self) -> bool {
        self.ungated && self.waiting.is_empty()
    }

    pub fn write(&self, out: &mut Writer) {
        out.array(FIRST);
        out.signed(self.number);
        out.signed(self.last_us);
        out.boolean(self.ungated);
        for each in [&self.tools, &self.waiting] {
            out.array(each.len());
            each.iter().for_each(|&one| out.unsigned(one));
        }
        out.array(self.uses.len());
        for (used, seen) in &self.uses {
            out.array(2);
            used.write(out);
            seen.write(out);
        }
        match &self.session_votes {
            Some(session_votes) => session_votes.write(out),
            None => out.nil(),
        }
    }

    pub fn read(from: &mut Reader<'_>) -> PyResult<Self> {
        exactly(from.array()?, FIRST)?;
        let (number, last_us) = (from.signed()?, from.signed()?);
        let ungated = from.boolean()?;
        let (tools, waiting) = (numbers(from)?, numbers(from)?);
        let mut uses = Vec::new();
        for _ in 0..from.array()? {
            exactly(from.array()?, 2)?;
            uses.push((Use::read(from)?, UseSnapshot::read(from)?));
        }
        let session_votes = if from.skip_nil() { None } else { Some(SessionVotes::read(from)?) };
        Ok(EarlySession { number, last_us, ungated, tools, waiting, uses, session_votes })
    }
}

fn numbers(from: &mut Reader<'_>) -> PyResult<Vec<u64>> {
    (0..from.array()?).map(|_| from.unsigned()).collect()
}

/// An error unless an array has the expected length.
pub fn exactly(found: usize, expected: usize) -> PyResult<()> {
    if found == expected {
        return Ok(());
    }
    let wrong = format!("state is malformed: array of {found}, expected {expected}");
    Err(PyValueError::new_err(wrong))
}
