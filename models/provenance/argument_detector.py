"""Score a call by the provenance of its arguments and by its tool given the request.

The mathematics is that of the detection recipe. The score adds the novelty of values and flows and
the surprise of the tool. Novelty is a rate with back-off, mixed by the familiarity of the request.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from msgspec import Struct

from models.provenance.call_scoring import CallScorer, TaintedValue
from models.provenance.history.request_clusters import YOUNG, Cluster, ToolShares
from models.provenance.history.similarity import MIN_OVERLAP, RoleIndex
from models.provenance.history.snapshot import snapshot_uses
from models.provenance.knowledge import ProvenanceKnowledge
from models.provenance.novelty import WeightedClusters, familiarity
from models.provenance.taint import trace_origins

if TYPE_CHECKING:
    from models.event import Origins
    from models.provenance.knowledge import ProvenanceTables
    from models.provenance.session import Session, Use, UseSnapshot, Vote

SIMILAR_LOW, SIMILAR_HIGH = MIN_OVERLAP, 0.6  # overlap of boilerplate, and of the same task
MIN_SIMILARITY = 0.03
MAX_NEAR = 8  # most similar clusters that a request is compared with
CLUSTER_CAP = 8.0  # weight of one cluster in an average, in sessions, at most
OFF_TASK_CAP = 200.0  # the same for off-task bits, which need many sessions without a tool
ON_TASK_BITS = 0.5  # a tool with no more bits is on task
PRIOR_SESSIONS = 20.0  # sessions without the tool, assumed for each cluster
UNTAINTED_FACTOR = 0.5  # factor for calls without a new value from a result


class CallScore(Struct, frozen=True, gc=False):
    """The score of one call, in bits.

    Attributes
    ----------
    score
        ``S(e)`` of the recipe (section 2); 0 = expected, higher = more surprising.
    intent
        ``-log2 P(tool | request)``; None without a stated request.
    tainted
        The tainted value with the most bits; None when no value from a result has bits.
    familiarity
        Familiarity of the request, 0 (never seen) .. 1.
    off_task_bits
        Evidence that the tool serves another task: `off_task_bits`; None without a request.
    uses, votes, snapshots, tool, sources
        What the session records of the call.
    """

    score: float
    intent: float | None
    tainted: TaintedValue | None
    familiarity: float
    uses: tuple[Use, ...] = ()
    votes: tuple[tuple[int, Vote], ...] = ()
    snapshots: tuple[UseSnapshot, ...] = ()
    tool: int = 0
    off_task_bits: float | None = None
    sources: tuple[tuple[int, str], ...] = ()


def weigh_clusters(
    clusters: dict[int, Cluster], similar_to: list[tuple[int, float, float]]
) -> tuple[WeightedClusters, float]:
    """Give (weight, cluster, similarity) of the clusters with sessions, and the sum of weights.

    The weight is ``s^2 min(n, 8)`` (recipe, section 2, request similarity).
    """
    near: WeightedClusters = []
    total = 0.0
    for number, _, similar in similar_to:
        cluster = clusters.get(number)
        if cluster is not None and cluster.n:
            weight = similar * similar * min(cluster.n, CLUSTER_CAP)
            near.append((weight, cluster, similar))
            total += weight
    return near, total


def intent_bits(
    shares: ToolShares, name_floor: float, tool: int, near: WeightedClusters, total: float
) -> tuple[float, float]:
    """Give ``-log2 P(tool | request)`` and the off-task bits of a tool.

    ``P = (W E[share] + g) / (W + 1)``, at least `name_floor` (recipe, section 2, intent).
    """
    overall = (0.2 + shares.of(tool)) / (4.0 + len(shares.table.clusters))
    near_sum = off_task_sum = known = 0.0
    for weight, cluster, similar in near:
        sessions = similar * similar * min(cluster.n, OFF_TASK_CAP)
        known += sessions
        if tool in cluster.tools:
            share = cluster.tools[tool] / cluster.n
            near_sum += weight * share
            off_task_sum += sessions * share
    p = max((near_sum + overall) / (total + 1.0), name_floor)
    bits = -log2((off_task_sum + max(overall, name_floor)) / (known + 1.0))
    return -log2(p), off_task_bits(shares.table.clusters, tool, bits, known)


def off_task_bits(clusters: dict[int, Cluster], tool: int, bits: float, known: float) -> float:
    """Give the evidence that a tool serves another task of the role than the request.

    This is the tool's term of the divergence (Kullback and Leibler 1951) from the cluster that uses
    it most: the likelihood ratio in bits times the share of that cluster. A tool that serves any
    request has a small ratio. A tool that no cluster has used is new and gives 0. Few similar
    sessions, or few sessions with the tool, give few bits.

    Parameters
    ----------
    bits
        ``-log2 P(tool | request)`` from up to `OFF_TASK_CAP` sessions of each cluster.
    known
        Number of these sessions; the rate over all clusters counts as one more.

    Returns
    -------
    float
        Bits, 0 or more; higher is more evidence.

    Examples
    --------
    All of two hundred archive sessions clear the archive, and one in ten leaves a note:

    >>> archive = Cluster(1, [], 0)
    >>> archive.n = 200
    >>> archive.tools.update({7: 200, 8: 20})
    >>> [round(off_task_bits({1: archive}, tool, 8.0, 200.0), 1) for tool in (7, 8, 9)]
    [7.1, 0.4, 0.0]
    """
    if bits <= ON_TASK_BITS:
        return 0.0
    maximum = max(
        (c.tools.get(tool, 0) / (c.n + PRIOR_SESSIONS) for c in clusters.values()), default=0.0
    )
    if not maximum:
        return 0.0
    return max(0.0, bits + log2(maximum)) * maximum * (known / (known + 1.0))


class ArgumentDetector(ProvenanceKnowledge):
    """Score calls against the learned tables; `score` changes no state."""

    def use(self, tables: ProvenanceTables) -> None:
        """Replace the tables, and drop the data derived from the old ones."""
        super().use(tables)
        self._shares: dict[str, ToolShares] = {}
        self._indexes: dict[str, RoleIndex] = {}

    def shares(self, role: str) -> ToolShares:
        """Give the shares of tools in a role's clusters."""
        shares = self._shares.get(role)
        if shares is None:
            shares = self._shares[role] = ToolShares(self.role(role))
        return shares

    def compare(self, session: Session) -> None:
        """Compare the session's request with the role's clusters."""
        words = self.parser.request(session.purpose).words
        session.near = self.similar_clusters(session.role, words)
        clusters = self.role(session.role).clusters
        counts = [(s, c.familiar, c.skipped) for c, s in self._with_clusters(clusters, session)]
        session.familiarity = familiarity(counts)

    def index(self, role: str) -> RoleIndex:
        """Give the index from words to a role's clusters."""
        index = self._indexes.get(role)
        if index is None:
            index = self._indexes[role] = RoleIndex(self.role(role), self.weights)
        return index

    def similar_clusters(self, role: str, words: frozenset[int]) -> list[tuple[int, float, float]]:
        """Give (number, overlap, similarity) of the role's clusters similar to a request."""
        near = []
        for number, overlap in self.index(role).overlaps(words):
            similar = (overlap - SIMILAR_LOW) / (SIMILAR_HIGH - SIMILAR_LOW)
            if similar > MIN_SIMILARITY:
                near.append((number, overlap, min(1.0, similar)))
        if len(near) > MAX_NEAR:
            near.sort(key=lambda item: (-item[2], -item[1], item[0]))
            del near[MAX_NEAR:]
        return near

    @staticmethod
    def _with_clusters(
        clusters: dict[int, Cluster], session: Session
    ) -> list[tuple[Cluster, float]]:
        return [(clusters[n], s) for n, _, s in session.near if n in clusters]

    def score(self, session: Session, name: str, origins: Origins | None) -> CallScore:
        """Score one call of the tool `name` in an open session; state does not change."""
        request = self.parser.request(session.purpose)
        role = self.role(session.role)
        near, total = weigh_clusters(role.clusters, session.near)
        tool = self.hasher.of(name)
        intent = off_task_bits = None
        if session.purpose and self.parts.intent:
            name_floor = self.name_floor(name, request)
            intent, off_task_bits = intent_bits(
                self.shares(session.role), name_floor, tool, near, total
            )
        scorer = CallScorer(self, session, request, tool, (near, total))
        snapshots: tuple[UseSnapshot, ...] = ()
        if origins:
            if session.sources and self.parts.rewritten:
                origins = trace_origins(origins, request, session.sources, self.parser)
            scorer.judge(origins)
            if role.n < YOUNG:
                snapshots = snapshot_uses(self, session.role, request, name, origins)
        bits = (scorer.tainted.bits if scorer.tainted else 0.0) + (intent or 0.0)
        return CallScore(
            bits * (1.0 if scorer.has_new_taint else UNTAINTED_FACTOR),
            intent,
            scorer.tainted,
            session.familiarity,
            tuple(scorer.uses),
            tuple(scorer.votes.items()),
            snapshots,
            tool,
            off_task_bits,
            tuple(scorer.sources.items()),
        )
