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
    roles: FxHashMap<String, FxHashMap<u64, Vec<f64>>>,
    rare_of_states: FxHashMap<String, FxHashMap<u64, usize>>,
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
            roles: FxHashMap::default(),
            rare_of_states: FxHashMap::default(),
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
        self.roles.clear();
        self.rare_of_states.clear();
        let (passed, _) = self.tables.fleet.weights(block_of(self.day, self.half_life));
        for (&number, one) in &mut self.series {
            let days = days_of(&self.tables.fleet, &one.row, passed);
            let known = days >= constants.rare_after_days;
            let counts = self.tables.fleet.reaching(number, passed);
            one.fleet = fleet_rates(constants, one, &counts, days);
            let rare = |&rate: &f64| known && -rate.log2() >= self.clip_bits;
            one.rare = one.fleet.iter().position(rare).unwrap_or(BINS - 1);
        }
    }

    /// The first bin of a series that is rare among days in a special state.
    fn rare_in_state(&mut self, constants: &Constants, state: &str, series: u64) -> usize {
        let known = self.rare_of_states.get(state).and_then(|known| known.get(&series));
        if let Some(&known) = known {
            return known;
        }
        let found = self.find_rare(constants, state, series).unwrap_or(BINS - 1);
        self.rare_of_states.entry(state.to_owned()).or_default().insert(series, found);
        found
    }

    fn find_rare(&mut self, constants: &Constants, state: &str, series: u64) -> Option<usize> {
        let (table, one) = (self.tables.states.get(state)?, self.series.get(&series)?);
        let (passed, _) = table.weights(block_of(self.day, self.half_life));
        if days_of(table, &one.row, passed) < constants.rare_after_days {
            return None;
        }
        let (mut low, mut high) = (1, BINS - 1); // rarity never falls with the bin
        while low < high {
            let middle = (low + high) / 2;
            let days = self.days(None, None, Some(state), series).ok()?;
            if days.rarity(constants, middle) >= self.clip_bits {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Some(low)
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
        let days = self.days(own, role, state, series)?;
        let low = days.rarity(constants, place);
        if place == BINS - 1 {
            return Ok(low);
        }
        Ok(low + (cells - place as f64) * (days.rarity(constants, place + 1) - low))
    }

    /// The days that say how rare bits of a series are.
    fn days<'a>(
        &'a mut self,
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
        let table = role.and_then(|role| Some((role, self.tables.roles.get(role)?)));
        let of_role = table.map(|(role, table)| {
            let (_, passed, days) = counted(table);
            if !self.roles.contains_key(role) {
                self.roles.insert(role.to_owned(), FxHashMap::default());
            }
            let known = self.roles.get_mut(role).expect("it was inserted");
            let reaching = known.entry(series).or_insert_with(|| table.reaching(series, passed));
            (reaching.as_slice(), days)
        });
        Ok(Days {
            series,
            fleet: &one.fleet,
            own: own.map(counted),
            of_role,
            of_state: state.and_then(|state| self.tables.states.get(state)).map(counted),
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
    of_role: Option<(&'a [f64], f64)>,
    of_state: Option<(&'a DayMaxima, i64, f64)>,
}

impl Days<'_> {
    /// `-log2` of those on which the series reaches a bin.
    fn rarity(&self, constants: &Constants, place: usize) -> f64 {
        if place == 0 {
            return 0.0;
        }
        let mut rate = self.fleet[place];
        let (mut count, mut days) = (0.0, 0.0);
        if let Some((own, passed, own_days)) = self.own {
            (count, days) = (own.reached(self.series, place, passed), own_days);
        }
        let prior_days = constants.max_prior_days;
        if let Some((reaching, role_days)) = self.of_role {
            let others = larger(reaching[place] - count, 0.0);
            let other_days = larger(role_days - days, 0.0);
            rate = shrunk(others, other_days, rate, constants.role_events, prior_days);
        }
        rate = shrunk(count, days, rate, constants.agent_events, prior_days);
        if let Some((special, passed, days)) = self.of_state {
            let reached = special.reached(self.series, place, passed);
            rate = shrunk(reached, days, rate, constants.agent_events, prior_days);
        }
        -smaller(rate, 1.0).log2()
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
    let many = |place: &usize| counts[*place] >= constants.tail_days;
    let start = (1..BINS).rev().find(many).unwrap_or(0);
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

/// A rate from a count of days, shrunk towards a prior rate.
fn shrunk(count: f64, days: f64, prior: f64, events: f64, max_prior_days: f64) -> f64 {
    let weight = events * smaller(1.0 / prior, max_prior_days);
    (count + prior * weight) / (days + weight)
}
