//! Learning after scoring; `models.learner`.

use super::act::Act;
use super::bench::Bench;
use super::facts::{Facts, Now, State, QUANTITIES};
use super::mixture;
use super::peer_levels::Levels;
use super::scoring::{Scored, MARK};
use super::texts::Origin;
use super::words::place_of;
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
            habits.enter(self.groups, group.0, &scored.statistics, &scored.calibrated, gate);
        }
        self.sum_up(act, now, levels, group.1, active);
        let (texts, metrics) = (&*self.texts, &scored.measures.bits);
        habits
            .learned(self.groups, group.0, &scored.categories, active, metrics, |at| texts.get(at));
        let mark = self.groups.hash(&act.tool) & MARK;
        mixture::count_use(&mut facts.mixture, mark as i64);
        now.voted |= active;
        now.day_bits += scored.total;
        now.day_learned += 1;
    }

    /// Add to the open hour's sums; learn a window when it closes.
    fn sum_up(
        &mut self,
        act: &Act<'_>,
        now: &mut Now,
        levels: &mut Levels,
        group: &str,
        active: bool,
    ) {
        let hour = act.time_us.div_euclid(HOUR_US);
        if hour > now.hour {
            for (at, &total) in now.sums.iter().enumerate() {
                if now.hour >= 0 && total >= 0 {
                    levels[at].get_or_insert_default().learn(total as f64);
                    if active {
                        self.levels.contribute(group, at, total as f64);
                    }
                }
            }
            (now.hour, now.sums) = (hour, [-1; QUANTITIES]);
        }
        if hour < now.hour {
            return;
        }
        for (sum, amount) in now.sums.iter_mut().zip(act.amounts()) {
            if let Some(amount) = amount {
                *sum = (*sum).max(0) + amount;
            }
        }
    }
}

/// Remember where the credential was used, and the version.
pub fn note(act: &Act<'_>, facts: &mut Facts, origin: &Origin) {
    let address = act.network.as_ref().and_then(|one| one.source_ip.as_ref());
    if let (Some(credential), Some(address)) = (&act.credential, address) {
        if !origin.own() {
            let here = place_of(address, origin.country.as_deref(), origin.asn);
            facts.note_credential(&credential.id, here.unwrap_or_default(), act.time_us);
        }
    }
    if let Some(version) = &act.agent.version {
        facts.note_version(version);
    }
}
