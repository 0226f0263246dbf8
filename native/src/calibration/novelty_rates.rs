//! Rates of novelty: how often a session brings something as new as this;
//! `models.calibration.novelty_rates`.

use crate::calibration::fading::FadingCounts;
use crate::codec::hashing::Hasher;
use crate::features::plan::Feature;
use crate::plan_json::Constants;
use rustc_hash::FxHashMap;
use std::fmt::Write;
use std::sync::Arc;

/// `models.constants.NOVELTY_LEVELS`, and a count of all sessions.
pub const WIDTH: usize = 4;
pub type Reaches = FadingCounts<WIDTH>;
const MAX_PATHS: usize = 50_000;
const MAX_ROLES: usize = 2_000;

/// Keys of the counts of one feature and context, from general to specific.
pub struct RatePath {
    pub shared: Vec<u64>,
    pub own: u64,
}

/// Counts of sessions by the highest level that they reached.
pub struct NoveltyRates {
    pub counts: Reaches,
    pub pending: Reaches,
    paths: FxHashMap<Box<str>, Arc<RatePath>>,
    /// By the mark of the role.
    of_roles: FxHashMap<u64, Arc<[Arc<RatePath>]>>,
    name: String,
}

impl NoveltyRates {
    pub fn new(half_life: i64) -> Self {
        NoveltyRates {
            counts: Reaches::new(half_life),
            pending: Reaches::new(half_life),
            paths: FxHashMap::default(),
            of_roles: FxHashMap::default(),
            name: String::new(),
        }
    }

    /// The keys of all features without a context, for one role.
    pub fn of_role(
        &mut self,
        hasher: &Hasher,
        features: &[Feature],
        role: &str,
        mark: u64,
    ) -> Arc<[Arc<RatePath>]> {
        if let Some(found) = self.of_roles.get(&mark) {
            return found.clone();
        }
        if self.of_roles.len() >= MAX_ROLES {
            self.of_roles.clear();
        }
        let path = |one: &Feature| self.path(hasher, &one.name, "", role);
        let found: Arc<[Arc<RatePath>]> = features.iter().map(path).collect();
        self.of_roles.insert(mark, found.clone());
        found
    }

    /// The keys of a feature in a context; the context is empty where it has none.
    pub fn path(
        &mut self,
        hasher: &Hasher,
        feature: &str,
        context: &str,
        role: &str,
    ) -> Arc<RatePath> {
        self.name.clear();
        let _ = write!(self.name, "{} {feature}{context}{role}", context.len());
        if let Some(found) = self.paths.get(self.name.as_str()) {
            return found.clone();
        }
        if self.paths.len() >= MAX_PATHS {
            self.paths.clear();
        }
        let start = format!("novelty\x1f{feature}");
        let mut shared = vec![hasher.once(&start)];
        let mut exact = start;
        if !context.is_empty() {
            exact = format!("{exact}\x1f{context}");
            shared.push(hasher.once(&exact));
        }
        shared.push(hasher.once(&format!("{exact}\x1frole\x1f{role}")));
        let own = hasher.once(&format!("{exact}\x1fown"));
        let found = Arc::new(RatePath { shared, own });
        self.paths.insert(self.name.as_str().into(), found.clone());
        found
    }

    /// Count a session the first time that it has the feature, at a level.
    pub fn count(&mut self, day: i64, path: &RatePath, own: &mut Reaches, level: u8) {
        let numbers = std::array::from_fn(|one| u64::from(one == 0 || usize::from(level) >= one));
        self.add(day, path, own, &numbers);
    }

    /// Count that a counted session has reached a higher level.
    pub fn raise_level(
        &mut self,
        day: i64,
        path: &RatePath,
        own: &mut Reaches,
        before: u8,
        level: u8,
    ) {
        let between = |one: usize| usize::from(before) < one && one <= usize::from(level);
        let numbers = std::array::from_fn(|one| u64::from(one > 0 && between(one)));
        self.add(day, path, own, &numbers);
    }

    fn add(&mut self, day: i64, path: &RatePath, own: &mut Reaches, numbers: &[u64; WIDTH]) {
        path.shared.iter().for_each(|&key| self.pending.add(day, key, numbers));
        own.add(day, path.own, numbers);
    }

    /// `-log2` of the rate of sessions that reach a level.
    pub fn bits(&self, constants: &Constants, path: &RatePath, own: &Reaches, level: u8) -> f64 {
        if level == 0 {
            return 0.0;
        }
        let (level, weight) = (usize::from(level), constants.novelty_events);
        let mut rate = constants.first_rates[level];
        let shared = path.shared.iter().map(|&key| self.counts.get(key));
        for counts in shared.chain([own.get(path.own)]) {
            rate = (counts[level] + weight) / (counts[0] + weight / rate);
        }
        -rate.log2()
    }
}
