//! One day of an agent that may still get events, and the state of the test for slow change;
//! `models.baseline.profile`.

use crate::codec::compact_reader::{Read, Reader};
use crate::codec::compact_writer::Writer;
use std::collections::BTreeMap;

/// One day of an agent that may still get events.
#[derive(Clone, Default)]
pub struct OpenDay {
    pub state: Option<String>,
    pub maxima: BTreeMap<u64, f64>,
    pub largest: BTreeMap<u64, f64>,
    pub combined: f64,
    pub excess: (i64, f64, f64),
    pub sent: BTreeMap<u64, (i64, f64)>,
}

/// What the test for slow change remembers.
#[derive(Clone, Default)]
pub struct SlowChange {
    pub usual: BTreeMap<u64, (f64, f64)>,
    pub spread: (f64, f64),
    pub cusum: f64,
}

impl OpenDay {
    pub fn of(state: Option<&str>) -> Self {
        OpenDay { state: state.map(str::to_owned), ..OpenDay::default() }
    }

    pub fn write(&self, out: &mut Writer) {
        out.array(6);
        match &self.state {
            Some(state) => out.text(state),
            None => out.nil(),
        }
        write_floats(out, &self.maxima);
        write_floats(out, &self.largest);
        out.float(self.combined);
        out.array(3);
        out.signed(self.excess.0);
        out.float(self.excess.1);
        out.float(self.excess.2);
        out.map(self.sent.len());
        for (&tool, &(calls, total)) in &self.sent {
            out.unsigned(tool);
            out.array(2);
            out.signed(calls);
            out.float(total);
        }
    }

    pub fn read(from: &mut Reader<'_>) -> Read<OpenDay> {
        from.array()?;
        let state = if from.skip_nil() { None } else { Some(from.text()?.to_owned()) };
        let (maxima, largest) = (read_floats(from)?, read_floats(from)?);
        let combined = from.float()?;
        from.array()?;
        let excess = (from.signed()?, from.float()?, from.float()?);
        let mut sent = BTreeMap::new();
        for _ in 0..from.map()? {
            let tool = from.unsigned()?;
            from.array()?;
            sent.insert(tool, (from.signed()?, from.float()?));
        }
        Ok(OpenDay { state, maxima, largest, combined, excess, sent })
    }
}

impl SlowChange {
    pub fn write(&self, out: &mut Writer) {
        out.array(3);
        out.map(self.usual.len());
        for (&tool, &(calls, mean)) in &self.usual {
            out.unsigned(tool);
            out.array(2);
            out.float(calls);
            out.float(mean);
        }
        out.array(2);
        out.float(self.spread.0);
        out.float(self.spread.1);
        out.float(self.cusum);
    }

    pub fn read(from: &mut Reader<'_>) -> Read<SlowChange> {
        from.array()?;
        let mut found = SlowChange::default();
        for _ in 0..from.map()? {
            let tool = from.unsigned()?;
            from.array()?;
            found.usual.insert(tool, (from.float()?, from.float()?));
        }
        from.array()?;
        found.spread = (from.float()?, from.float()?);
        found.cusum = from.float()?;
        Ok(found)
    }
}

fn write_floats(out: &mut Writer, all: &BTreeMap<u64, f64>) {
    out.map(all.len());
    for (&key, &value) in all {
        out.unsigned(key);
        out.float(value);
    }
}

fn read_floats(from: &mut Reader<'_>) -> Read<BTreeMap<u64, f64>> {
    let mut all = BTreeMap::new();
    for _ in 0..from.map()? {
        let key = from.unsigned()?;
        all.insert(key, from.float()?);
    }
    Ok(all)
}
