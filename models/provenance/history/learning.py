"""Learn a closed session behind the learning gate: its tools, values and flows."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from models.codec.hashing import mix
from models.provenance.cross_task_spread import record_spread
from models.provenance.entity_binding import learn_binding
from models.provenance.history.bounded_table import MAX_KNOWN
from models.provenance.history.request_clusters import RARE, YOUNG
from models.provenance.history.vote_retraction import count_votes, novel_votes, retract_if_recurrent
from models.provenance.novelty import (
    ACCEPTED_FLOW,
    AGENT_FLOW,
    NEW_AT_ARGUMENT,
    SAME_REQUEST,
    add_vote,
    own_cluster,
    similar_marks,
)
from models.provenance.session import MAX_USES, EarlySession, Session, SessionVotes, Use
from models.provenance.taint import add_source
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.provenance.argument_detector import ArgumentDetector, CallScore
    from models.provenance.history.request_clusters import Cluster, RoleTable

GATE = 0.05  # session p below: nothing is learned without corroboration by peers
STRICT_GATE = 0.01  # session p below: corroboration on several days or with several values
WAIT_P = 0.5  # session p below: new values wait
UNGATED_WAIT_P = 0.1  # the same for sessions learned without the gate
QUORUM = 3  # sessions of one cluster that make a new value known; also agents
QUORUM_DAYS = 2  # days of these sessions for the peak value of an anomalous one
BY_AGENTS, ON_DAYS, OF_VALUES, IN_WEEKS, BY_SESSIONS = 9, 10, 11, 12, 13
"""Domains of the hashes of corroboration."""

SETTLED = 100  # sessions of a role from which on new flows belong to their agent
WARM_UP = 20.0  # the n-th session of a role votes with weight n / (n + 20)


def record_call(session: Session, call: CallScore) -> None:
    """Record one scored call in its session."""
    if call.tool not in session.tools:
        session.tools.append(call.tool)
    for use, snapshot in zip_longest(call.uses, call.snapshots):
        identity = mix(use.tool_key, use.value, use.flow)
        known = session.uses.get(identity)
        if known is not None:
            known.level = max(known.level, use.level)
        elif len(session.uses) < MAX_USES:
            session.uses[identity] = use
            if snapshot is not None:
                session.snapshots[identity] = snapshot
    tainted = call.tainted
    if tainted is not None and call.score >= session.peak_bits:
        session.peak_bits, session.peak_value = call.score, tainted.value
        session.peak_argument = tainted.argument
        session.peak_unexplained = tainted.uncovered and tainted.flow_level > 0
    for argument, vote in call.votes:
        if argument in session.votes or len(session.votes) < MAX_USES:
            add_vote(session.votes, argument, vote)
    for traced, tool in call.sources:
        add_source(session.sources, traced, tool)


def close(detector: ArgumentDetector, session: Session) -> bool:
    """Learn a finished session, or count it as skipped.

    Returns
    -------
    bool
        True when the session is learned.
    """
    ungated, p = session.learning or session.trusted_history, session.p
    role = detector.role(session.role)
    cluster = _join(detector, role, session)
    number = cluster.number
    role.touched.add(number)
    cluster.used_us = max(cluster.used_us, session.last_us)
    same_task = similar_marks(session.near, number)
    record_spread(role, session, number, same_task, calm=p is None or p >= UNGATED_WAIT_P)
    anomalous, agent = p is not None and p < GATE, detector.hasher.of(session.agent_id)
    day = session.last_us // DAY_US
    if anomalous and session.peak_value:
        role.suspicions.add_cluster_mark(session.peak_value, number, same_task, day)
    new_peak = session.peak_value if anomalous and _peak_is_new(session) else 0
    common = ungated and bool(new_peak) and _is_typical(role, new_peak, day)
    rates = detector.tables.rates
    recurs = bool(new_peak) and not common and retract_if_recurrent(rates, role, new_peak, day)
    if anomalous and not ungated:
        _skip(role, cluster, session)
        if not _corroborated(role, cluster, session, agent):
            return False
    wait = not ungated if p is None else p < (UNGATED_WAIT_P if ungated else WAIT_P)
    shares = detector.shares(session.role)
    shares.count(cluster, -1)
    cluster.n += 1
    role.n += 1
    settled = session.learning and not session.trusted_history and role.n >= SETTLED
    own = agent if settled else 0
    recurrent_value = new_peak if ungated and recurs else 0
    waiting, result_entities = _learn_uses(role, cluster, session, own, recurrent_value, wait=wait)
    names = detector.parser.request(session.purpose).entities
    _learn_names(role, names, result_entities, day)
    waits = set(waiting.values())
    cluster.tools.count(session.tools)
    shares.count(cluster)
    cluster.keys.count({use.tool_key for use in session.uses.values()} - waits)
    # A session with waiting values or behind the gate adds no familiarity.
    cluster.familiar += ungated and not waits
    session_votes = None
    if ungated and not recurs:
        session_votes = _vote(detector, role, session, new_peak)
    if role.n <= YOUNG:
        uses = list(zip(session.uses.values(), session.snapshots.values(), strict=False))
        first = EarlySession(
            number, session.last_us, ungated, session.tools, list(waiting), uses, session_votes
        )
        _keep(role, session, first)
    return True


def _keep(role: RoleTable, session: Session, first: EarlySession) -> None:
    """Keep a session of a young role for history cleaning, which needs all of them."""
    if len(role.early_sessions) < role.n - 1 or len(session.snapshots) < len(session.uses):
        role.early_sessions.clear()
        role.unstored = 0
        return
    role.early_sessions.append(first)
    role.unstored += 1


def _skip(role: RoleTable, cluster: Cluster, session: Session) -> None:
    same_task = {number for number, _, similar in session.near if similar >= SAME_REQUEST}
    for number in same_task | {cluster.number}:
        other = role.clusters.get(number)
        if other is not None:
            other.skipped += 1
            role.touched.add(number)


def _corroborated(role: RoleTable, cluster: Cluster, session: Session, agent: int) -> bool:
    """Give whether several agents corroborate an anomalous session.

    A value that made sessions of other tasks anomalous has no corroboration: it recurs across
    tasks.
    """
    day = session.last_us // DAY_US
    flow = next((use.flow for use in _peaks(session)), 0)
    if flow and flow in role.flow and _recurs_weekly(role, session.peak_value, agent, day):
        return True
    alone = not role.recurs_across_tasks(session.peak_value, day)
    if session.p is None or session.p >= STRICT_GATE:
        agents = role.corroboration.add_mark(
            mix(cluster.number, session.peak_argument, 8), agent, day
        )
        return agents >= QUORUM and alone
    return bool(flow) and alone and _accept_flow(role, flow, session.peak_value, agent, day)


def _recurs_weekly(role: RoleTable, value: int, agent: int, day: int) -> bool:
    """Give whether several agents use a value in several weeks, like that of a new customer."""
    agents = role.corroboration.add_mark(mix(value, BY_AGENTS), agent, day)
    weeks = role.corroboration.add_mark(mix(value, IN_WEEKS), day // 7, day)
    return min(agents, weeks) >= QUORUM


def _accept_flow(role: RoleTable, flow: int, value: int, agent: int, day: int) -> bool:
    """Give whether several agents use a flow for any request; then accept the flow.

    They use it on several days, as a new version does, or with several values. A single attack
    leads many agents to one value.
    """
    agents = role.corroboration.add_mark(mix(flow, BY_AGENTS), agent, day)
    days = role.corroboration.add_mark(mix(flow, ON_DAYS), day, day)
    values = role.corroboration.add_mark(mix(flow, OF_VALUES), value, day)
    if agents < QUORUM or max(days, values) < QUORUM:
        return False
    role.flow.record_day(mix(flow, ACCEPTED_FLOW), day)
    return True


def count_session(role: RoleTable, value: int, day: int) -> int:
    """Count a session that a value made anomalous; give the recent number of them."""
    return role.corroboration.tally(mix(value, BY_SESSIONS), day)


def _is_typical(role: RoleTable, value: int, day: int) -> bool:
    """Give whether a value is in so many sessions that it is part of the role's work.

    Such a value is in more than `RARE` of `YOUNG` sessions, whichever tasks it made anomalous. Its
    suspicions are removed.
    """
    if role.n < YOUNG:
        return False  # history cleaning examines these sessions together
    session_counts = count_session(role, value, day)
    if session_counts <= RARE or session_counts * YOUNG <= RARE * role.n:
        return False
    role.suspicions.forget(value)
    return True


def _peak_is_new(session: Session) -> bool:
    """Give whether the value that made a session anomalous is new to the role and unexplained."""
    return session.peak_unexplained and any(use.level > NEW_AT_ARGUMENT for use in _peaks(session))


def _peaks(session: Session) -> Iterator[Use]:
    """Give the uses of the session's peak value at its argument."""
    for use in session.uses.values():
        if use.tool_key == session.peak_argument and use.value == session.peak_value:
            yield use


def _join(detector: ArgumentDetector, role: RoleTable, session: Session) -> Cluster:
    number = own_cluster(session.near, role)
    if number:
        return role.clusters[number]
    # Another session with the same request can have added its cluster in the meantime.
    detector.compare(session)
    number = own_cluster(session.near, role)
    if number:
        return role.clusters[number]
    words = sorted(detector.parser.request(session.purpose).words)
    index = detector.index(session.role)
    oldest = role.evict_oldest()
    if oldest is not None:
        detector.shares(session.role).count(oldest, -1)
        index.remove(oldest)
    cluster = role.add_cluster(words, session.last_us)
    index.add(cluster)
    detector.weights.add(cluster.bag)
    return cluster


def _learn_uses(
    role: RoleTable,
    cluster: Cluster,
    session: Session,
    own: int,
    recurrent_value: int,
    *,
    wait: bool,
) -> tuple[dict[int, int], dict[int, set[int]]]:
    """Learn values and flows; a recurrent value (0: none) is not learned.

    Returns
    -------
    waiting, result_entities
        The (tool, key) of each value that must wait, and the learned entities from results at
        each (tool, key).
    """
    waiting: dict[int, int] = {}
    result_entities: dict[int, set[int]] = {}
    values: dict[int, None] = {}
    flows: dict[int, None] = {}
    day = session.last_us // DAY_US
    for use in session.uses.values():
        at = mix(use.tool_key, use.value, 2)
        anomalous_new = wait and use.level >= NEW_AT_ARGUMENT
        if anomalous_new or _unlearned(role, use, at):
            waits = _must_wait(role, session, use, mix(cluster.number, at))
            if waits or use.value == recurrent_value:
                waiting[at] = use.tool_key
                continue
        values[at] = None
        role.known_at.record_day(at, day)
        role.known_values.record_day(use.value, day)
        for known in filter(None, (use.root, use.domain)):
            role.roots.record_day(known, day)
        if use.flow:
            flows[use.flow] = None
            role.flow.record_day(use.flow, day)
            accepted = mix(use.flow, ACCEPTED_FLOW)
            if accepted in role.flow:
                role.flow.record_day(accepted, day)
            role.flow_key.record_day(use.flow_key, day)
            if own:
                role.flow.record_day(mix(use.flow, own, AGENT_FLOW), day)
            if use.is_entity:
                result_entities.setdefault(use.tool_key, set()).add(use.value)
    cluster.values.count(values)
    cluster.flows.count(flows)
    return waiting, result_entities


def _unlearned(role: RoleTable, use: Use, at: int) -> bool:
    """Give whether a value was known at its argument when scored, but no longer is."""
    if not use.flow or use.level >= NEW_AT_ARGUMENT or at in role.known_at:
        return False
    return mix(use.flow, ACCEPTED_FLOW) not in role.flow


def _must_wait(role: RoleTable, session: Session, use: Use, key: int) -> bool:
    """Count a session with a new value; give whether the value must wait for more sessions.

    It waits for a quorum of sessions in its cluster. The peak value of a gated session also waits
    for several days.
    """
    day, days = session.last_us // DAY_US, QUORUM_DAYS
    others = role.waiting.add_mark(key, session.last_us, day)
    ungated = session.learning or session.trusted_history
    if not ungated and use.value == session.peak_value and use.flow and use.level > NEW_AT_ARGUMENT:
        days = role.waiting.add_mark(mix(key, ON_DAYS), day, day)
    return others < QUORUM or days < QUORUM_DAYS


def _learn_names(
    role: RoleTable, names: tuple[int, ...], result_entities: dict[int, set[int]], day: int
) -> None:
    """Bind the entities of the request to the values from results.

    Several values at one argument bind nothing, since the owner of each is unknown.
    """
    for tool_key, values in result_entities.items():
        if len(values) == 1:
            (value,) = values
            for name in names:
                learn_binding(role.bindings, tool_key, name, value, day)
    role.bindings.bound(MAX_KNOWN)


def _vote(
    detector: ArgumentDetector, role: RoleTable, session: Session, new_peak: int
) -> SessionVotes | None:
    """Count the session's vote on the novelty of its values and flows, once at each argument.

    The votes of an anomalous session are retained under the value that made it anomalous.

    Returns
    -------
    SessionVotes or None
        The votes for novelty of an early session, unless they are retained.
    """
    warm = role.n / (role.n + WARM_UP)
    session_votes = SessionVotes(session.last_us // DAY_US, warm, list(session.votes.values()))
    count_votes(detector.tables.rates, session_votes)
    if new_peak:
        role.retained_votes.keep(new_peak, novel_votes(session_votes))
        return None
    return novel_votes(session_votes) if role.n <= YOUNG else None
