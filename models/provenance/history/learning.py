"""Learn a closed session: its tools, values and flows, behind the learning gate."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from models.codec.hashing import mix
from models.provenance.cross_task_spread import note_wandering
from models.provenance.entity_binding import tie
from models.provenance.history.request_clusters import MAX_KNOWN, RARE, YOUNG
from models.provenance.history.vote_retraction import cast, doubt, news_of
from models.provenance.novelty import (
    ACCEPTED,
    OWN,
    SAME_REQUEST,
    UNKNOWN,
    count_vote,
    kinds_like,
    own_cluster,
)
from models.provenance.session import MAX_USES, Ballot, First, Session, Use
from models.provenance.taint import remember
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.provenance.argument_detector import Content, ContentDetector
    from models.provenance.history.request_clusters import Cluster, RoleTable

GATE = 0.05  # session p below: nothing is learned, unless peers do the same
VERY_UNUSUAL = 0.01  # session p below: only what peers do again and again
HOLD = 0.5  # session p below: new values wait
FREE_HOLD = 0.1  # the same while learning without the gate
QUORUM = 3  # sessions of one cluster that must carry a new value before it is known; also agents
DAYS = 2  # on which they must, behind the gate, where it is what made them as odd as they are
BY_AGENTS, ON_DAYS, OF_VALUES, IN_WEEKS, BY_SESSIONS = 9, 10, 11, 12, 13
"""What is noted of a flow, or a value, that makes sessions unusual."""

SETTLED = 100  # sessions of a role from which on what is new with an agent is its own way
WARM_UP = 20.0  # a role's first n sessions vote with weight n / (n + 20): all is new then


def note(session: Session, content: Content) -> None:
    """Add one judged call to what its session has carried."""
    if content.tool not in session.tools:
        session.tools.append(content.tool)
    for use, seen in zip_longest(content.uses, content.seen):
        place = mix(use.tool_key, use.value, use.flow)
        known = session.uses.get(place)
        if known is not None:
            known.level = max(known.level, use.level)
        elif len(session.uses) < MAX_USES:
            session.uses[place] = use
            if seen is not None:
                session.seen[place] = seen
    carrier = content.carrier
    if carrier is not None and content.score >= session.top:
        session.top, session.peak, session.peak_place = content.score, carrier.value, carrier.place
        session.strange = carrier.bare and carrier.flow_level > 0
    for place, vote in content.votes:
        if place in session.votes or len(session.votes) < MAX_USES:
            count_vote(session.votes, place, vote)
    for mark, source in content.came:
        remember(session.came, mark, source)


def close(detector: ContentDetector, session: Session) -> bool:
    """Learn a finished session, or note that it was skipped.

    Returns
    -------
    bool
        True when something was learned.
    """
    free, p = session.learning or session.vouched, session.p
    role = detector.role(session.role)
    cluster = _join(detector, role, session)
    number = cluster.number
    role.touched.add(number)
    cluster.used_us = max(cluster.used_us, session.last_us)
    alike = kinds_like(session.near, number)
    note_wandering(role, session, number, alike, calm=p is None or p >= FREE_HOLD)
    unusual, agent = p is not None and p < GATE, detector.hasher.of(session.agent_id)
    day = session.last_us // DAY_US
    if unusual and session.peak:
        role.sightings.note_kind(session.peak, number, alike, day)
    unknown = session.peak if unusual and _is_unknown(session) else 0
    common = free and bool(unknown) and _is_common(role, unknown, day)
    follows = bool(unknown) and not common and doubt(detector.tables.rates, role, unknown, day)
    if unusual and not free:
        _skip(role, cluster, session)
        if not _accepted(role, cluster, session, agent):
            return False
    hold = not free if p is None else p < (FREE_HOLD if free else HOLD)
    shares = detector.shares(session.role)
    shares.count(cluster, -1)
    cluster.n += 1
    role.n += 1
    settled = session.learning and not session.vouched and role.n >= SETTLED
    own = agent if settled else 0
    follower = unknown if free and follows else 0
    held, fetched = _learn_uses(role, cluster, session, own, follower, hold=hold)
    names = detector.reader.request(session.purpose).names
    _learn_names(role, names, fetched, day)
    waits = set(held.values())
    cluster.tools.count(session.tools)
    shares.count(cluster)
    cluster.keys.count({use.tool_key for use in session.uses.values()} - waits)
    # Neither a session with waiting values nor one behind the gate makes anything familiar.
    cluster.full += free and not waits
    ballot = None
    if free and not follows:
        ballot = _vote(detector, role, session, unknown)
    if role.n <= YOUNG:
        uses = list(zip(session.uses.values(), session.seen.values(), strict=False))
        first = First(number, session.last_us, free, session.tools, list(held), uses, ballot)
        _keep(role, session, first)
    return True


def _keep(role: RoleTable, session: Session, first: First) -> None:
    """Keep a session of a young role for a second look; none without all of them."""
    if len(role.first) < role.n - 1 or len(session.seen) < len(session.uses):
        role.first.clear()
        role.unsaid = 0
        return
    role.first.append(first)
    role.unsaid += 1


def _skip(role: RoleTable, cluster: Cluster, session: Session) -> None:
    alike = {number for number, _, similar in session.near if similar >= SAME_REQUEST}
    for number in alike | {cluster.number}:
        other = role.clusters.get(number)
        if other is not None:
            other.skipped += 1
            role.touched.add(number)


def _accepted(role: RoleTable, cluster: Cluster, session: Session, agent: int) -> bool:
    """Tell whether what is unusual has become part of such requests: several agents did it.

    Not a value that raised suspicion in other kinds of request: that is no part of a request, it
    follows the agents around.
    """
    day = session.last_us // DAY_US
    flow = next((use.flow for use in _peaks(session)), 0)
    if flow and flow in role.flow and _stays(role, session.peak, agent, day):
        return True
    alone = not role.follows(session.peak, day)
    if session.p is None or session.p >= VERY_UNUSUAL:
        agents = role.doubters.note(mix(cluster.number, session.peak_place, 8), agent, day)
        return agents >= QUORUM and alone
    return bool(flow) and alone and _brought_along(role, flow, session.peak, agent, day)


def _stays(role: RoleTable, value: int, agent: int, day: int) -> bool:
    """Tell whether several agents carry a value week after week, as they do a new customer's."""
    agents = role.doubters.note(mix(value, BY_AGENTS), agent, day)
    weeks = role.doubters.note(mix(value, IN_WEEKS), day // 7, day)
    return min(agents, weeks) >= QUORUM


def _brought_along(role: RoleTable, flow: int, value: int, agent: int, day: int) -> bool:
    """Tell whether several agents bring a flow along, for whatever requests; then accept it.

    On several days, as those of a new version do, or with several values: one that leads many
    agents somewhere leads them to one place.
    """
    agents = role.doubters.note(mix(flow, BY_AGENTS), agent, day)
    days = role.doubters.note(mix(flow, ON_DAYS), day, day)
    values = role.doubters.note(mix(flow, OF_VALUES), value, day)
    if agents < QUORUM or max(days, values) < QUORUM:
        return False
    role.flow.remember(mix(flow, ACCEPTED), day)
    return True


def count_bearer(role: RoleTable, value: int, day: int) -> int:
    """Count one more session that a value made unusual; give how many there were of late."""
    return role.doubters.tally(mix(value, BY_SESSIONS), day)


def _is_common(role: RoleTable, value: int, day: int) -> bool:
    """Tell whether a value is in so many sessions that it is part of the role's work.

    One that is in more than `RARE` of `YOUNG` is, whichever kinds of request it makes unusual:
    it is then said of it no more that it follows the agents around.
    """
    if role.n < YOUNG:
        return False  # its first sessions are looked at together
    bearers = count_bearer(role, value, day)
    if bearers <= RARE or bearers * YOUNG <= RARE * role.n:
        return False
    role.sightings.forget(value)
    return True


def _is_unknown(session: Session) -> bool:
    """Tell whether the value that made a session unusual is new to the role, and strange."""
    return session.strange and any(use.level > UNKNOWN for use in _peaks(session))


def _peaks(session: Session) -> Iterator[Use]:
    """Give the uses of the value that is hardest to account for, where it is."""
    for use in session.uses.values():
        if use.tool_key == session.peak_place and use.value == session.peak:
            yield use


def _join(detector: ContentDetector, role: RoleTable, session: Session) -> Cluster:
    number = own_cluster(session.near, role)
    if number:
        return role.clusters[number]
    # Another session of the same request may have founded its cluster since this one opened.
    detector.compare(session)
    number = own_cluster(session.near, role)
    if number:
        return role.clusters[number]
    words = sorted(detector.reader.request(session.purpose).words)
    index = detector.index(session.role)
    oldest = role.make_room()
    if oldest is not None:
        detector.shares(session.role).count(oldest, -1)
        index.remove(oldest)
    cluster = role.found(words, session.last_us)
    index.add(cluster)
    detector.weights.add(cluster.bag)
    return cluster


def _learn_uses(
    role: RoleTable, cluster: Cluster, session: Session, own: int, follower: int, *, hold: bool
) -> tuple[dict[int, int], dict[int, set[int]]]:
    """Learn values and flows; none of a value that follows the agents around (0: of any).

    Returns
    -------
    held, fetched
        The (tool, key) of each value that must wait; and of the others, what stands for somebody
        and came out of results at each (tool, key).
    """
    held: dict[int, int] = {}
    fetched: dict[int, set[int]] = {}
    values: dict[int, None] = {}
    flows: dict[int, None] = {}
    day = session.last_us // DAY_US
    for use in session.uses.values():
        at = mix(use.tool_key, use.value, 2)
        doubtful = hold and use.level >= UNKNOWN
        if doubtful or _unlearned(role, use, at):
            waits = _waits(role, session, use, mix(cluster.number, at))
            if waits or use.value == follower:
                held[at] = use.tool_key
                continue
        values[at] = None
        role.at.remember(at, day)
        role.anywhere.remember(use.value, day)
        for known in filter(None, (use.root, use.domain)):
            role.roots.remember(known, day)
        if use.flow:
            flows[use.flow] = None
            role.flow.remember(use.flow, day)
            accepted = mix(use.flow, ACCEPTED)
            if accepted in role.flow:
                role.flow.remember(accepted, day)
            role.flow_key.remember(use.flow_key, day)
            if own:
                role.flow.remember(mix(use.flow, own, OWN), day)
            if use.who:
                fetched.setdefault(use.tool_key, set()).add(use.value)
    cluster.values.count(values)
    cluster.flows.count(flows)
    return held, fetched


def _unlearned(role: RoleTable, use: Use, at: int) -> bool:
    """Tell whether a value was known at its place when it was judged, and is not any more."""
    if not use.flow or use.level >= UNKNOWN or at in role.at:
        return False
    return mix(use.flow, ACCEPTED) not in role.flow


def _waits(role: RoleTable, session: Session, use: Use, place: int) -> bool:
    """Note one more session of a kind of request with a new value; tell whether it must wait.

    For a quorum of such sessions; behind the gate, what made them odd for several days of them.
    """
    day, days = session.last_us // DAY_US, DAYS
    others = role.waiting.note(place, session.last_us, day)
    free = session.learning or session.vouched
    if not free and use.value == session.peak and use.flow and use.level > UNKNOWN:
        days = role.waiting.note(mix(place, ON_DAYS), day, day)
    return others < QUORUM or days < DAYS


def _learn_names(
    role: RoleTable, names: tuple[int, ...], fetched: dict[int, set[int]], day: int
) -> None:
    """Learn what came out of results with the names of the request.

    Where a session carried several at one place, none of them says whose it is.
    """
    for tool_key, values in fetched.items():
        if len(values) == 1:
            (value,) = values
            for name in names:
                tie(role.names, tool_key, name, value, day)
    role.names.bound(MAX_KNOWN)


def _vote(
    detector: ContentDetector, role: RoleTable, session: Session, unknown: int
) -> Ballot | None:
    """Let the session vote once at each place on how new its values and flows were.

    What a doubtful one says is kept by the value that made it so.

    Returns
    -------
    Ballot or None
        What one of the first sessions said of anything new, where it is not kept.
    """
    warm = role.n / (role.n + WARM_UP)
    ballot = Ballot(session.last_us // DAY_US, warm, list(session.votes.values()))
    cast(detector.tables.rates, ballot)
    if unknown:
        role.ballots.keep(unknown, news_of(ballot))
        return None
    return news_of(ballot) if role.n <= YOUNG else None
