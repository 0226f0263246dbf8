//! Day maxima of the fleet, of each role, and of agents in a special state;
//! `models.calibration.rate_tables`.

use crate::calibration::day_maxima::DayMaxima;
use crate::codec::compact_reader::{Read, Reader};
use crate::codec::compact_writer::Writer;
use crate::plan_json::wrong;
use std::collections::BTreeMap;

/// Day maxima of the fleet, of each role, and of agents in a special state.
#[derive(Clone)]
pub struct RateTables {
    pub half_life: i64,
    pub fleet: DayMaxima,
    pub roles: BTreeMap<String, DayMaxima>,
    pub states: BTreeMap<String, DayMaxima>,
    /// What cases brought on their days.
    pub cases: DayMaxima,
}

impl RateTables {
    pub fn new(half_life: i64) -> Self {
        RateTables {
            half_life,
            fleet: DayMaxima::new(half_life),
            roles: BTreeMap::new(),
            states: BTreeMap::new(),
            cases: DayMaxima::new(half_life),
        }
    }

    /// Whether there are any days.
    pub fn any(&self) -> bool {
        self.fleet.days != 0 || !self.states.is_empty() || self.cases.days != 0
    }

    pub fn of_role(&mut self, role: &str) -> &mut DayMaxima {
        table(&mut self.roles, role, self.half_life)
    }

    pub fn of_state(&mut self, state: &str) -> &mut DayMaxima {
        table(&mut self.states, state, self.half_life)
    }

    pub fn merge(&mut self, other: &RateTables) {
        self.fleet.merge(&other.fleet);
        self.cases.merge(&other.cases);
        other.roles.iter().for_each(|(role, table)| self.of_role(role).merge(table));
        other.states.iter().for_each(|(state, table)| self.of_state(state).merge(table));
    }

    pub fn write(&self, out: &mut Writer) {
        out.map(5);
        out.text("cases");
        self.cases.write(out);
        out.text("fleet");
        self.fleet.write(out);
        out.text("half_life");
        out.signed(self.half_life);
        for (name, tables) in [("roles", &self.roles), ("states", &self.states)] {
            out.text(name);
            out.map(tables.len());
            for (name, table) in tables {
                out.text(name);
                table.write(out);
            }
        }
    }

    pub fn read(from: &mut Reader<'_>, half_life: i64) -> Read<RateTables> {
        let mut found = RateTables::new(half_life);
        for _ in 0..from.map()? {
            match from.text()? {
                "cases" => found.cases = DayMaxima::read(from)?,
                "fleet" => found.fleet = DayMaxima::read(from)?,
                "half_life" => found.half_life = from.signed()?,
                "roles" => found.roles = tables(from)?,
                "states" => found.states = tables(from)?,
                other => return Err(wrong(&format!("tables of rates have no part {other:?}"))),
            }
        }
        Ok(found)
    }
}

fn table<'a>(
    tables: &'a mut BTreeMap<String, DayMaxima>,
    name: &str,
    half_life: i64,
) -> &'a mut DayMaxima {
    if !tables.contains_key(name) {
        tables.insert(name.to_owned(), DayMaxima::new(half_life));
    }
    tables.get_mut(name).expect("it was inserted")
}

fn tables(from: &mut Reader<'_>) -> Read<BTreeMap<String, DayMaxima>> {
    let mut found = BTreeMap::new();
    for _ in 0..from.map()? {
        let name = from.text()?.to_owned();
        found.insert(name, DayMaxima::read(from)?);
    }
    Ok(found)
}
