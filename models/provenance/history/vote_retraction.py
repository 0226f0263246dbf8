"""What sessions say of how usual news is, and when that is taken back.

A session that a value made unusual votes all the same while it is learned without the gate, as
benign news is as rare. But a value that makes sessions unusual in several kinds of request is no
part of any: it follows the agents around, as what an attacker planted does. What the sessions that
carried it said of new values and flows then counts no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.provenance.entity_binding import BROKEN, UNSAID
from models.provenance.novelty import KNOWN, NEW, SAID, WANDERED, strata
from models.provenance.session import Ballot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.provenance.history.request_clusters import RoleTable
    from models.provenance.novelty_prior import Rates
    from models.provenance.session import Vote


def doubt(rates: Rates, role: RoleTable, value: int, day: int) -> bool:
    """Tell whether a value follows the agents around; then take back what its sessions said."""
    if not role.follows(value, day):
        return False
    _take_back(rates, role.ballots.take(value))
    return True


def cast(rates: Rates, ballot: Ballot) -> None:
    """Count each vote once at its place."""
    for contexts, value_level, flow_level, weight in _counted(ballot):
        rates.vote(contexts, value_level, flow_level, weight, ballot.day)


def news_of(ballot: Ballot) -> Ballot:
    """Give what a ballot says of anything new: the rest need not be taken back."""
    return Ballot(ballot.day, ballot.weight, [vote for vote in ballot.votes if _is_news(vote)])


def _take_back(rates: Rates, ballots: list[Ballot]) -> None:
    """Count no more what was cast."""
    for ballot in ballots:
        for contexts, value_level, flow_level, weight in _counted(ballot):
            rates.take_back(contexts, value_level, flow_level, weight, ballot.day)


def _counted(ballot: Ballot) -> Iterator[tuple[tuple[int, ...], int, int, float]]:
    """Give the nodes, levels and weight of all that a ballot counts for."""
    for vote in ballot.votes:
        for share, stratum in ((vote.familiarity, KNOWN), (1 - vote.familiarity, NEW)):
            if share:
                contexts = strata(vote.contexts, stratum)
                yield contexts, vote.value_level, vote.flow_level, share * ballot.weight
        if vote.said != UNSAID:
            contexts = strata(vote.contexts, SAID)
            yield contexts, int(vote.said == BROKEN), 0, ballot.weight
        yield strata(vote.contexts, WANDERED), int(vote.wandered), 0, ballot.weight


def _is_news(vote: Vote) -> bool:
    return bool(vote.value_level or vote.flow_level or vote.said == BROKEN or vote.wandered)
