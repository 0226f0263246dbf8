//! What is measured of one event beside its categories: metrics in bits.

use crate::baseline::agent_state::Subject;
use crate::features::categories::{remembers, secret};
use crate::features::METRICS;
use crate::json::action::{Act, Operation, Outcome};
use crate::r#loop::one_event::Bench;
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

impl Bench<'_, '_> {
    /// Measure how much, how often and in which order; None where the reference has to.
    ///
    /// `order`: bits of the tool after the two before it, above the usual; `unasked`: those that it
    /// tells of another piece of work, if there is a request.
    pub fn measure(
        &mut self,
        act: &Act<'_>,
        subject: &mut Subject<'_>,
        session: i64,
        order: f64,
        unasked: Option<f64>,
    ) -> PyResult<Option<Measures>> {
        let mut out = Measures::default();
        self.measure_amounts(act, subject, &mut out)?;
        let Some(counted) = self.counted(act)? else { return Ok(None) };
        let (metrics, now) = (self.metrics, &mut subject.now);
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
        act: &Act<'_>,
        subject: &mut Subject<'_>,
        out: &mut Measures,
    ) -> PyResult<()> {
        let amounts = act.amounts();
        let (hour, day) = (act.time_us.div_euclid(HOUR_US), act.time_us.div_euclid(DAY_US));
        let same_hour = subject.now.hour == hour;
        begin_windows(&mut subject.now, hour, day);
        let mut usual = Amounts {
            py: self.py,
            asked: self.asked,
            peers: self.levels.seen_by(subject.group_name),
            levels: &mut subject.levels,
            sizes: &subject.facts.sizes,
            now: &mut subject.now,
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
    fn counted(&mut self, act: &Act<'_>) -> PyResult<Option<Counted>> {
        let resource = act.resource.as_ref().map_or("", |resource| &resource.id);
        let Some(secret) = secret(&act.tool, resource) else { return Ok(None) };
        let operation = self.operation_of(act)?;
        let changes = matches!(operation, Operation::Write | Operation::Delete | Operation::Admin);
        Ok(Some(Counted {
            failed: matches!(act.outcome, Some(Outcome::Denied | Outcome::Error)),
            deleted: operation == Operation::Delete,
            mark: self.texts.resource(self.names).map(mark),
            secret,
            remembered: changes && remembers(&act.tool, resource),
        }))
    }

    /// What an act does.
    pub fn operation_of(&mut self, act: &Act<'_>) -> PyResult<Operation> {
        match act.operation {
            Operation::Unknown => self.asked.operation(self.py, &act.tool),
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
