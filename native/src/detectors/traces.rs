//! Cascade: several agents with rare sessions under one trace within an hour;
//! `models.detectors.traces`.

use crate::baseline::subject::Subject;
use crate::detectors::moment::Moment;
use crate::units::HOUR_US;
use std::collections::BTreeMap;

/// A trace with rare sessions: when it was last seen, and the marks of the agents.
#[derive(Clone)]
pub struct Trace {
    pub last_us: i64,
    pub agents: Vec<u64>,
}

/// Traces under which agents had rare sessions; they count at the next publication.
#[derive(Default)]
pub struct Traces {
    pub open: BTreeMap<u64, Trace>,
    pub pending: BTreeMap<u64, Trace>,
}

pub fn join(table: &mut BTreeMap<u64, Trace>, mark: u64, value: &Trace, maximum: usize) {
    let Some(known) = table.get_mut(&mark) else {
        table.insert(mark, value.clone());
        return;
    };
    known.last_us = known.last_us.max(value.last_us);
    known.agents.extend(&value.agents);
    known.agents.sort_unstable();
    known.agents.dedup();
    known.agents.truncate(maximum);
}

fn mark_of(at: &Moment<'_, '_, '_>) -> Option<u64> {
    let trace = at.facts.trace_id.as_deref().filter(|trace| !trace.is_empty())?;
    Some(at.hasher.of_parts(&["trace", trace]))
}

impl Traces {
    /// Raise the bits of a session under whose trace other agents had rare sessions.
    pub fn score(&self, at: &mut Moment<'_, '_, '_>) {
        if self.open.is_empty() {
            return;
        }
        let Some(trace) = mark_of(at).and_then(|mark| self.open.get(&mark)) else { return };
        if at.time_us - trace.last_us > HOUR_US {
            return;
        }
        let (constants, own) = (&at.plan.constants, at.profile.mark);
        let others = trace.agents.iter().filter(|&&agent| agent != own).count();
        if others >= constants.min_others {
            let bits = constants.cascade_bits * (others + 1) as f64;
            let (series, name) = &at.plan.roles.cascade;
            let text = format!("{} agents", others + 1);
            at.raise(*series, bits, || Subject::new(bits, others as i64, name, 0, text));
        }
    }

    /// Note a rare session under a trace.
    pub fn learn(&mut self, at: &Moment<'_, '_, '_>) {
        if let Some(mark) = mark_of(at) {
            let value = Trace { last_us: at.time_us, agents: vec![at.profile.mark] };
            join(&mut self.pending, mark, &value, at.plan.constants.max_agents);
        }
    }

    /// Forget traces that nobody was rare under for an hour.
    pub fn close(&mut self, watermark_us: i64) {
        self.open.retain(|_, trace| watermark_us - trace.last_us <= HOUR_US);
    }
}
