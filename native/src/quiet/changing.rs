//! What a new version of an agent leaves as it is; `models.changing`.

use super::bench::Bench;
use super::subject::Subject;
use crate::habits::Surprise;

const TOOL: usize = 0;

impl Bench<'_, '_> {
    /// The rarity of what a new version leaves as it is; `models.changing.steady_bits`.
    pub fn steady(&self, tool: &str, subject: &Subject<'_>, categories: &Surprise) -> Option<f64> {
        let Subject { facts, habits, group, .. } = subject;
        if facts.brings(tool) {
            return None;
        }
        let first = categories.each().next().filter(|(found, _)| found.index == TOOL);
        let first = first.filter(|_| !facts.added.is_empty() && categories.again >> TOOL & 1 == 0);
        let Some((found, bits)) = first else { return Some(categories.steady) };
        let uniform = self.groups.places.all[TOOL].uniform;
        let strange = -self.groups.chain(*group, TOOL, found.value, -1, uniform).log2();
        let excess = bits.min(strange) - habits.usual[TOOL];
        Some(categories.steady.max(self.groups.weighted(*group, TOOL, excess)))
    }

    /// How many bits of a metric a new version may change for good.
    pub fn shift(&self, metric: usize, subject: &Subject<'_>) -> f64 {
        if metric == self.metrics.astray && !subject.facts.added.is_empty() {
            return 0.0;
        }
        self.metrics.shifting.get(&metric).copied().unwrap_or_default()
    }
}
