"""Clean the history of a young role: score its first sessions again, leaving one out.

A young role has no calibration, so it learns all values, those of an attack among them. After
`YOUNG` sessions each session is scored against the others; a value in `RARE` or fewer sessions
counts as new. The role unlearns the new values of anomalous sessions.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from models.codec.hashing import mix
from models.provenance.argument_detector import UNTAINTED_FACTOR, intent_bits, weigh_clusters
from models.provenance.call_scoring import recurrence
from models.provenance.history.bounded_table import mark_of
from models.provenance.history.learning import GATE, UNGATED_WAIT_P, count_session
from models.provenance.history.request_clusters import RARE, Cluster, RoleTable, ToolShares
from models.provenance.history.vote_retraction import retract_if_recurrent
from models.provenance.novelty import (
    NEW_AT_ARGUMENT,
    ArgumentContext,
    familiarity,
    levels,
    similar_marks,
)
from models.provenance.novelty_prior import FLOW, VALUE
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.provenance.argument_detector import ArgumentDetector
    from models.provenance.history.bounded_table import Table
    from models.provenance.session import EarlySession, Use

MIN_TASKS = 2  # tasks whose sessions a value makes anomalous, from which on it recurs


def clean_history(detector: ArgumentDetector, name: str) -> None:
    """Score a role's first sessions against each other; unlearn the new values of anomalous ones.

    The rest is scored again until no session is anomalous, since unlearned values no longer make
    others typical.
    """
    role = detector.role(name)
    rest, scores = list(role.early_sessions), list[float]()
    tasks: dict[int, set[int]] = {}
    while rest:
        others = LeaveOneOut(detector, name, tasks)
        judged = [others.judge(one) for one in rest]
        scores = scores or sorted(found.score for found in judged)
        left = [
            one
            for one, found in zip(rest, judged, strict=True)
            if not _remove_if_anomalous(role, one, found, scores, others)
        ]
        if len(left) == len(rest):
            break
        rest = left
    _unlearn_recurrent(role, rest, tasks)
    day = role.early_sessions[-1].last_us // DAY_US
    for value in sorted(role.retained_votes):
        retract_if_recurrent(detector.tables.rates, role, value, day)
    role.early_sessions.clear()
    role.unstored = 0


def _remove_if_anomalous(
    role: RoleTable,
    one: EarlySession,
    found: Rescored,
    scores: list[float],
    others: LeaveOneOut,
) -> bool:
    """Give whether a session is anomalous among these scores; if so, unlearn its new values."""
    score, peak, peak_is_new, new, same_task = found
    p = (len(scores) - bisect_left(scores, score)) / len(scores)
    if not (one.ungated and peak and p <= UNGATED_WAIT_P):
        return False
    _unlearn(role, one, new, others.session_counts)
    for use in new:
        tasks = others.tasks.setdefault(use.value, set())
        if not tasks & same_task:
            tasks.add(mark_of(one.number))
    if peak_is_new:
        count_session(role, peak, one.last_us // DAY_US)
    if one.session_votes is not None and peak_is_new:
        role.retained_votes.keep(peak, one.session_votes)
    if p < GATE:
        role.suspicions.add_cluster_mark(peak, one.number, same_task, one.last_us // DAY_US)
    return True


class Rescored(NamedTuple):
    """The score of an early session against the others.

    Attributes
    ----------
    score
        Highest score of its uses in bits.
    peak, peak_is_new
        The value with this score; whether it is new to the role and unexplained as in `Session`.
    new
        Uses whose values are new.
    same_task
        Marks of its cluster and the similar ones.
    """

    score: float
    peak: int
    peak_is_new: bool
    new: list[Use]
    same_task: frozenset[int] = frozenset()


class LeaveOneOut:
    """A role without one of its first sessions; works on copies.

    Attributes
    ----------
    session_counts
        Number of sessions with each key of the known tables.
    tasks
        Value that was new in anomalous sessions -> marks of the clusters of these sessions.
    """

    def __init__(self, detector: ArgumentDetector, name: str, tasks: dict[int, set[int]]) -> None:
        self._detector = detector
        self._name = name
        whole = detector.role(name)
        self.session_counts = _session_counts(whole)
        self.tasks = tasks
        self._role = role = RoleTable()
        for table, counts in zip(_known_tables(role), self.session_counts, strict=True):
            table.update((key, 0) for key, n in counts.items() if n > RARE)
        role.suspicions = whole.suspicions
        role.clusters = {number: _copy(cluster) for number, cluster in whole.clusters.items()}
        self._shares = ToolShares(role)

    def judge(self, one: EarlySession) -> Rescored:
        """Score a session against the others."""
        cluster = self._role.clusters.get(one.number)
        if cluster is None:
            return Rescored(0.0, 0, False, [])
        counted = _cluster_keys(one)
        self._move(cluster, one, counted, -1)
        found = self._score(cluster, one)
        self._move(cluster, one, counted, 1)
        return found

    def _move(
        self, cluster: Cluster, one: EarlySession, counted: tuple[set[int], ...], sign: int
    ) -> None:
        """Subtract a session from the counts of its cluster, or add it again."""
        self._shares.count(cluster, -1)
        cluster.n += sign
        cluster.familiar += sign * one.familiar
        for table, keys in zip(cluster.tables, counted, strict=True):
            for key in keys:
                table.add(key, sign)
        self._shares.count(cluster)

    def _score(self, own: Cluster, one: EarlySession) -> Rescored:
        detector, role, day = self._detector, self._role, one.last_us // DAY_US
        like = detector.similar_clusters(self._name, frozenset(own.bag))
        near, total = weigh_clusters(role.clusters, like)
        same_task = similar_marks(like, own.number)
        clusters = [(role.clusters[n], s) for n, _, s in like if n in role.clusters]
        known = familiarity([(s, c.familiar, c.skipped) for c, s in clusters])
        score, peak, peak_is_new = 0.0, 0, False
        new: list[Use] = []
        for use, seen in one.uses:
            if not use.flow:
                continue
            here = [(s, c.keys.get(use.tool_key, 0), c.skipped) for _, c, s in near]
            mixed = (known + familiarity(here)) / 2
            context = ArgumentContext(0, seen.contexts)
            domain_is_surprising = partial(detector.domain_is_surprising, context, mixed, day)
            recurrences, more = recurrence(role, use.value, day, same_task)
            min_sessions = self._min_sessions(use.value, same_task, recurrences)
            level, flow_level = levels(
                role, use, near, total, lambda: 0, domain_is_surprising, min_sessions
            )
            if level >= NEW_AT_ARGUMENT:
                new.append(use)
            if not level and not flow_level:
                continue
            level = detector.effective_level(context, level, mixed, day)
            bits = detector.bits(context, VALUE, level, mixed, day)
            bits += detector.bits(context, FLOW, flow_level, mixed, day)
            if level > NEW_AT_ARGUMENT:
                bits += more
            intent, _ = intent_bits(self._shares, seen.name_floor, seen.tool, near, total)
            bits = bits * seen.discount + intent
            bits *= 1.0 if level >= NEW_AT_ARGUMENT and seen.uncovered else UNTAINTED_FACTOR
            if bits > score:
                score, peak = bits, use.value
                peak_is_new = level > NEW_AT_ARGUMENT and flow_level > 0 and seen.uncovered
        return Rescored(score, peak, peak_is_new, new, same_task)

    def _min_sessions(self, value: int, same_task: frozenset[int], recurrences: int) -> int:
        """Give the number of sessions in a cluster that make a value typical there.

        No number does for a value that made sessions of several other tasks anomalous: it recurs
        across tasks.
        """
        if recurrences >= MIN_TASKS:
            return RARE + 1
        return MIN_TASKS if self.tasks.get(value, set()) - same_task else 1


def _copy(cluster: Cluster) -> Cluster:
    copy = Cluster(cluster.number, cluster.bag, cluster.used_us)
    copy.n, copy.familiar, copy.skipped = cluster.n, cluster.familiar, cluster.skipped
    for mine, original in zip(copy.tables, cluster.tables, strict=True):
        mine.update(original)
    return copy


def _known_tables(role: RoleTable) -> tuple[Table, ...]:
    return role.known_at, role.known_values, role.roots, role.flow, role.flow_key


def _session_counts(role: RoleTable) -> tuple[Counter[int], ...]:
    session_counts = tuple(Counter[int]() for _ in _known_tables(role))
    for one in role.early_sessions:
        for counts, keys in zip(session_counts, _table_keys(_learned(one)), strict=True):
            counts.update(keys)
    return session_counts


def _at(use: Use) -> int:
    return mix(use.tool_key, use.value, 2)


def _learned(one: EarlySession) -> list[Use]:
    held = set(one.waiting)
    return [use for use, _ in one.uses if _at(use) not in held]


def _table_keys(uses: Iterable[Use]) -> tuple[set[int], ...]:
    """Give the keys that uses add to each known table."""
    found: tuple[set[int], ...] = set(), set(), set(), set(), set()
    for use in uses:
        for keys, key in zip(
            found, (_at(use), use.value, use.root, use.flow, use.flow_key), strict=True
        ):
            if key:
                keys.add(key)
        if use.domain:
            found[2].add(use.domain)
    return found


def _cluster_keys(one: EarlySession) -> tuple[set[int], ...]:
    """Give the keys that a session added to each count of its cluster."""
    at, _, _, flows, _ = _table_keys(_learned(one))
    return set(one.tools), {use.tool_key for use, _ in one.uses} - _waiting(one), at, flows


def _waiting(one: EarlySession) -> set[int]:
    held = set(one.waiting)
    return {use.tool_key for use, _ in one.uses if _at(use) in held}


def _unlearn(
    role: RoleTable, one: EarlySession, new: list[Use], session_counts: tuple[Counter[int], ...]
) -> None:
    """Let the new values of a session wait, and remove the keys of no other session."""
    new_at = {_at(use) for use in new}
    learned = _learned(one)
    gone = [use for use in learned if _at(use) in new_at]
    kept = _table_keys(use for use in learned if _at(use) not in new_at)
    lost = tuple(total - left for total, left in zip(_table_keys(gone), kept, strict=True))
    for table, counts, keys in zip(_known_tables(role), session_counts, lost, strict=True):
        for key in keys:
            counts[key] -= 1
            if not counts[key]:
                table.forget(key)
    for at in sorted(lost[0]):
        role.waiting.add_mark(mix(one.number, at), one.last_us, one.last_us // DAY_US)
    cluster = role.clusters[one.number]
    arguments = {use.tool_key for use in gone} - _waiting(one)
    for table, keys in (
        (cluster.keys, arguments),
        (cluster.values, lost[0]),
        (cluster.flows, lost[3]),
    ):
        for key in keys:
            table.add(key, -1)
    if gone and one.familiar:
        cluster.familiar -= 1
    role.touched.add(one.number)
    one.waiting += sorted(new_at)


def _unlearn_recurrent(
    role: RoleTable, rest: list[EarlySession], tasks: dict[int, set[int]]
) -> None:
    """Unlearn the values that were new in several tasks from all anomalous sessions.

    At another argument of a session such a value can look typical, if a similar session has it too.
    """
    ordinary, session_counts = set(map(id, rest)), _session_counts(role)
    recurrent = {value for value, numbers in tasks.items() if len(numbers) >= MIN_TASKS}
    for one in role.early_sessions:
        if id(one) not in ordinary:
            left = [use for use in _learned(one) if use.flow and use.value in recurrent]
            _unlearn(role, one, left, session_counts)
