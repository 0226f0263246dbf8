"""Score a call by what it carries and whether its session's request calls for it.

The mathematics is that of the detection recipe: novelty of values and of flows, each a rate with
back-off that is mixed over how well requests like this one are known, plus the surprise of the
tool given the request.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from msgspec import Struct

from models.provenance.call_scoring import Carrier, Scene
from models.provenance.history.request_clusters import YOUNG, Cluster, ToolShares
from models.provenance.history.similarity import LEAST_OVERLAP, RoleIndex
from models.provenance.history.snapshot import see
from models.provenance.knowledge import ContentKnowledge
from models.provenance.novelty import Near, familiarity
from models.provenance.taint import traced

if TYPE_CHECKING:
    from models.event import Origins
    from models.provenance.knowledge import ContentTables
    from models.provenance.session import Seen, Session, Use, Vote

SIMILAR_LOW, SIMILAR_HIGH = LEAST_OVERLAP, 0.6  # below is boilerplate, above the same kind of task
NEAR = 0.03
MOST_NEAR = 8  # clusters a request is compared with in detail, the most similar first
CLUSTER_CAP = 8.0  # sessions of one cluster count at most this much in an average
KIND_CAP = 200.0  # the same where all sessions of a kind together show what it never takes
ASKED_BITS = 0.5  # a tool that is no more surprising was asked for
FEW = 20.0  # sessions without a tool that each kind of request is thought to have had before
PLAIN_FACTOR = 0.5  # for calls that carry no new value out of a result


class Content(Struct, frozen=True, gc=False):
    """What the content detector says of one call, in bits.

    Attributes
    ----------
    score
        ``S(e)``; higher is more surprising.
    intent
        ``-log2 P(tool | request)``; None without a stated request.
    carrier
        None when the call carries nothing out of a result that the request does not name.
    known
        Familiarity of the request, 0 (never seen) .. 1.
    unasked
        How much the tool tells of another piece of work than was asked for: `unasked`.
    """

    score: float
    intent: float | None
    carrier: Carrier | None
    known: float
    uses: tuple[Use, ...] = ()
    votes: tuple[tuple[int, Vote], ...] = ()
    seen: tuple[Seen, ...] = ()
    tool: int = 0
    unasked: float | None = None
    came: tuple[tuple[int, str], ...] = ()


def weighed(
    clusters: dict[int, Cluster], like: list[tuple[int, float, float]]
) -> tuple[Near, float]:
    """Give the clusters of a request that hold a session, each with its weight, and the sum."""
    near: Near = []
    total = 0.0
    for number, _, similar in like:
        cluster = clusters.get(number)
        if cluster is not None and cluster.n:
            weight = similar * similar * min(cluster.n, CLUSTER_CAP)
            near.append((weight, cluster, similar))
            total += weight
    return near, total


def intents(
    shares: ToolShares, named: float, tool: int, near: Near, total: float
) -> tuple[float, float]:
    """Give ``-log2 P(tool | request)``, and `Content.unasked`."""
    overall = (0.2 + shares.of(tool)) / (4.0 + len(shares.table.clusters))
    like = more = whole = 0.0
    for weight, cluster, similar in near:
        full = similar * similar * min(cluster.n, KIND_CAP)
        whole += full
        if tool in cluster.tools:
            share = cluster.tools[tool] / cluster.n
            like += weight * share
            more += full * share
    p = max((like + overall) / (total + 1.0), named)
    bits = -log2((more + max(overall, named)) / (whole + 1.0))
    return -log2(p), unasked(shares.table.clusters, tool, bits, whole)


def unasked(clusters: dict[int, Cluster], tool: int, bits: float, known: float) -> float:
    """Give how much a tool tells of another piece of work of the role than was asked for.

    What it adds to the divergence (Kullback and Leibler 1951) of the kind of request that takes it
    most from this one: the ratio of the likelihoods, in bits, times how surely that kind takes it.
    So a note at the end, which any request may bring, says little. A tool that no request has ever
    taken says nothing: it is a new tool. Nor does one tell of much while few requests like this one
    are known, or few that take it.

    Parameters
    ----------
    bits
        ``-log2 P(tool | request)`` from up to `KIND_CAP` sessions of a kind of request, whatever it
        names.
    known
        How many sessions these are; what all requests of the role say counts as one more.

    Returns
    -------
    float
        Bits, not below 0.

    Examples
    --------
    Of two hundred archives all were cleared, and a note was left at one in ten:

    >>> archive = Cluster(1, [], 0)
    >>> archive.n = 200
    >>> archive.tools.update({7: 200, 8: 20})
    >>> [round(unasked({1: archive}, tool, 8.0, 200.0), 1) for tool in (7, 8, 9)]
    [7.1, 0.4, 0.0]
    """
    if bits <= ASKED_BITS:
        return 0.0
    most = max((c.tools.get(tool, 0) / (c.n + FEW) for c in clusters.values()), default=0.0)
    if not most:
        return 0.0
    return max(0.0, bits + log2(most)) * most * (known / (known + 1.0))


class ContentDetector(ContentKnowledge):
    """Scores calls by what is known; `score` changes nothing, `compare` prepares a session."""

    def use(self, tables: ContentTables) -> None:
        """Go on with these tables; whatever was derived from others is forgotten."""
        super().use(tables)
        self._shares: dict[str, ToolShares] = {}
        self._indexes: dict[str, RoleIndex] = {}

    def shares(self, role: str) -> ToolShares:
        """Give how a role's clusters share its tools."""
        shares = self._shares.get(role)
        if shares is None:
            shares = self._shares[role] = ToolShares(self.role(role))
        return shares

    def compare(self, session: Session) -> None:
        """Compare the session's request with the role's clusters."""
        words = self.reader.request(session.purpose).words
        session.near = self.like(session.role, words)
        clusters = self.role(session.role).clusters
        full = [(s, c.full, c.skipped) for c, s in self._with_clusters(clusters, session)]
        session.known = familiarity(full)

    def index(self, role: str) -> RoleIndex:
        """Give a role's clusters by their words."""
        index = self._indexes.get(role)
        if index is None:
            index = self._indexes[role] = RoleIndex(self.role(role), self.weights)
        return index

    def like(self, role: str, words: frozenset[int]) -> list[tuple[int, float, float]]:
        """Give (number, overlap, similarity) of the role's clusters that a request is like."""
        near = []
        for number, overlap in self.index(role).overlaps(words):
            similar = (overlap - SIMILAR_LOW) / (SIMILAR_HIGH - SIMILAR_LOW)
            if similar > NEAR:
                near.append((number, overlap, min(1.0, similar)))
        if len(near) > MOST_NEAR:
            near.sort(key=lambda item: (-item[2], -item[1], item[0]))
            del near[MOST_NEAR:]
        return near

    @staticmethod
    def _with_clusters(
        clusters: dict[int, Cluster], session: Session
    ) -> list[tuple[Cluster, float]]:
        return [(clusters[n], s) for n, _, s in session.near if n in clusters]

    def score(self, session: Session, name: str, origins: Origins | None) -> Content:
        """Judge one call of an open session, of the tool `name`; changes nothing."""
        request = self.reader.request(session.purpose)
        role = self.role(session.role)
        near, total = weighed(role.clusters, session.near)
        tool = self.hasher.of(name)
        intent = unasked = None
        if session.purpose and self.counted.intent:
            named = self.named(name, request)
            intent, unasked = intents(self.shares(session.role), named, tool, near, total)
        scene = Scene(self, session, request, tool, (near, total))
        seen: tuple[Seen, ...] = ()
        if origins:
            if session.came and self.counted.rewritten:
                origins = traced(origins, request, session.came, self.reader)
            scene.judge(origins)
            if role.n < YOUNG:
                seen = see(self, session.role, request, name, origins)
        bits = (scene.carrier.bits if scene.carrier else 0.0) + (intent or 0.0)
        return Content(
            bits * (1.0 if scene.foreign else PLAIN_FACTOR),
            intent,
            scene.carrier,
            session.known,
            tuple(scene.uses),
            tuple(scene.votes.items()),
            seen,
            tool,
            unasked,
            tuple(scene.came.items()),
        )
