//! The uses of identifiers in one session: part of `models.provenance.session`.

use crate::codec::compact_reader::Reader;
use crate::codec::compact_writer::Writer;
use crate::provenance::history::session_votes::Ballot;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

const VOTE: usize = 6;
const FIRST: usize = 7;
const USE: usize = 8;

/// One identifier carried at one (tool, key).
#[derive(Clone, Copy)]
pub struct Use {
    pub tool_key: u64,
    pub value: u64,
    pub root: u64,
    pub flow: u64,
    pub flow_key: u64,
    pub level: u64,
    /// Whether it stands for somebody or something: `names::says_who`.
    pub who: bool,
    /// Of a mail address, 0 of anything else.
    pub domain: u64,
}

/// What a use is judged by once more, while its role is young.
#[derive(Clone, Copy)]
pub struct Seen {
    pub tool: u64,
    /// Least probability of the tool, for being named in the request.
    pub named: f64,
    pub contexts: [u64; 3],
    /// What is left of its bits after the discounts for specificity and coverage.
    pub share: f64,
    /// Whether the request covers less than half of it.
    pub bare: bool,
}

/// The highest novelty a session reached at one (tool, key, kind).
#[derive(Clone, Copy)]
pub struct Vote {
    pub contexts: [u64; 3],
    pub value_level: u64,
    pub flow_level: u64,
    pub familiarity: f64,
    /// Whether a value came as a name of the request says.
    pub said: u64,
    /// Whether a value came that wanders among kinds of request.
    pub wandered: bool,
}

/// One of the first sessions of a role, as it was learned.
pub struct First {
    /// Of its cluster.
    pub number: i64,
    pub last_us: i64,
    /// Whether it was learned without the gate.
    pub free: bool,
    pub tools: Vec<u64>,
    /// Values at their (tool, key) that were not learned: they waited.
    pub held: Vec<u64>,
    pub uses: Vec<(Use, Seen)>,
    /// What it said of anything new, unless that is kept already.
    pub ballot: Option<Ballot>,
}

impl Use {
    pub fn write(&self, out: &mut Writer) {
        out.array(USE);
        for part in [self.tool_key, self.value, self.root, self.flow, self.flow_key, self.level] {
            out.unsigned(part);
        }
        out.boolean(self.who);
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
            who: from.boolean()?,
            domain: from.unsigned()?,
        })
    }
}

impl Seen {
    pub fn write(&self, out: &mut Writer) {
        out.array(5);
        out.unsigned(self.tool);
        out.float(self.named);
        out.array(3);
        self.contexts.iter().for_each(|&context| out.unsigned(context));
        out.float(self.share);
        out.boolean(self.bare);
    }

    pub fn read(from: &mut Reader<'_>) -> PyResult<Self> {
        exactly(from.array()?, 5)?;
        let (tool, named) = (from.unsigned()?, from.float()?);
        exactly(from.array()?, 3)?;
        let contexts = [from.unsigned()?, from.unsigned()?, from.unsigned()?];
        Ok(Seen { tool, named, contexts, share: from.float()?, bare: from.boolean()? })
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
        out.unsigned(self.said);
        out.boolean(self.wandered);
    }

    pub fn read(from: &mut Reader<'_>) -> PyResult<Self> {
        exactly(from.array()?, VOTE)?;
        exactly(from.array()?, 3)?;
        Ok(Vote {
            contexts: [from.unsigned()?, from.unsigned()?, from.unsigned()?],
            value_level: from.unsigned()?,
            flow_level: from.unsigned()?,
            familiarity: from.float()?,
            said: from.unsigned()?,
            wandered: from.boolean()?,
        })
    }

    /// Keeps the highest levels; the familiarity is that of the first at a place.
    pub fn raise(&mut self, other: &Vote) {
        self.value_level = self.value_level.max(other.value_level);
        self.flow_level = self.flow_level.max(other.flow_level);
        self.said = self.said.max(other.said);
        self.wandered |= other.wandered;
    }
}

impl First {
    /// Whether it made its cluster familiar.
    pub fn full(&self) -> bool {
        self.free && self.held.is_empty()
    }

    pub fn write(&self, out: &mut Writer) {
        out.array(FIRST);
        out.signed(self.number);
        out.signed(self.last_us);
        out.boolean(self.free);
        for each in [&self.tools, &self.held] {
            out.array(each.len());
            each.iter().for_each(|&one| out.unsigned(one));
        }
        out.array(self.uses.len());
        for (held, seen) in &self.uses {
            out.array(2);
            held.write(out);
            seen.write(out);
        }
        match &self.ballot {
            Some(ballot) => ballot.write(out),
            None => out.nil(),
        }
    }

    pub fn read(from: &mut Reader<'_>) -> PyResult<Self> {
        exactly(from.array()?, FIRST)?;
        let (number, last_us) = (from.signed()?, from.signed()?);
        let free = from.boolean()?;
        let (tools, held) = (numbers(from)?, numbers(from)?);
        let mut uses = Vec::new();
        for _ in 0..from.array()? {
            exactly(from.array()?, 2)?;
            uses.push((Use::read(from)?, Seen::read(from)?));
        }
        let ballot = if from.skip_nil() { None } else { Some(Ballot::read(from)?) };
        Ok(First { number, last_us, free, tools, held, uses, ballot })
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
