"""Learn a closed session: its tools, values and flows, behind the learning gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.content.detector import KNOWN, NEW, strata
from models.content.rates import DAY_US
from models.content.session import MAX_USES, Session
from models.content.tables import MAX_WAITING, Cluster, RoleTable, remember
from models.hashing import mix

if TYPE_CHECKING:
    from models.content.detector import Content, ContentDetector

SAME_REQUEST = 0.9  # a session this similar joins the cluster
GATE = 0.05  # session p below: nothing is learned
HOLD = 0.5  # session p below: new values wait
QUORUM = 3  # sessions of one cluster that must carry a new value before it is known
WARM_UP = 20.0  # a role's first n sessions vote with weight n / (n + 20): all is new then


def note(session: Session, content: Content) -> None:
    """Add one judged call to what its session has carried."""
    if content.tool not in session.tools:
        session.tools.append(content.tool)
    for use in content.uses:
        place = mix(use.tool_key, use.value, use.flow)
        known = session.uses.get(place)
        if known is not None:
            known.level = max(known.level, use.level)
        elif len(session.uses) < MAX_USES:
            session.uses[place] = use
    for place, vote in content.votes:
        seen = session.votes.get(place)
        if seen is not None:
            seen.value_level = max(seen.value_level, vote.value_level)
            seen.flow_level = max(seen.flow_level, vote.flow_level)
        elif len(session.votes) < MAX_USES:
            session.votes[place] = vote


def close(detector: ContentDetector, session: Session) -> bool:
    """Learn a finished session, or note that it was skipped.

    Returns
    -------
    bool
        True when something was learned.
    """
    free = session.learning or session.vouched
    role = detector.role(session.role)
    if not free and session.p is not None and session.p < GATE:
        _skip(role, session)
        return False
    hold = not free and session.p is not None and session.p < HOLD
    number, cluster = _join(detector, role, session)
    shares = detector.shares(session.role)
    shares.count(cluster, -1)
    cluster.n += 1
    cluster.used_us = max(cluster.used_us, session.last_us)
    role.n += 1
    waits = _learn_uses(role, cluster, number, session, hold=hold)
    cluster.count(cluster.tools, session.tools)
    shares.count(cluster)
    cluster.count(cluster.keys, sorted({u.tool_key for u in session.uses.values()} - waits))
    cluster.full += not waits  # a session with waiting values makes nothing familiar
    if free:
        _vote(detector, role, session)
    return True


def _skip(role: RoleTable, session: Session) -> None:
    for number, _, similar in session.near:
        cluster = role.clusters.get(number)
        if cluster is not None and similar >= SAME_REQUEST:
            cluster.skipped += 1


def _join(detector: ContentDetector, role: RoleTable, session: Session) -> tuple[int, Cluster]:
    best_number, best_overlap, best_similar = 0, -1.0, 0.0
    for number, overlap, similar in session.near:
        if overlap > best_overlap and number in role.clusters:
            best_number, best_overlap, best_similar = number, overlap, similar
    if best_similar >= SAME_REQUEST:
        return best_number, role.clusters[best_number]
    # Another session of the same request may have founded its cluster since this one opened.
    detector.open(session)
    again = max(session.near, key=lambda near: (near[1], -near[0]), default=(0, 0.0, 0.0))
    if again[2] >= SAME_REQUEST:
        return again[0], role.clusters[again[0]]
    words = sorted(detector.reader.request(session.purpose).words)
    oldest = role.make_room()
    if oldest is not None:
        detector.shares(session.role).count(oldest, -1)
    number, cluster = role.found(words, session.last_us)
    detector.tables.documents.add(cluster.bag)
    return number, cluster


def _learn_uses(
    role: RoleTable, cluster: Cluster, number: int, session: Session, *, hold: bool
) -> set[int]:
    """Learn values and flows; give the (tool, key) places whose values must wait."""
    waits: set[int] = set()
    values: dict[int, None] = {}
    flows: dict[int, None] = {}
    day = session.last_us // DAY_US
    for use in session.uses.values():
        at = mix(use.tool_key, use.value, 2)
        if hold and use.level >= 2 and not _quorum(role, mix(number, at)):
            waits.add(use.tool_key)
            continue
        values[at] = None
        remember(role.at, at, day)
        remember(role.anywhere, use.value, day)
        if use.root:
            remember(role.roots, use.root, day)
        if use.flow:
            flows[use.flow] = None
            remember(role.flow, use.flow, day)
            remember(role.flow_key, use.flow_key, day)
    cluster.count(cluster.values, values)
    cluster.count(cluster.flows, flows)
    return waits


def _quorum(role: RoleTable, place: int) -> bool:
    seen = role.waiting.get(place, 0) + 1
    role.waiting[place] = seen
    if len(role.waiting) > MAX_WAITING:
        for old in sorted(role.waiting, key=lambda k: (role.waiting[k], k))[: MAX_WAITING // 4]:
            del role.waiting[old]
    return seen >= QUORUM


def _vote(detector: ContentDetector, role: RoleTable, session: Session) -> None:
    """Let the session vote once at each place on how new its values and flows were."""
    warm = role.n / (role.n + WARM_UP)
    day = session.last_us // DAY_US
    for vote in session.votes.values():
        for share, stratum in ((vote.familiarity, KNOWN), (1 - vote.familiarity, NEW)):
            if not share:
                continue
            weight = share * warm
            for level in (1, 2, 3):
                contexts = strata(vote.contexts, stratum, level)
                value, flow = vote.value_level >= level, vote.flow_level >= level
                detector.tables.values.vote(contexts, float(value), weight, day)
                detector.tables.flows.vote(contexts, float(flow), weight, day)
