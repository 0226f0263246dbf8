//! What sessions say of how usual news is, and when that is taken back.

use crate::provenance::entity_binding::{BROKEN, UNSAID};
use crate::provenance::history::request_clusters::Role;
use crate::provenance::history::session_votes::Ballot;
use crate::provenance::novelty::{strata, KNOWN, NEW, SAID, WANDERED};
use crate::provenance::novelty_prior::Rates;
use crate::provenance::session_uses::Vote;

/// Whether a value follows the agents around; then takes back what its sessions said.
pub fn doubt(rates: &mut Rates, role: &mut Role, value: u64, day: i64) -> bool {
    if !role.follows(value, day) {
        return false;
    }
    take_back(rates, &role.ballots.take(value));
    true
}

/// Counts each vote once at its place.
pub fn cast(rates: &mut Rates, ballot: &Ballot) {
    counted(ballot, |contexts, levels, weight| rates.vote(contexts, levels, weight, ballot.day));
}

/// What a ballot says of anything new: the rest need not be taken back.
pub fn news_of(mut ballot: Ballot) -> Ballot {
    let is_new = |vote: &Vote| vote.value_level != 0 || vote.flow_level != 0;
    ballot.votes.retain(|vote| is_new(vote) || vote.said == BROKEN || vote.wandered);
    ballot
}

fn take_back(rates: &mut Rates, ballots: &[Ballot]) {
    for ballot in ballots {
        counted(ballot, |contexts, levels, weight| {
            rates.take_back(contexts, levels, weight, ballot.day);
        });
    }
}

/// Gives the nodes, levels and weight of all that a ballot counts for.
fn counted(ballot: &Ballot, mut each: impl FnMut(&[u64; 4], (u64, u64), f64)) {
    for vote in &ballot.votes {
        for (share, stratum) in [(vote.familiarity, KNOWN), (1.0 - vote.familiarity, NEW)] {
            if share != 0.0 {
                let levels = (vote.value_level, vote.flow_level);
                each(&strata(&vote.contexts, stratum), levels, share * ballot.weight);
            }
        }
        if vote.said != UNSAID {
            let broken = u64::from(vote.said == BROKEN);
            each(&strata(&vote.contexts, SAID), (broken, 0), ballot.weight);
        }
        let wandered = u64::from(vote.wandered);
        each(&strata(&vote.contexts, WANDERED), (wandered, 0), ballot.weight);
    }
}
