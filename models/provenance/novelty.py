"""How new an identifier and its flow are, and where that is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.codec.hashing import mix
from models.provenance.history.request_clusters import mark_of
from models.provenance.session import Use

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.provenance.history.request_clusters import Cluster, RoleTable
    from models.provenance.request import Value
    from models.provenance.session import Vote

Near = list[tuple[float, "Cluster", float]]  # weight, cluster, similarity
FAMILIAR_HALF = 0.5
USUAL_SHARE = 0.15  # of similar sessions that makes a value or flow usual for this request
OFTEN = 10.0  # similar sessions that do so whatever their share
LIKE = 0.5  # kinds of request this similar are no two: what makes both unusual follows nobody
SAME_REQUEST = 0.9  # a session this similar to a cluster belongs to it
OWN = 13  # marks a flow of one agent, with its hash
UNKNOWN = 2  # level of a value from which on it is new at its place
OUTSIDE = 4  # level of an address whose whole domain is new to the role
TELLING = 3.0  # bits that a new domain must add to a new address to be news
ACCEPTED = 11  # marks a flow that several agents of the role bring along day after day
KNOWN, NEW = 1, 2  # strata: is the request of a known kind?
SAID = 3  # stratum of what came, or not, as a name of the request says
WANDERED = 4  # stratum of what wanders among kinds of request, or does not


def strata(contexts: tuple[int, int, int], stratum: int) -> tuple[int, ...]:
    """Give the four nodes of one stratum, from general to specific."""
    kind, kind_key, exact = contexts
    return (stratum, mix(kind, stratum), mix(kind_key, stratum), mix(exact, stratum))


class VotePlace:
    """Where the novelty of (role, tool, key, kind) is counted."""

    __slots__ = ("contexts", "exact", "said", "strata", "wandered")

    def __init__(self, exact: int, contexts: tuple[int, int, int]) -> None:
        self.exact = exact
        self.contexts = contexts
        self.strata = (strata(contexts, KNOWN), strata(contexts, NEW))
        self.said = strata(contexts, SAID)
        self.wandered = strata(contexts, WANDERED)


def familiarity(near: list[tuple[float, int, int]]) -> float:
    """``phi``: how well sessions like this one are known, 0 .. 1.

    Parameters
    ----------
    near
        (similarity, sessions, skipped sessions) of each cluster that is like this session.
    """
    mass = doubt = top = 0.0
    for similar, seen, skipped in near:
        square = similar * similar
        doubt += square * skipped
        if seen:
            mass += square * seen
            top = max(top, square)
    return top * mass / (mass + doubt + FAMILIAR_HALF)


def own_cluster(near: list[tuple[int, float, float]], role: RoleTable) -> int:
    """Give the number of the cluster that a session belongs to, 0 while there is none."""
    best, most, alike = 0, -1.0, 0.0
    for number, overlap, similar in near:
        if overlap > most and number in role.clusters:
            best, most, alike = number, overlap, similar
    return best if alike >= SAME_REQUEST else 0


def kinds_like(near: list[tuple[int, float, float]], number: int) -> frozenset[int]:
    """Give the marks of a kind of request (0: none yet) and of those that are like it."""
    alike = (other for other, _, similar in near if similar >= LIKE)
    return frozenset(mark_of(kind) for kind in (*alike, number) if kind)


def source_of(where: list[str]) -> str | None:
    """Give the first result tool an identifier came from, None when it was asked for."""
    source = None
    for origin in where:
        if origin in ("request", "system"):
            return None
        if source is None and origin.startswith("result:"):
            source = origin[7:]
    return source


def use_of(tool_key: int, key: int, value: Value, source: int) -> Use:
    """Give an identifier at its place, with the hash of where it came from (0: asked for)."""
    flow = mix(source, tool_key, 3) if source else 0
    flow_key = mix(source, key, 4) if source else 0
    return Use(tool_key, value.hashed, value.root, flow, flow_key, 0, value.who, value.domain)


def levels(
    role: RoleTable,
    use: Use,
    near: Near,
    total: float,
    agent: Callable[[], int],
    telling: Callable[[], bool],
    least: int = 1,
) -> tuple[int, int]:
    """Give how new a value and its flow are: 0 usual for such requests .. 3 new to the role.

    A flow that `agent` (its hash) brought along while it was learned is usual for it. A value may
    also be `OUTSIDE`; where that is `telling`, no flow that was accepted accounts for it. Of a kind
    of request that fewer than `least` sessions brought the value to, it is no part.
    """
    at = mix(use.tool_key, use.value, 2)
    carried = flowed = often_carried = often_flowed = 0.0
    for weight, cluster, similar in near:
        seen = cluster.values.get(at, 0)
        if seen >= least:
            carried += weight * seen / cluster.n
            often_carried += similar * similar * seen
        if use.flow in cluster.flows:
            flowed += weight * cluster.flows[use.flow] / cluster.n
            often_flowed += similar * similar * cluster.flows[use.flow]
    usual = USUAL_SHARE * total
    level = flow_level = 0
    if carried <= usual and often_carried < OFTEN:
        if at in role.at:
            level = 1
        elif use.value in role.anywhere or (use.root and use.root in role.roots):
            level = 2
        elif not use.domain or use.domain in role.roots:
            level = 3
        else:
            level = OUTSIDE
    if flowed <= usual and often_flowed < OFTEN:
        known = use.flow in role.flow
        flow_level = 1 if known else 2 if use.flow_key in role.flow_key else 3
        if mix(use.flow, agent(), OWN) in role.flow:
            flow_level = 0
    seldom = bool(level or flow_level)
    if (
        seldom
        and mix(use.flow, ACCEPTED) in role.flow
        and use.value not in role.sightings
        and not (level == OUTSIDE and telling())
    ):
        return 0, 0
    return level, flow_level


def count_vote(votes: dict[int, Vote], exact: int, vote: Vote) -> None:
    """Keep the highest levels reached at a place; the familiarity is that of the first there."""
    known = votes.setdefault(exact, vote)
    known.value_level = max(known.value_level, vote.value_level)
    known.flow_level = max(known.flow_level, vote.flow_level)
    known.said = max(known.said, vote.said)
    known.wandered = known.wandered or vote.wandered
