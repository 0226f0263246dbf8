//! What is measured of one event beside its categories: metrics in bits.

use crate::baseline::agent_state::AgentState;
use crate::features::categories::{remembers, secret};
use crate::features::METRICS;
use crate::json::action::{Action, Operation, Outcome};
use crate::r#loop::one_event::EventJudge;
use crate::units::{DAY_US, HOUR_US};
use crate::watch::amounts::{begin_windows, Amounts, BYTES_OUT};
use crate::watch::counting::Counted;
use crate::watch::order::{add_up, stray, turned};
use crate::watch::{counting, sizes};
use pyo3::prelude::*;

const MARK: u64 = 0xFFFF;

/// Bits of each metric of an event.
#[derive(Default)]
pub struct Measures {
    pub bits: [f64; METRICS],
    /// The same where the act raised them; else they are a reason only.
    pub risen: [f64; METRICS],
    /// Running sum of the tool's calls above the usual, with this one.
    pub leaning: Option<f64>,
}

impl Measures {
    fn put(&mut self, metric: usize, (bits, risen): (f64, bool)) {
        self.bits[metric] = bits;
        self.risen[metric] = if risen { bits } else { 0.0 };
    }
}

impl EventJudge<'_, '_> {
    /// Measure how much, how often and in which order; None where the reference has to.
    ///
    /// `order`: bits of the tool after the two before it, above the usual; `unasked`: those that it
    /// tells of another piece of work, if there is a request.
    pub fn measure(
        &mut self,
        action: &Action<'_>,
        agent_state: &mut AgentState<'_>,
        session: i64,
        order: f64,
        unasked: Option<f64>,
    ) -> PyResult<Option<Measures>> {
        let mut out = Measures::default();
        self.measure_amounts(action, agent_state, &mut out)?;
        let Some(counted) = self.counted(action)? else { return Ok(None) };
        let (metrics, now) = (self.metrics, &mut agent_state.now);
        counting::count(now, &counted, |index, bits, risen| {
            out.put(metrics.counted[index], (bits, risen));
        });
        let turned = turned(now, session);
        out.put(metrics.disorder, add_up(now, session, order));
        if let Some(unasked) = unasked {
            out.put(metrics.astray, stray(now, session, unasked, turned));
        }
        Ok(Some(out))
    }

    fn measure_amounts(
        &self,
        action: &Action<'_>,
        agent_state: &mut AgentState<'_>,
        out: &mut Measures,
    ) -> PyResult<()> {
        let amounts = action.amounts();
        let (hour, day) = (action.time_us.div_euclid(HOUR_US), action.time_us.div_euclid(DAY_US));
        let same_hour = agent_state.now.hour == hour;
        begin_windows(&mut agent_state.now, hour, day);
        let mut usual = Amounts {
            py: self.py,
            python: self.python,
            peers: self.baselines.seen_by(agent_state.group_name),
            volumes: &mut agent_state.volumes,
            sizes: &agent_state.facts.sizes,
            now: &mut agent_state.now,
            tool: self.tool_mark(),
        };
        for (at, amount) in amounts.into_iter().enumerate() {
            if let Some(amount) = amount {
                out.put(at, usual.in_hour(at, amount, same_hour)?);
            }
        }
        let sent = amounts[BYTES_OUT];
        let in_day = usual.in_day(day, sent)?;
        if let Some((in_day, sent)) = in_day.zip(sent) {
            out.put(self.metrics.out_day, in_day);
            out.leaning = sizes::leaning(usual.sizes, usual.tool, sent);
            usual.now.leak = out.leaning.unwrap_or(0.0);
            out.put(self.metrics.drift, (usual.now.leak, true));
        }
        Ok(())
    }

    /// What an act adds to; None where only the reference can tell whether it is about a secret.
    fn counted(&mut self, action: &Action<'_>) -> PyResult<Option<Counted>> {
        let resource = action.resource.as_ref().map_or("", |resource| &resource.id);
        let Some(secret) = secret(&action.tool, resource) else { return Ok(None) };
        let operation = self.operation_of(action)?;
        let changes = matches!(operation, Operation::Write | Operation::Delete | Operation::Admin);
        Ok(Some(Counted {
            failed: matches!(action.outcome, Some(Outcome::Denied | Outcome::Error)),
            deleted: operation == Operation::Delete,
            mark: self.texts.resource(self.names).map(mark),
            secret,
            remembered: changes && remembers(&action.tool, resource),
        }))
    }

    /// What an act does.
    pub fn operation_of(&mut self, action: &Action<'_>) -> PyResult<Operation> {
        match action.operation {
            Operation::Unknown => self.python.operation(self.py, &action.tool),
            known => Ok(known),
        }
    }

    /// Stands for the tool.
    pub fn tool_mark(&self) -> i64 {
        mark(self.texts.tool(self.names))
    }
}

fn mark(hash: u64) -> i64 {
    (hash & MARK) as i64
}
