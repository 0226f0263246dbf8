//! Reads the plan: rows and constants of the judge, which Python declares.

use pyo3::exceptions::PyValueError;
use pyo3::PyResult;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct FamilyRow {
    pub name: String,
    pub story: String,
    pub alone: bool,
    pub series: u64,
    /// Whether several counters belong to it, so that its rarest one is calibrated once more.
    pub several: bool,
    pub left_out: bool,
    pub certain: bool,
}

#[derive(Deserialize, Clone)]
pub struct SeriesRow {
    pub id: u64,
    pub name: String,
    /// Place of its family; beyond the families for the combination.
    pub family: usize,
    pub declared: f64,
    /// Its tests on one agent-day.
    pub tests: f64,
    pub tail_bits: f64,
    /// Number under which its agent-days are counted; 0 where all agent-days count.
    pub exposure: u64,
}

#[derive(Deserialize)]
pub struct FeatureRow {
    pub name: String,
    pub family: usize,
    pub of: Vec<String>,
    pub each: Option<String>,
    pub within: Vec<String>,
    pub known_by: Vec<String>,
    pub personal: bool,
    pub versioned: bool,
    pub lasting: bool,
    pub spreads: bool,
    pub after: Option<usize>,
    pub settled: bool,
    pub joins: Vec<String>,
}

#[derive(Deserialize)]
pub struct TestRow {
    pub field: String,
    pub equal: Vec<String>,
    pub words: Vec<String>,
    pub parts: Vec<Vec<String>>,
}

#[derive(Deserialize)]
pub struct CounterRow {
    pub id: u64,
    pub name: String,
    pub number: String,
    pub when: Vec<Vec<TestRow>>,
    pub distinct: String,
    pub new: Option<usize>,
    pub origin: String,
    pub once: bool,
    pub peak: bool,
    pub about: String,
}

#[derive(Deserialize)]
pub struct RuleRow {
    pub name: String,
    pub family: String,
    pub bits: f64,
    pub field: String,
    pub number: String,
    pub series: u64,
}

/// Series whose bits do not come from a row: number and name.
#[derive(Deserialize)]
pub struct Roles {
    pub carried: (u64, String),
    pub spread: (u64, String),
    pub content: (u64, String),
    pub slow: (u64, String),
    pub cascade: (u64, String),
}

#[derive(Deserialize)]
pub struct Words {
    pub commands: FxHashSet<String>,
    pub tokens: Vec<String>,
    pub prices: Vec<String>,
    pub approvals: Vec<(f64, f64)>,
    pub asked: Vec<String>,
    pub own_networks: FxHashSet<String>,
    pub tainted: String,
    pub new: String,
    pub deployed: String,
    pub reported: Vec<String>,
}

#[derive(Deserialize)]
pub struct PlanRows {
    constants: FxHashMap<String, serde_json::Value>,
    pub cases_per_day: f64,
    pub families: Vec<FamilyRow>,
    pub series: Vec<SeriesRow>,
    pub combination: SeriesRow,
    pub features: Vec<FeatureRow>,
    pub counters: Vec<CounterRow>,
    pub rules: Vec<RuleRow>,
    pub roles: Roles,
    pub words: Words,
    pub value: usize,
    pub flow: usize,
}

impl PlanRows {
    pub fn read(raw: &[u8]) -> PyResult<PlanRows> {
        serde_json::from_slice(raw).map_err(|error| wrong(&format!("plan cannot be read: {error}")))
    }

    fn value(&self, name: &str) -> PyResult<&serde_json::Value> {
        self.constants.get(name).ok_or_else(|| wrong(&format!("plan has no constant {name}")))
    }

    fn number(&self, name: &str) -> PyResult<f64> {
        let number = self.value(name)?.as_f64();
        number.ok_or_else(|| wrong(&format!("constant {name} of the plan is no number")))
    }
}

pub fn wrong(text: &str) -> pyo3::PyErr {
    PyValueError::new_err(text.to_owned())
}

/// A type that a constant is read as.
trait Constant: Sized {
    fn read(rows: &PlanRows, name: &str) -> PyResult<Self>;
}

impl Constant for f64 {
    fn read(rows: &PlanRows, name: &str) -> PyResult<f64> {
        rows.number(name)
    }
}

impl Constant for i64 {
    fn read(rows: &PlanRows, name: &str) -> PyResult<i64> {
        Ok(rows.number(name)? as i64)
    }
}

impl Constant for usize {
    fn read(rows: &PlanRows, name: &str) -> PyResult<usize> {
        Ok(rows.number(name)? as usize)
    }
}

impl Constant for Vec<f64> {
    fn read(rows: &PlanRows, name: &str) -> PyResult<Vec<f64>> {
        let all = rows.value(name)?.as_array().cloned().unwrap_or_default();
        Ok(all.iter().filter_map(serde_json::Value::as_f64).collect())
    }
}

macro_rules! constants {
    ($($name:ident: $kind:ty = $full:literal,)*) => {
        /// The numbers that the plan gives; a name says in which module each is declared.
        pub struct Constants {
            $(pub $name: $kind,)*
        }

        impl Constants {
            pub fn of(rows: &PlanRows) -> PyResult<Constants> {
                Ok(Constants { $($name: Constant::read(rows, $full)?,)* })
            }
        }
    };
}

constants! {
    first_rates: Vec<f64> = "constants.FIRST_RATES",
    novelty_events: f64 = "constants.NOVELTY_EVENTS",
    warm_sessions: i64 = "constants.WARM_SESSIONS",
    floor_bits: f64 = "constants.FLOOR_BITS",
    lasting_bits: f64 = "constants.LASTING_BITS",
    fleet_days: f64 = "constants.FLEET_DAYS",
    role_days: f64 = "constants.ROLE_DAYS",
    min_amount_days: f64 = "constants.MIN_AMOUNT_DAYS",
    prior_spread: f64 = "constants.PRIOR_SPREAD",
    min_spread: f64 = "constants.MIN_SPREAD",
    tail_weight: f64 = "constants.TAIL_WEIGHT",
    tail_shape: f64 = "constants.TAIL_SHAPE",
    growth: f64 = "constants.GROWTH",
    suspect: f64 = "constants.SUSPECT",
    min_calls: i64 = "constants.MIN_CALLS",
    spread_rate: f64 = "constants.SPREAD_RATE",
    spread_step: f64 = "constants.SPREAD_STEP",
    feature_values: f64 = "constants.FEATURE_VALUES",
    key_values: f64 = "constants.KEY_VALUES",
    fleet_events: f64 = "constants.FLEET_EVENTS",
    role_events: f64 = "constants.ROLE_EVENTS",
    agent_events: f64 = "constants.AGENT_EVENTS",
    max_prior_days: f64 = "constants.MAX_PRIOR_DAYS",
    half_life_days: i64 = "constants.HALF_LIFE_DAYS",
    combined_days: i64 = "constants.COMBINED_DAYS",
    rare_bits: f64 = "constants.RARE_BITS",
    rare_after_days: f64 = "constants.RARE_AFTER_DAYS",
    noted_after_days: f64 = "constants.NOTED_AFTER_DAYS",
    tail_days: f64 = "constants.TAIL_DAYS",
    beyond_case_bits: f64 = "constants.BEYOND_CASE_BITS",
    little_bits: f64 = "constants.LITTLE_BITS",
    noise_bits: f64 = "constants.NOISE_BITS",
    other_stories: f64 = "constants.OTHER_STORIES",
    noted_bits: f64 = "constants.NOTED_BITS",
    active_days: usize = "constants.ACTIVE_DAYS",
    state_days: i64 = "constants.STATE_DAYS",
    known_days: i64 = "constants.KNOWN_DAYS",
    max_known: usize = "constants.MAX_KNOWN",
    max_held: usize = "constants.MAX_HELD",
    max_knowers: usize = "constants.MAX_KNOWERS",
    cascade_bits: f64 = "constants.CASCADE_BITS",
    block_days: i64 = "profile.BLOCK_DAYS",
    profile_version: i64 = "profile.VERSION",
    step: f64 = "amounts.STEP",
    max_distinct: usize = "amounts.MAX_DISTINCT",
    max_subject: usize = "plan.MAX_TEXT",
    max_programs: usize = "fields.MAX_PROGRAMS",
    expired_us: i64 = "promises.EXPIRED_US",
    apart_us: i64 = "promises.APART_US",
    max_locations: usize = "promises.MAX_LOCATIONS",
    max_credentials: usize = "promises.MAX_CREDENTIALS",
    max_versions: usize = "promises.MAX_VERSIONS",
    max_known_locations: usize = "promises.MAX_KNOWN_LOCATIONS",
    min_sessions: i64 = "relations.MIN_SESSIONS",
    min_silence_us: i64 = "relations.MIN_SILENCE_US",
    quarter_us: i64 = "relations.QUARTER_US",
    max_sole: usize = "relations.MAX_SOLE",
    kept_calls: f64 = "slow_change.KEPT_CALLS",
    kept_days: f64 = "slow_change.KEPT_DAYS",
    max_excess: f64 = "slow_change.MAX_EXCESS",
    max_step: f64 = "slow_change.MAX_STEP",
    prior_calls: f64 = "slow_change.PRIOR_CALLS",
    min_variance: f64 = "slow_change.MIN_VARIANCE",
    prior_days: f64 = "slow_change.PRIOR_DAYS",
    prior_variance: f64 = "slow_change.PRIOR_VARIANCE",
    max_tools: usize = "slow_change.MAX_TOOLS",
    min_others: usize = "traces.MIN_OTHERS",
    max_agents: usize = "traces.MAX_AGENTS",
    max_tested: usize = "conditions.MAX_TEXT",
    max_name: usize = "containers.MAX_NAME",
    arn_parts: usize = "containers.ARN_PARTS",
    max_value: usize = "fields.MAX_VALUE",
    max_depth: usize = "fields.MAX_DEPTH",
    late_us: i64 = "scoring.LATE_US",
}
