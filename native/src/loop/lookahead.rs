//! Asks for what the next events will need while one is judged.
//!
//! What a piece points to can be asked for only once the piece is there: so the next event but
//! three begins, and each event that is judged brings it a step further.

use crate::prefetch::ask;
use crate::provenance::session::Session;
use crate::r#loop::agent::Agent;
use crate::r#loop::run::Run;
use pyo3::prelude::*;

impl Run<'_, '_> {
    /// Ask for memory of the events after a position.
    pub fn look_ahead(&mut self, at: usize) {
        let (py, acts) = (self.bench.py, self.acts);
        let ahead = |by: usize| acts.order.get(at + by).copied();
        let agent = |by: usize| acts.agent_of(ahead(by)?)?.try_borrow(py).ok();
        if let Some(at) = ahead(4) {
            acts.ask(at);
        }
        if let Some(at) = ahead(3) {
            acts.ask_record(at);
        }
        if let Some(agent) = agent(3) {
            ask(&*agent);
        }
        if let Some(agent) = agent(2) {
            ask_parts(py, &agent);
            self.with_session(&agent, ask);
        }
        if let Some(agent) = agent(1) {
            ask_rest(py, &agent);
            self.with_session(&agent, Session::ask);
        }
    }

    /// Look at the session that an agent acted in last, if it is open.
    fn with_session(&mut self, agent: &Agent, look: impl FnOnce(&Session)) {
        let session = self.bench.sessions.known(agent.session.1);
        if let Some(session) = session.and_then(|one| one.try_borrow(self.bench.py).ok()) {
            look(&session);
        }
    }
}

/// Ask for what an agent points to.
fn ask_parts(py: Python<'_>, agent: &Agent) {
    let facts = &agent.facts;
    if let Ok(habits) = agent.habits.try_borrow(py) {
        ask(&*habits);
    }
    ask(&*agent.texts);
    ask(&*agent.chains);
    ask(&*facts.mixture);
    ask(&*facts.sizes);
    ask(&*facts.week);
    ask(&*facts.versions);
    ask(&*facts.credentials);
    ask(&*facts.now.seen);
    for text in [&facts.agent_id, &facts.role, &facts.before, &agent.session.0] {
        ask(text.as_str());
    }
    if let Some(trust) = &agent.trust {
        ask(&*trust.days);
    }
}

/// Ask for what those parts point to.
fn ask_rest(py: Python<'_>, agent: &Agent) {
    agent.texts.ask();
    if let Ok(habits) = agent.habits.try_borrow(py) {
        habits.ask();
    }
    let last = agent.facts.credentials.last().into_iter();
    let credential = last.flat_map(|one| [&one.id, &one.place]);
    agent.facts.versions.iter().chain(credential).for_each(|text| ask(text.as_str()));
}
