//! Rates: on how many agent-days honest work brings a series to so many bits;
//! `models.calibration.rates`.

use crate::calibration::day_maxima::{block_of, halved, DayMaxima, BINS, BIN_BITS, UNIT};
use crate::calibration::rate_tables::RateTables;
use crate::float_sums::{larger, smaller};
use crate::plan_json::{Constants, SeriesRow};
use pyo3::exceptions::PyKeyError;
use pyo3::PyResult;
use rustc_hash::FxHashMap;

const LN2: f64 = std::f64::consts::LN_2;

/// One series with the fleet's rates by bin.
struct Calibrated {
    row: SeriesRow,
    declared: Vec<f64>,
    fleet: Vec<f64>,
    /// First bin that is rare for the fleet.
    rare: usize,
}

/// Rarity of the bits of each series, for one agent, from published tables.
pub struct Rates {
    series: FxHashMap<u64, Calibrated>,
    half_life: i64,
    pub tables: RateTables,
    pub pending: RateTables,
    day: i64,
    clip_bits: f64,
    of_roles: FxHashMap<String, FxHashMap<u64, Pool>>,
    of_states: FxHashMap<String, FxHashMap<u64, Pool>>,
}

impl Rates {
    pub fn new(constants: &Constants, rows: &[SeriesRow], half_life: i64) -> Self {
        let series = rows.iter().map(|row| {
            let declared =
                |place| smaller(1.0, row.tests * (-row.declared * place as f64 * BIN_BITS).exp2());
            let one = Calibrated {
                row: row.clone(),
                declared: (0..BINS).map(declared).collect(),
                fleet: Vec::new(),
                rare: BINS - 1,
            };
            (row.id, one)
        });
        let mut found = Rates {
            series: series.collect(),
            half_life,
            tables: RateTables::new(half_life),
            pending: RateTables::new(half_life),
            day: 0,
            clip_bits: constants.rare_bits,
            of_roles: FxHashMap::default(),
            of_states: FxHashMap::default(),
        };
        found.derive(constants);
        found
    }

    /// Count an agent-day that is over; others see it at the next publication.
    pub fn close(
        &mut self,
        constants: &Constants,
        day: i64,
        role: Option<&str>,
        state: Option<&str>,
        own: Option<&mut DayMaxima>,
        maxima: &[(u64, f64)],
    ) {
        if let Some(state) = state {
            let mut clipped = Vec::with_capacity(maxima.len());
            for &(series, bits) in maxima {
                let rare = self.rare_in_state(constants, state, series);
                clipped.push((series, smaller(bits, rare as f64 * BIN_BITS)));
            }
            self.pending.of_state(state).add(day, clipped.into_iter());
            return;
        }
        if let Some(own) = own {
            own.add(day, maxima.iter().copied());
        }
        let mut clipped = Vec::with_capacity(maxima.len());
        for &(series, bits) in maxima {
            let rare = self.series.get(&series).map_or(BINS - 1, |one| one.rare);
            clipped.push((series, smaller(bits, rare as f64 * BIN_BITS)));
        }
        self.pending.fleet.add(day, clipped.iter().copied());
        if let Some(role) = role {
            self.pending.of_role(role).add(day, clipped.iter().copied());
        }
    }

    /// Count what a case brought on a day that is over, for the fleet alone.
    pub fn count_case(&mut self, day: i64, maxima: &[(u64, f64)]) {
        if !maxima.is_empty() {
            self.pending.cases.add(day, maxima.iter().copied());
        }
    }

    /// Make pending days count, of this or another shard, as of a day since 1970.
    pub fn apply(&mut self, constants: &Constants, pending: &RateTables, day: i64, clip_bits: f64) {
        let same_block = block_of(day, self.half_life) == block_of(self.day, self.half_life);
        self.day = day;
        let changed = pending.any() || !same_block || clip_bits != self.clip_bits;
        self.clip_bits = clip_bits;
        if pending.any() {
            self.tables.merge(pending);
        }
        if changed {
            self.derive(constants);
        }
    }

    /// Replace the published tables, as of a day since 1970.
    pub fn load(&mut self, constants: &Constants, tables: RateTables, day: i64, clip_bits: f64) {
        (self.tables, self.day, self.clip_bits) = (tables, day, clip_bits);
        self.derive(constants);
    }

    fn derive(&mut self, constants: &Constants) {
        self.of_roles.clear();
        self.of_states.clear();
        let (passed, _) = self.tables.fleet.weights(block_of(self.day, self.half_life));
        for (&number, one) in &mut self.series {
            let days = days_of(&self.tables.fleet, &one.row, passed);
            let mut counts = self.tables.fleet.reaching(number, passed);
            let (since, _) = self.tables.cases.weights(block_of(self.day, self.half_life));
            let of_cases = self.tables.cases.reaching(number, since);
            if of_cases[1] > 0.0 {
                let weight = smaller(1.0, days * (-constants.rare_bits).exp2() / of_cases[1]);
                for place in 1..BINS {
                    counts[place] += weight * of_cases[place];
                }
            }
            one.fleet = fleet_rates(constants, one, &counts, days);
            one.rare = first_rare(constants, one.fleet.iter().copied(), days, self.clip_bits);
        }
    }

    /// The first bin of a series that is rare among days in a special state.
    fn rare_in_state(&mut self, constants: &Constants, state: &str, series: u64) -> usize {
        let days = self.days(constants, None, None, Some(state), series);
        days.ok().and_then(|days| days.of_state).map_or(BINS - 1, |pool| pool.clip)
    }

    /// `-log2` of the agent-days on which the series reaches so many bits.
    pub fn rarity(
        &mut self,
        constants: &Constants,
        own: Option<&DayMaxima>,
        role: Option<&str>,
        state: Option<&str>,
        series: u64,
        bits: f64,
    ) -> PyResult<f64> {
        if bits <= 0.0 {
            return Ok(0.0);
        }
        let cells = bits / BIN_BITS;
        let place = (cells as usize).min(BINS - 1);
        let days = self.days(constants, own, role, state, series)?;
        let low = days.rarity(constants, place);
        if place == BINS - 1 {
            return Ok(low);
        }
        Ok(low + (cells - place as f64) * (days.rarity(constants, place + 1) - low))
    }

    /// The days that say how rare bits of a series are.
    fn days<'a>(
        &'a mut self,
        constants: &Constants,
        own: Option<&'a DayMaxima>,
        role: Option<&str>,
        state: Option<&str>,
        series: u64,
    ) -> PyResult<Days<'a>> {
        let block = block_of(self.day, self.half_life);
        let one = self.series.get(&series).ok_or_else(|| PyKeyError::new_err(series))?;
        let counted = |table: &'a DayMaxima| {
            let (passed, _) = table.weights(block);
            (table, passed, days_of(table, &one.row, passed))
        };
        let clip_bits = self.clip_bits;
        let of_role = |table| {
            let (table, passed, days) = counted(table);
            Pool::new(constants, table.reaching(series, passed), days, one.rare)
        };
        let of_state = |table| {
            let mut pool = of_role(table);
            let counted = (0..BINS).map(|at| pool.of_all(constants, one.fleet[at], at));
            pool.clip = first_rare(constants, counted, pool.days, clip_bits);
            pool
        };
        let role = role.and_then(|role| Some((role, self.tables.roles.get(role)?)));
        let state = state.and_then(|state| Some((state, self.tables.states.get(state)?)));
        Ok(Days {
            series,
            fleet: &one.fleet,
            own: own.map(counted),
            of_role: role
                .map(|(name, table)| pool(&mut self.of_roles, name, series, || of_role(table))),
            of_state: state
                .map(|(name, table)| pool(&mut self.of_states, name, series, || of_state(table))),
        })
    }

    /// Agent-days that the rates are estimated from.
    pub fn known_days(&self) -> u64 {
        self.tables.fleet.weights(block_of(self.day, self.half_life)).1 / UNIT
    }
}

/// The days of agent, role, fleet and special state that say how rare bits of a series are.
struct Days<'a> {
    series: u64,
    fleet: &'a [f64],
    /// Days, halvings since, and their number.
    own: Option<(&'a DayMaxima, i64, f64)>,
    of_role: Option<&'a Pool>,
    of_state: Option<&'a Pool>,
}

/// Agent-days of a role or of a special state.
struct Pool {
    /// Those at or above each bin.
    reaching: Vec<f64>,
    /// Those that the series could have reached its bits on.
    days: f64,
    /// First bin that is rare. Days that are rarer are counted there.
    clip: usize,
    /// The highest bin that `TAIL_DAYS` of the days have reached; 0 for none.
    tail: usize,
}

impl Pool {
    fn new(constants: &Constants, reaching: Vec<f64>, days: f64, clip: usize) -> Self {
        let tail = tail_of(constants, &reaching);
        Pool { reaching, days, clip, tail }
    }

    /// The rate of a bin from the counts of all days, shrunk towards a prior.
    fn of_all(&self, constants: &Constants, prior: f64, place: usize) -> f64 {
        let (events, most) = (constants.agent_events, constants.max_prior_days);
        shrunk(self.reaching[place], self.days, prior, events, most)
    }

    /// The rate of a bin, from the counts of the pool and the rates of the level above.
    fn rate(
        &self,
        place: usize,
        counted: impl Fn(usize) -> f64,
        prior: impl Fn(usize) -> f64,
    ) -> f64 {
        let edge = self.clip.max(self.tail);
        if place <= edge || self.tail == 0 {
            return counted(place);
        }
        smaller(counted(edge), counted(self.tail) * (prior(place) / prior(self.tail)))
    }
}

fn pool<'a>(
    known: &'a mut FxHashMap<String, FxHashMap<u64, Pool>>,
    name: &str,
    series: u64,
    derive: impl FnOnce() -> Pool,
) -> &'a Pool {
    if !known.contains_key(name) {
        known.insert(name.to_owned(), FxHashMap::default());
    }
    known.get_mut(name).expect("it was inserted").entry(series).or_insert_with(derive)
}

impl Days<'_> {
    /// `-log2` of those on which the series reaches a bin.
    fn rarity(&self, constants: &Constants, place: usize) -> f64 {
        if place == 0 {
            return 0.0;
        }
        let prior = |at| self.ordinary(constants, at);
        let rate = self.of_state.map_or_else(
            || prior(place),
            |pool| {
                let counted = |at| pool.of_all(constants, prior(at), at);
                pool.rate(place, counted, prior)
            },
        );
        -smaller(rate, 1.0).log2()
    }

    /// The rate of a bin for an agent in no special state.
    fn ordinary(&self, constants: &Constants, place: usize) -> f64 {
        let own_days = self.own.map_or(0.0, |(_, _, days)| days);
        let reached = |place| {
            self.own.map_or(0.0, |(own, passed, _)| own.reached(self.series, place, passed))
        };
        let most = constants.max_prior_days;
        let rate = self.of_role.map_or(self.fleet[place], |pool| {
            let days = larger(pool.days - own_days, 0.0);
            let counted = |at: usize| {
                let others = larger(pool.reaching[at] - reached(at), 0.0);
                shrunk(others, days, self.fleet[at], constants.role_events, most)
            };
            pool.rate(place, counted, |at| self.fleet[at])
        });
        shrunk(reached(place), own_days, rate, constants.agent_events, most)
    }
}

/// The agent-days that a series could have reached its bits on.
fn days_of(table: &DayMaxima, row: &SeriesRow, passed: i64) -> f64 {
    if row.exposure != 0 {
        return table.reached(row.exposure, 1, passed);
    }
    halved(table.days, passed) as f64 / UNIT as f64
}

/// The rate of each bin: counted, beyond the highest days extrapolated.
fn fleet_rates(constants: &Constants, one: &Calibrated, counts: &[f64], days: f64) -> Vec<f64> {
    let prior_days = constants.max_prior_days;
    let rate = |(&count, &declared): (&f64, &f64)| {
        smaller(shrunk(count, days, declared, constants.fleet_events, prior_days), 1.0)
    };
    let mut rates: Vec<f64> = counts.iter().zip(&one.declared).map(rate).collect();
    let start = tail_of(constants, counts);
    if start > 0 {
        let excess = counts[start + 1..].iter().sum::<f64>() * BIN_BITS / counts[start];
        let slope = larger(excess * LN2, 1.0);
        let tail_bits = one.row.tail_bits;
        for place in start + 1..BINS {
            let steps = (place - start) as f64 * BIN_BITS / slope;
            let beyond = tail_bits * (1.0 + LN2 * steps / tail_bits).log2();
            rates[place] = rates[start] * (-beyond).exp2();
        }
    }
    rates
}

/// The highest bin that `TAIL_DAYS` agent-days have reached; 0 for none.
fn tail_of(constants: &Constants, reaching: &[f64]) -> usize {
    (1..BINS).rev().find(|&place| reaching[place] >= constants.tail_days).unwrap_or(0)
}

/// The first bin from which on days count for others no further.
fn first_rare(
    constants: &Constants,
    mut rates: impl Iterator<Item = f64>,
    days: f64,
    clip_bits: f64,
) -> usize {
    if days < constants.rare_after_days {
        return BINS - 1;
    }
    rates.position(|rate| -smaller(rate, 1.0).log2() >= clip_bits).unwrap_or(BINS - 1)
}

/// A rate from a count of days, shrunk towards a prior rate.
fn shrunk(count: f64, days: f64, prior: f64, events: f64, max_prior_days: f64) -> f64 {
    let weight = events * smaller(1.0 / prior, max_prior_days);
    (count + prior * weight) / (days + weight)
}
