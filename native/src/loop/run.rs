//! The loop over events until one needs the reference; `models.fast_path.FastPath.run`.

use crate::r#loop::agent::Agent;
use crate::r#loop::batch::{ActionBatch, Slot};
use crate::r#loop::numbers::Numbers;
use crate::r#loop::one_event::{EventJudge, Judged};
use crate::trust::response::{parts_of, AnswerParts, Answers};
use crate::trust::update::Policy;
use pyo3::prelude::*;

const MAX_PENDING: u64 = 20_000;

/// Why the kernel stopped; the numbers are those of `models.fast_path`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    Done = 0,
    Reference = 1,
    Pack = 2,
    Publish = 3,
    Hour = 4,
    TrustChanged = 5,
}

/// Position, time and agent of an event that changed trust, and the answer at that time.
pub type TrustChange = (usize, i64, usize, AnswerParts);

/// One run over a batch.
pub struct Run<'a, 'py> {
    pub event_judge: EventJudge<'a, 'py>,
    pub actions: &'a ActionBatch,
    pub policy: &'a Policy,
    pub answers: &'a Answers,
    /// Whether it stops where an agent's trust has changed.
    pub publish: bool,
    pub trust_changes: &'a mut Vec<TrustChange>,
    /// The numbers of ordinary events by position, where they are kept.
    pub numbers: &'a mut Vec<(usize, Numbers)>,
    pub published_us: i64,
}

impl<'a> Run<'a, '_> {
    /// Judge from a position on. Gives the position and the reason of the stop.
    pub fn from(&mut self, mut at: usize) -> PyResult<(usize, Stop)> {
        while at < self.actions.order.len() {
            self.prefetch_ahead(at);
            let stop = self.judge(at)?;
            if stop != Stop::Done {
                return Ok((at, stop));
            }
            at += 1;
        }
        Ok((at, Stop::Done))
    }

    /// Judge the event at a position.
    fn judge(&mut self, at: usize) -> PyResult<Stop> {
        let Some(action) = self.actions.plain(at) else { return Ok(Stop::Reference) };
        if self.event_judge.config.is_degraded(action.time_us) {
            return Ok(Stop::Reference);
        }
        let slot = self.slot(at);
        let Some(agent) = slot.agent.as_ref().filter(|_| slot.identity.agrees(action)) else {
            return Ok(Stop::Reference);
        };
        let agent = &mut *agent.borrow_mut(self.event_judge.py);
        if agent.taken {
            return Ok(Stop::Pack);
        }
        if !self.advance(action.time_us) {
            return Ok(Stop::Publish);
        }
        self.event_judge.close_finished()?;
        let judged =
            self.event_judge.judge(action, agent, slot.identity.role.as_deref().unwrap_or(""))?;
        if self.event_judge.keeps_numbers && !matches!(judged, Judged::Reference) {
            self.numbers.push((at, self.event_judge.numbers));
        }
        match judged {
            Judged::Reference => Ok(Stop::Reference),
            Judged::Ordinary => Ok(Stop::Done),
            Judged::OrdinaryNewHour => self.refresh_trust(at, action.time_us, agent),
        }
    }

    fn slot(&self, at: usize) -> &'a Slot {
        &self.actions.slots[self.actions.slot_of[self.actions.order[at]]]
    }

    /// Advance the watermark. False where a snapshot of the peers is due first.
    fn advance(&mut self, time_us: i64) -> bool {
        let event_judge = &mut self.event_judge;
        let ahead = time_us > event_judge.watermark_us;
        let due = ahead && time_us - self.published_us >= event_judge.config.snapshot_us;
        if due
            || event_judge.groups.waiting_size() + 2 * event_judge.baselines.waiting() as u64
                >= MAX_PENDING
        {
            return false;
        }
        if ahead {
            event_judge.watermark_us = time_us;
        }
        true
    }

    /// Evaluate an agent's hourly trust.
    fn refresh_trust(&mut self, at: usize, time_us: i64, agent: &mut Agent) -> PyResult<Stop> {
        Ok(match agent.refresh_trust(self.event_judge.py, self.policy, time_us)? {
            None => Stop::Hour,
            Some(true) if self.publish && !self.answer(at, time_us, agent)? => Stop::TrustChanged,
            Some(_) => Stop::Done,
        })
    }

    /// Store the answer about an agent whose trust changed. False leaves it to the reference.
    fn answer(&mut self, at: usize, time_us: i64, agent: &Agent) -> PyResult<bool> {
        let (Some(trust), true) = (&agent.trust, self.slot(at).alone) else { return Ok(false) };
        let view = self.answers.view(self.event_judge.py, self.policy, trust, time_us)?;
        let Some(view) = view else { return Ok(false) };
        let slot = self.actions.slot_of[self.actions.order[at]];
        self.trust_changes.push((at, time_us, slot, parts_of(agent, &view)));
        Ok(true)
    }
}
