"""Count the votes of sessions for novelty, and retract them when a value recurs across tasks.

A session learned without the gate votes even if a value made it anomalous, since benign novelty is
as rare. But a value that makes sessions of several tasks anomalous is part of no task: an attacker
has planted it. Then the votes of all sessions with this value are retracted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.provenance.entity_binding import UNBOUND, VIOLATED
from models.provenance.novelty import BINDING, KNOWN, NEW, SPREAD, strata
from models.provenance.session import SessionVotes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.provenance.history.request_clusters import RoleTable
    from models.provenance.novelty_prior import NoveltyRates
    from models.provenance.session import Vote


def retract_if_recurrent(rates: NoveltyRates, role: RoleTable, value: int, day: int) -> bool:
    """Retract the votes of a value that recurs across tasks; give whether it does."""
    if not role.recurs_across_tasks(value, day):
        return False
    _retract(rates, role.retained_votes.take(value))
    return True


def count_votes(rates: NoveltyRates, session_votes: SessionVotes) -> None:
    """Count each vote once in its contexts."""
    for contexts, value_level, flow_level, weight in _weighted_votes(session_votes):
        rates.vote(contexts, value_level, flow_level, weight, session_votes.day)


def novel_votes(session_votes: SessionVotes) -> SessionVotes:
    """Give the votes for anything new; only they can be retracted."""
    return SessionVotes(
        session_votes.day,
        session_votes.weight,
        [vote for vote in session_votes.votes if _is_novel(vote)],
    )


def _retract(rates: NoveltyRates, retained_votes: list[SessionVotes]) -> None:
    """Subtract counted votes."""
    for session_votes in retained_votes:
        for contexts, value_level, flow_level, weight in _weighted_votes(session_votes):
            rates.retract(contexts, value_level, flow_level, weight, session_votes.day)


def _weighted_votes(
    session_votes: SessionVotes,
) -> Iterator[tuple[tuple[int, ...], int, int, float]]:
    """Give the nodes, levels and weight of each count."""
    for vote in session_votes.votes:
        for share, stratum in ((vote.familiarity, KNOWN), (1 - vote.familiarity, NEW)):
            if share:
                contexts = strata(vote.contexts, stratum)
                yield contexts, vote.value_level, vote.flow_level, share * session_votes.weight
        if vote.binding != UNBOUND:
            contexts = strata(vote.contexts, BINDING)
            yield contexts, int(vote.binding == VIOLATED), 0, session_votes.weight
        yield strata(vote.contexts, SPREAD), int(vote.spread), 0, session_votes.weight


def _is_novel(vote: Vote) -> bool:
    return bool(vote.value_level or vote.flow_level or vote.binding == VIOLATED or vote.spread)
