//! Learning after scoring; `models.learner`.

use super::act::Act;
use super::bench::Bench;
use super::facts::{Facts, Now, State, QUANTITIES};
use super::mixture;
use super::peer_levels::Levels;
use super::scoring::{Scored, MARK};
use super::sizes::{self, per_mille, Sizes, SIZED};
use super::texts::Origin;
use crate::content::Session;
use crate::habits::Habits;

const HOUR_US: i64 = 3_600_000_000;

impl Bench<'_, '_> {
    #[allow(clippy::too_many_arguments)] // the parts of an agent
    pub fn learn(
        &mut self,
        act: &Act<'_>,
        facts: &mut Facts,
        now: &mut Now,
        levels: &mut Levels,
        habits: &mut Habits,
        session: &mut Session,
        group: (usize, &str),
        scored: &Scored,
        gate: f64,
    ) {
        session.events += 1;
        session.previous_tool.clear();
        session.previous_tool.push_str(&act.tool);
        if let Some(content) = &scored.content {
            crate::content::note(session, content);
        }
        let active = now.state() == State::Active;
        if active {
            habits.enter(self.groups, group.0, &scored.statistics, &scored.calibrated, gate, false);
        }
        let mark = (self.texts.tool(self.names) & MARK) as i64;
        if now.leak >= self.config.leak || now.state() == State::Learning {
            sizes::lean(&mut facts.sizes, mark, 0.0);
        } else if let Some(leaning) = scored.measures.leaning {
            sizes::lean(&mut facts.sizes, mark, leaning);
        }
        self.sum_up(act, &mut facts.sizes, now, levels, group.1, mark);
        let (texts, metrics) = (&*self.texts, scored.measures.in_order());
        habits.learned(self.groups, group.0, &scored.categories, active, &metrics, |at| {
            texts.get(at)
        });
        mixture::count_use(&mut facts.mixture, mark);
        now.voted |= active;
        now.day_bits += scored.total;
        now.day_learned += 1;
    }

    /// Add to the open hour's sums; learn a window when it closes.
    fn sum_up(
        &mut self,
        act: &Act<'_>,
        sizes: &mut Sizes,
        now: &mut Now,
        levels: &mut Levels,
        group: &str,
        tool: i64,
    ) {
        let hour = act.time_us.div_euclid(HOUR_US);
        if hour > now.hour {
            for (at, &total) in now.sums.iter().enumerate() {
                if now.hour >= 0 && total >= 0 {
                    let mut amount = total as f64;
                    if let Some(slot) = SIZED.iter().position(|sized| *sized == at) {
                        amount = per_mille(amount, now.expected[slot]);
                    }
                    levels[at].get_or_insert_default().learn(amount);
                    if now.state() == State::Active {
                        self.levels.contribute(group, at, amount);
                    }
                }
            }
            (now.hour, now.sums) = (hour, [-1; QUANTITIES]);
            now.expected = [0.0; SIZED.len()];
        }
        if hour < now.hour {
            return;
        }
        for (at, amount) in act.amounts().into_iter().enumerate() {
            let Some(amount) = amount else {
                if at == SIZED[0] {
                    sizes::send_nothing(sizes, tool);
                }
                continue;
            };
            now.sums[at] = now.sums[at].max(0) + amount;
            if let Some(slot) = SIZED.iter().position(|sized| *sized == at) {
                now.expected[slot] += sizes::usual(sizes, tool, slot, amount);
                sizes::learn(sizes, tool, slot, amount);
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
