//! Prefetches the state of the next events while one is judged.
//!
//! A pointer can be followed only once it is loaded. So the prefetch of an event starts four events
//! ahead, and each judged event continues it by one step.

use crate::prefetch::prefetch;
use crate::provenance::session::Session;
use crate::r#loop::agent::Agent;
use crate::r#loop::run::Run;
use pyo3::prelude::*;

impl Run<'_, '_> {
    /// Prefetch the events after a position.
    pub fn prefetch_ahead(&mut self, at: usize) {
        let (py, actions) = (self.event_judge.py, self.actions);
        let ahead = |by: usize| actions.order.get(at + by).copied();
        let agent = |by: usize| actions.agent_of(ahead(by)?)?.try_borrow(py).ok();
        if let Some(at) = ahead(4) {
            actions.prefetch(at);
        }
        if let Some(at) = ahead(3) {
            actions.prefetch_record(at);
        }
        if let Some(agent) = agent(3) {
            prefetch(&*agent);
        }
        if let Some(agent) = agent(2) {
            prefetch_parts(py, &agent);
            self.with_session(&agent, prefetch);
        }
        if let Some(agent) = agent(1) {
            prefetch_targets(py, &agent);
            self.with_session(&agent, Session::prefetch);
        }
    }

    /// Use the last session of an agent, if it is open.
    fn with_session(&mut self, agent: &Agent, look: impl FnOnce(&Session)) {
        let session = self.event_judge.sessions.known(agent.session.1);
        if let Some(session) = session.and_then(|one| one.try_borrow(self.event_judge.py).ok()) {
            look(&session);
        }
    }
}

/// Prefetch the parts of an agent.
fn prefetch_parts(py: Python<'_>, agent: &Agent) {
    let facts = &agent.facts;
    if let Ok(frequency_model) = agent.frequency_model.try_borrow(py) {
        prefetch(&*frequency_model);
    }
    prefetch(&*agent.texts);
    prefetch(&*agent.chains);
    prefetch(&*facts.mixture);
    prefetch(&*facts.sizes);
    prefetch(&*facts.week);
    prefetch(&*facts.versions);
    prefetch(&*facts.credentials);
    prefetch(&*facts.now.seen);
    for text in [&facts.agent_id, &facts.role, &facts.before, &agent.session.0] {
        prefetch(text.as_str());
    }
    if let Some(trust) = &agent.trust {
        prefetch(&*trust.days);
    }
}

/// Prefetch the targets of those parts.
fn prefetch_targets(py: Python<'_>, agent: &Agent) {
    agent.texts.prefetch();
    if let Ok(frequency_model) = agent.frequency_model.try_borrow(py) {
        frequency_model.prefetch();
    }
    let last = agent.facts.credentials.last().into_iter();
    let credential = last.flat_map(|one| [&one.id, &one.location]);
    agent.facts.versions.iter().chain(credential).for_each(|text| prefetch(text.as_str()));
}
