//! One event after the other, until one needs the reference; `models.fast_path.Quiet.run`.

use crate::r#loop::agent::Agent;
use crate::r#loop::batch::{Acts, Slot};
use crate::r#loop::numbers::Numbers;
use crate::r#loop::one_event::{Bench, Judged};
use crate::trust::response::{parts_of, AnswerParts, Answers};
use crate::trust::update::Policy;
use pyo3::prelude::*;

const MOST_PENDING: u64 = 20_000;

/// Why the kernel stopped; the numbers are those of `models.fast_path`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    Done = 0,
    SecondLook = 1,
    Pack = 2,
    Publish = 3,
    Hour = 4,
    Moved = 5,
}

/// Position, time and agent of an event after which trust had moved, and the answer then.
pub type Moved = (usize, i64, usize, AnswerParts);

/// One way through a batch.
pub struct Run<'a, 'py> {
    pub bench: Bench<'a, 'py>,
    pub acts: &'a Acts,
    pub policy: &'a Policy,
    pub answers: &'a Answers,
    /// Whether it stops where an agent's trust has moved.
    pub publish: bool,
    pub moved: &'a mut Vec<Moved>,
    /// The numbers of what was quiet, by position, where anyone listens.
    pub numbers: &'a mut Vec<(usize, Numbers)>,
    pub published_us: i64,
}

impl<'a> Run<'a, '_> {
    /// Judge from a position on; gives where it stopped and why.
    pub fn from(&mut self, mut at: usize) -> PyResult<(usize, Stop)> {
        while at < self.acts.order.len() {
            self.look_ahead(at);
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
        let Some(act) = self.acts.plain(at) else { return Ok(Stop::SecondLook) };
        if self.bench.config.is_degraded(act.time_us) {
            return Ok(Stop::SecondLook);
        }
        let slot = self.slot(at);
        let Some(agent) = slot.agent.as_ref().filter(|_| slot.identity.agrees(act)) else {
            return Ok(Stop::SecondLook);
        };
        let agent = &mut *agent.borrow_mut(self.bench.py);
        if agent.taken {
            return Ok(Stop::Pack);
        }
        if !self.advance(act.time_us) {
            return Ok(Stop::Publish);
        }
        self.bench.close_finished()?;
        let judged = self.bench.judge(act, agent, slot.identity.role.as_deref().unwrap_or(""))?;
        if self.bench.listened_to && !matches!(judged, Judged::SecondLook) {
            self.numbers.push((at, self.bench.numbers));
        }
        match judged {
            Judged::SecondLook => Ok(Stop::SecondLook),
            Judged::Quiet => Ok(Stop::Done),
            Judged::QuietAndHour => self.look_at_trust(at, act.time_us, agent),
        }
    }

    fn slot(&self, at: usize) -> &'a Slot {
        &self.acts.slots[self.acts.subject[self.acts.order[at]]]
    }

    /// Let the stream's time go on; false where the peers are to be published first.
    fn advance(&mut self, time_us: i64) -> bool {
        let bench = &mut self.bench;
        let ahead = time_us > bench.watermark_us;
        let due = ahead && time_us - self.published_us >= bench.config.snapshot_us;
        if due || bench.groups.waiting_size() + 2 * bench.levels.waiting() as u64 >= MOST_PENDING {
            return false;
        }
        if ahead {
            bench.watermark_us = time_us;
        }
        true
    }

    /// Look at an agent's trust, as once an hour.
    fn look_at_trust(&mut self, at: usize, time_us: i64, agent: &mut Agent) -> PyResult<Stop> {
        Ok(match agent.look_at_trust(self.bench.py, self.policy, time_us)? {
            None => Stop::Hour,
            Some(true) if self.publish && !self.answer(at, time_us, agent)? => Stop::Moved,
            Some(_) => Stop::Done,
        })
    }

    /// Keep the answer about an agent whose trust has moved; false where the reference makes it.
    fn answer(&mut self, at: usize, time_us: i64, agent: &Agent) -> PyResult<bool> {
        let (Some(trust), true) = (&agent.trust, self.slot(at).alone) else { return Ok(false) };
        let view = self.answers.view(self.bench.py, self.policy, trust, time_us)?;
        let Some(view) = view else { return Ok(false) };
        let subject = self.acts.subject[self.acts.order[at]];
        self.moved.push((at, time_us, subject, parts_of(agent, &view)));
        Ok(true)
    }
}
