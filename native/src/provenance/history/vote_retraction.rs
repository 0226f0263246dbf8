//! Counts the votes of sessions for novelty, and retracts them when a value recurs across tasks.

use crate::provenance::entity_binding::{UNBOUND, VIOLATED};
use crate::provenance::history::request_clusters::RoleTable;
use crate::provenance::history::session_votes::SessionVotes;
use crate::provenance::novelty::{strata, BINDING, KNOWN, NEW, SPREAD};
use crate::provenance::novelty_prior::NoveltyRates;
use crate::provenance::session_uses::Vote;

/// Retracts the votes of a value that recurs across tasks; gives whether it does.
pub fn retract_if_recurrent(
    rates: &mut NoveltyRates,
    role: &mut RoleTable,
    value: u64,
    day: i64,
) -> bool {
    if !role.recurs_across_tasks(value, day) {
        return false;
    }
    retract(rates, &role.retained_votes.take(value));
    true
}

/// Counts each vote once in its contexts.
pub fn count_votes(rates: &mut NoveltyRates, session_votes: &SessionVotes) {
    counted(session_votes, |contexts, levels, weight| {
        rates.vote(contexts, levels, weight, session_votes.day)
    });
}

/// The votes for anything new; only they can be retracted.
pub fn novel_votes(mut session_votes: SessionVotes) -> SessionVotes {
    let is_new = |vote: &Vote| vote.value_level != 0 || vote.flow_level != 0;
    session_votes.votes.retain(|vote| is_new(vote) || vote.binding == VIOLATED || vote.spread);
    session_votes
}

fn retract(rates: &mut NoveltyRates, retained_votes: &[SessionVotes]) {
    for session_votes in retained_votes {
        counted(session_votes, |contexts, levels, weight| {
            rates.retract(contexts, levels, weight, session_votes.day);
        });
    }
}

/// Gives the nodes, levels and weight of each count.
fn counted(session_votes: &SessionVotes, mut each: impl FnMut(&[u64; 4], (u64, u64), f64)) {
    for vote in &session_votes.votes {
        for (share, stratum) in [(vote.familiarity, KNOWN), (1.0 - vote.familiarity, NEW)] {
            if share != 0.0 {
                let levels = (vote.value_level, vote.flow_level);
                each(&strata(&vote.contexts, stratum), levels, share * session_votes.weight);
            }
        }
        if vote.binding != UNBOUND {
            let broken = u64::from(vote.binding == VIOLATED);
            each(&strata(&vote.contexts, BINDING), (broken, 0), session_votes.weight);
        }
        let spread = u64::from(vote.spread);
        each(&strata(&vote.contexts, SPREAD), (spread, 0), session_votes.weight);
    }
}
