//! Learning after scoring.

use crate::baseline::agent_state::Subject;
use crate::baseline::profile::{Facts, State, QUANTITIES};
use crate::features::extraction::Origin;
use crate::json::action::Act;
use crate::peers::baselines::size_place;
use crate::provenance::session::Session;
use crate::r#loop::one_event::Bench;
use crate::r#loop::scoring::Scored;
use crate::units::HOUR_US;
use crate::watch::amounts::added;
use crate::watch::sizes::{per_mille, slot_of, SIZED};
use crate::watch::{mixture, sizes};

impl Bench<'_, '_> {
    pub fn learn(
        &mut self,
        act: &Act<'_>,
        subject: &mut Subject<'_>,
        session: &mut Session,
        scored: &Scored,
        gate: f64,
    ) {
        session.events += 1;
        session.previous_tool.clear();
        session.previous_tool.push_str(&act.tool);
        if let Some(content) = &scored.content {
            crate::provenance::history::learning::record_call(session, content);
        }
        let (group, active) = (subject.group, subject.now.state() == State::Active);
        if active {
            let (statistics, calibrated) = (&scored.statistics, &scored.calibrated);
            subject.habits.enter(self.groups, group, statistics, calibrated, gate, false);
        } else if let Some(first) = &scored.first {
            self.groups.enter_new(group, first);
        }
        let tool = self.tool_mark();
        self.lean(subject, tool, scored.measures.leaning);
        self.sum_up(act, subject, tool);
        let (texts, categories) = (&*self.texts, &scored.categories);
        if !scored.new_tool {
            let metrics = &scored.measures.risen;
            subject.habits.shown(self.groups, group, categories, active, metrics);
        }
        subject.habits.counted(self.groups, group, categories, active, |at| texts.get(at));
        mixture::count_use(&mut subject.facts.mixture, tool);
        subject.now.voted |= active;
    }

    /// Keep how far a tool's calls send more than usual; anew once that was told.
    fn lean(&self, subject: &mut Subject<'_>, tool: i64, leaning: Option<f64>) {
        let (sizes, now) = (&mut subject.facts.sizes, &subject.now);
        if now.leak >= self.config.leak || now.state() == State::Learning {
            sizes::lean(sizes, tool, 0.0);
        } else if let Some(leaning) = leaning {
            sizes::lean(sizes, tool, leaning);
        }
    }

    /// Add to the open hour's sums; learn a window when it closes.
    fn sum_up(&mut self, act: &Act<'_>, subject: &mut Subject<'_>, tool: i64) {
        let hour = act.time_us.div_euclid(HOUR_US);
        if hour > subject.now.hour {
            self.end_hour(subject);
            subject.now.hour = hour;
        }
        if hour == subject.now.hour {
            self.add_amounts(act, subject, tool);
        }
    }

    /// Learn the sums of an hour that is over, and begin them anew.
    fn end_hour(&mut self, subject: &mut Subject<'_>) {
        let (now, levels) = (&mut subject.now, &mut subject.levels);
        for (at, &total) in now.sums.iter().enumerate() {
            if now.hour >= 0 && total >= 0 {
                let mut amount = total as f64;
                if let Some(slot) = slot_of(at) {
                    amount = per_mille(amount, now.expected[slot]);
                }
                levels[at].get_or_insert_default().learn(amount);
                if now.state() == State::Active {
                    self.levels.contribute(subject.group_name, at, amount);
                }
            }
        }
        (now.sums, now.expected) = ([-1; QUANTITIES], [0.0; SIZED.len()]);
    }

    /// Add what an act takes to the hour's sums, and learn what such a call usually takes.
    fn add_amounts(&mut self, act: &Act<'_>, subject: &mut Subject<'_>, tool: i64) {
        let (sizes, now, group) = (&mut subject.facts.sizes, &mut subject.now, subject.group_name);
        for (at, amount) in act.amounts().into_iter().enumerate() {
            let Some(amount) = amount else {
                if at == SIZED[0] {
                    sizes::send_nothing(sizes, tool);
                }
                continue;
            };
            now.sums[at] = added(now.sums[at], amount);
            let Some(slot) = slot_of(at) else { continue };
            let peers = Some(self.levels.seen_by(group));
            now.expected[slot] += sizes::usual(sizes, tool, slot, amount, peers);
            sizes::learn(sizes, tool, slot, amount);
            let told = sizes::telling(sizes, tool, slot);
            if let Some(told) = told.filter(|_| now.state() == State::Active) {
                self.levels.contribute(group, size_place(slot, tool), told);
            }
        }
    }
}

/// Remember where the credential was used, and the version.
pub fn note(act: &Act<'_>, facts: &mut Facts, origin: &Origin) {
    let address = act.network.as_ref().and_then(|one| one.source_ip.as_ref());
    if let (Some(credential), Some(_)) = (&act.credential, address) {
        if !origin.own() {
            let here = origin.place.as_deref().unwrap_or_default();
            facts.note_credential(&credential.id, here, act.time_us);
        }
    }
    if let Some(version) = &act.agent.version {
        facts.note_version(version);
    }
}
