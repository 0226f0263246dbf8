"""Novelty levels of a value and its flow, and the contexts that count them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.codec.hashing import mix
from models.provenance.history.bounded_table import mark_of
from models.provenance.session import Use

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.provenance.history.request_clusters import Cluster, RoleTable
    from models.provenance.request import Value
    from models.provenance.session import Vote

WeightedClusters = list[tuple[float, "Cluster", float]]  # weight, cluster, similarity
FAMILIAR_HALF = 0.5
TYPICAL_SHARE = 0.15  # a larger share of similar sessions makes a value or flow typical
TYPICAL_SESSIONS = 10.0  # so many similar sessions make it typical at any share
SAME_TASK = 0.5  # clusters at least this similar are one task
SAME_REQUEST = 0.9  # a session at least this similar to a cluster belongs to it
AGENT_FLOW = 13  # domain of the hashes of flows of one agent
NEW_AT_ARGUMENT = 2  # levels from here on: the value is new at its argument
NEW_DOMAIN = 4  # level of an address whose domain is new to the role
NEW_DOMAIN_BITS = 3.0  # bits that a surprising domain adds to a new address at least
ACCEPTED_FLOW = 11  # domain of the hashes of accepted flows
KNOWN, NEW = 1, 2  # strata of the novelty rates: known and new requests
BINDING = 3  # stratum of entity bindings
SPREAD = 4  # stratum of cross-task spread


def strata(contexts: tuple[int, int, int], stratum: int) -> tuple[int, ...]:
    """Give the four nodes of one stratum, from general to specific."""
    kind, kind_key, exact = contexts
    return (stratum, mix(kind, stratum), mix(kind_key, stratum), mix(exact, stratum))


class ArgumentContext:
    """The contexts in which the novelty of (role, tool, key, kind) is counted."""

    __slots__ = ("binding", "contexts", "exact", "spread", "strata")

    def __init__(self, exact: int, contexts: tuple[int, int, int]) -> None:
        self.exact = exact
        self.contexts = contexts
        self.strata = (strata(contexts, KNOWN), strata(contexts, NEW))
        self.binding = strata(contexts, BINDING)
        self.spread = strata(contexts, SPREAD)


def familiarity(near: list[tuple[float, int, int]]) -> float:
    """Give ``phi``, how well similar sessions are known: 0 (never seen) .. 1.

    ``max s^2 * M / (M + D + 1/2)`` with ``M = sum s^2 sessions`` and ``D = sum s^2 skipped``
    (recipe, section 2, familiarity).

    Parameters
    ----------
    near
        (similarity, sessions, skipped sessions) of each similar cluster.
    """
    mass = skipped_mass = top = 0.0
    for similar, seen, skipped in near:
        square = similar * similar
        skipped_mass += square * skipped
        if seen:
            mass += square * seen
            top = max(top, square)
    return top * mass / (mass + skipped_mass + FAMILIAR_HALF)


def own_cluster(near: list[tuple[int, float, float]], role: RoleTable) -> int:
    """Give the number of the cluster that a session belongs to, 0 without one."""
    best, largest, similarity = 0, -1.0, 0.0
    for number, overlap, similar in near:
        if overlap > largest and number in role.clusters:
            best, largest, similarity = number, overlap, similar
    return best if similarity >= SAME_REQUEST else 0


def similar_marks(near: list[tuple[int, float, float]], number: int) -> frozenset[int]:
    """Give the marks of a session's cluster (0: none yet) and of the clusters of the same task."""
    same_task = (other for other, _, similar in near if similar >= SAME_TASK)
    return frozenset(mark_of(cluster) for cluster in (*same_task, number) if cluster)


def source_of(where: list[str]) -> str | None:
    """Give the tool of the first result with the identifier; None for a requested one."""
    source = None
    for origin in where:
        if origin in ("request", "system"):
            return None
        if source is None and origin.startswith("result:"):
            source = origin[7:]
    return source


def use_of(tool_key: int, key: int, value: Value, source: int) -> Use:
    """Give the use of an identifier; `source` is the hash of the result's tool (0: requested)."""
    flow = mix(source, tool_key, 3) if source else 0
    flow_key = mix(source, key, 4) if source else 0
    return Use(tool_key, value.hashed, value.root, flow, flow_key, 0, value.is_entity, value.domain)


def levels(
    role: RoleTable,
    use: Use,
    near: WeightedClusters,
    total: float,
    agent: Callable[[], int],
    domain_is_surprising: Callable[[], bool],
    min_sessions: int = 1,
) -> tuple[int, int]:
    """Give the novelty levels of a value and its flow: 0 typical for such requests .. 3 new.

    Levels of a value: 1 known at its argument, 2 known to the role or by its root, 3 new,
    `NEW_DOMAIN`. Levels of a flow: 1 known, 2 known to the key, 3 new (recipe, section 2). An
    accepted flow makes both typical, unless the value is suspicious.

    Parameters
    ----------
    near, total
        Similar clusters with their weights, and the sum of the weights.
    agent
        Gives the hash of the agent. A flow of its learning state is typical for it.
    domain_is_surprising
        Gives whether a new domain counts despite an accepted flow.
    min_sessions
        A cluster with fewer sessions that used the value does not make it typical.
    """
    at = mix(use.tool_key, use.value, 2)
    value_share = flow_share = value_sessions = flow_sessions = 0.0
    for weight, cluster, similar in near:
        seen = cluster.values.get(at, 0)
        if seen >= min_sessions:
            value_share += weight * seen / cluster.n
            value_sessions += similar * similar * seen
        if use.flow in cluster.flows:
            flow_share += weight * cluster.flows[use.flow] / cluster.n
            flow_sessions += similar * similar * cluster.flows[use.flow]
    typical = TYPICAL_SHARE * total
    level = flow_level = 0
    if value_share <= typical and value_sessions < TYPICAL_SESSIONS:
        if at in role.known_at:
            level = 1
        elif use.value in role.known_values or (use.root and use.root in role.roots):
            level = 2
        elif not use.domain or use.domain in role.roots:
            level = 3
        else:
            level = NEW_DOMAIN
    if flow_share <= typical and flow_sessions < TYPICAL_SESSIONS:
        known = use.flow in role.flow
        flow_level = 1 if known else 2 if use.flow_key in role.flow_key else 3
        if mix(use.flow, agent(), AGENT_FLOW) in role.flow:
            flow_level = 0
    novel = bool(level or flow_level)
    if (
        novel
        and mix(use.flow, ACCEPTED_FLOW) in role.flow
        and use.value not in role.suspicions
        and not (level == NEW_DOMAIN and domain_is_surprising())
    ):
        return 0, 0
    return level, flow_level


def add_vote(votes: dict[int, Vote], exact: int, vote: Vote) -> None:
    """Keep the highest levels of an argument; the first vote gives the familiarity."""
    known = votes.setdefault(exact, vote)
    known.value_level = max(known.value_level, vote.value_level)
    known.flow_level = max(known.flow_level, vote.flow_level)
    known.binding = max(known.binding, vote.binding)
    known.spread = known.spread or vote.spread
