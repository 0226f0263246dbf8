//! Amounts that follow from other agents and from other days; `models.detectors.relations`.

use crate::detectors::moment::Moment;
use crate::features::fields::{kind, number, record, single};
use crate::peers::knowledge::{SharedKnowledge, NEW_TO_ALL};
use std::collections::{BTreeMap, BTreeSet};

/// The latest report of an agent: time of its latest event, and number of its sessions.
#[derive(Clone, Copy)]
pub struct Report {
    pub last_us: i64,
    pub sessions: i64,
}

/// Follows when each agent reported last, and destinations that one agent alone uses.
#[derive(Default)]
pub struct Relations {
    pub reports: BTreeMap<u64, Report>,
    pub pending: BTreeMap<u64, Report>,
}

pub fn join(table: &mut BTreeMap<u64, Report>, mark: u64, value: Report) {
    let known = table.entry(mark).or_insert(value);
    known.last_us = known.last_us.max(value.last_us);
    known.sessions = known.sessions.max(value.sessions);
}

/// The mark of an agent among those that know a value.
pub fn agent_mark(at: &Moment<'_, '_, '_>, agent_id: &str) -> u64 {
    at.hasher.of_parts(&["agent", agent_id])
}

/// The hosts that an event sends to, or names in its arguments, each with its mark.
fn hosts<'a>(at: &'a Moment<'_, '_, '_>) -> Vec<(u64, &'a str)> {
    let arguments = at.fields.records(kind::ARGUMENT).iter();
    let mut found: BTreeSet<&str> =
        arguments.filter_map(|one| one.get(record::VALUE_HOST)).collect();
    found.extend(at.fields.single(single::DESTINATION));
    found.into_iter().map(|host| (at.hasher.of_parts(&["sole", host]), host)).collect()
}

impl Relations {
    /// Add silence of the delegating agent, and days of a destination, to the fields.
    pub fn measure(&self, at: &mut Moment<'_, '_, '_>, shared: &SharedKnowledge) {
        if let Some(agent_id) = &at.facts.delegated_by {
            let silence = self.silence(at, agent_mark(at, agent_id));
            if silence > 0 {
                at.fields.single[single::SILENT] = Some(agent_id.clone());
                at.fields.numbers[number::SILENCE] = Some(silence as f64);
            }
        }
        let mut most: (usize, &str) = (1, "");
        for (mark, host) in hosts(at) {
            if self.is_sole(at, shared, mark) {
                let days = at.profile.sole.get(&mark).map(Vec::as_slice).unwrap_or_default();
                let days = days.len() + usize::from(!days.contains(&at.day));
                if days > most.0 {
                    most = (days, host);
                }
            }
        }
        if most.0 > 1 {
            let (days, host) = (most.0 as f64, most.1.to_owned());
            at.fields.numbers[number::SOLE_DAYS] = Some(days);
            at.fields.single[single::SOLE_HOST] = Some(host.into());
        }
    }

    /// Note that the agent has reported, and which destinations it has used.
    pub fn learn(&mut self, at: &mut Moment<'_, '_, '_>, shared: &mut SharedKnowledge) {
        let report = Report { last_us: at.time_us, sessions: at.profile.opened };
        join(&mut self.pending, at.profile.mark, report);
        let maximum = at.plan.constants.max_sole;
        let marks: Vec<u64> = hosts(at).into_iter().map(|(mark, _)| mark).collect();
        for mark in marks {
            if self.is_sole(at, shared, mark) {
                let days = at.profile.sole.entry(mark).or_default();
                if !days.contains(&at.day) {
                    days.push(at.day);
                    days.drain(..days.len().saturating_sub(maximum));
                }
            } else {
                at.profile.sole.remove(&mark);
            }
            shared.learn(at.salt, at.profile.mark, &[mark]);
        }
        let sole = &mut at.profile.sole;
        while sole.len() > maximum {
            let oldest = sole.iter().map(|(&mark, days)| (days.last().copied(), mark)).min();
            oldest.map(|(_, mark)| sole.remove(&mark));
        }
    }

    /// Check for a destination of this agent alone; an agent that reports alone has none.
    fn is_sole(&self, at: &Moment<'_, '_, '_>, shared: &SharedKnowledge, mark: u64) -> bool {
        self.reports.len() > usize::from(self.reports.contains_key(&at.profile.mark))
            && shared.level(at.salt, at.profile.mark, mark) == NEW_TO_ALL
    }

    /// The quarter hours for which an agent that delegates has not reported itself.
    fn silence(&self, at: &Moment<'_, '_, '_>, agent: u64) -> i64 {
        let constants = &at.plan.constants;
        let Some(report) = self.reports.get(&agent) else { return 0 };
        let silent_us = at.time_us - report.last_us;
        if report.sessions <= constants.min_sessions || silent_us <= constants.min_silence_us {
            return 0;
        }
        silent_us / constants.quarter_us
    }
}
