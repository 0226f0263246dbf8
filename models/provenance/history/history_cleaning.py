"""Look again at a role's first sessions, once there is something to judge them by.

While a role is young all is new and nothing is calibrated, so whatever its sessions carry is
learned, the values of an attack among them as well. Each is judged anew by what the others did, and
what few of them carried counts as new; those that stand out give back what they alone brought.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from models.codec.hashing import mix
from models.provenance.argument_detector import PLAIN_FACTOR, intents, weighed
from models.provenance.call_scoring import recurrence
from models.provenance.history.learning import FREE_HOLD, GATE, count_bearer
from models.provenance.history.request_clusters import RARE, Cluster, RoleTable, ToolShares, mark_of
from models.provenance.history.vote_retraction import doubt
from models.provenance.novelty import UNKNOWN, VotePlace, familiarity, kinds_like, levels
from models.provenance.novelty_prior import FLOW, VALUE
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.provenance.argument_detector import ContentDetector
    from models.provenance.history.request_clusters import Table
    from models.provenance.session import First, Use

SEVERAL = 2  # kinds of request that what wanders makes stand out; others that make it usual in one


def look_again(detector: ContentDetector, name: str) -> None:
    """Judge a role's first sessions by one another; unlearn what is new in those that stand out.

    Then the others again, as what these brought no longer makes it look usual.
    """
    role = detector.role(name)
    rest, scores = list(role.first), list[float]()
    kinds: dict[int, set[int]] = {}
    while rest:
        others = Others(detector, name, kinds)
        judged = [others.judge(one) for one in rest]
        scores = scores or sorted(found.score for found in judged)
        left = [
            one
            for one, found in zip(rest, judged, strict=True)
            if not _stands_out(role, one, found, scores, others)
        ]
        if len(left) == len(rest):
            break
        rest = left
    _unlearn_wandering(role, rest, kinds)
    day = role.first[-1].last_us // DAY_US
    for value in sorted(role.ballots):
        doubt(detector.tables.rates, role, value, day)
    role.first.clear()
    role.unsaid = 0


def _stands_out(
    role: RoleTable,
    one: First,
    found: Judged,
    scores: list[float],
    others: Others,
) -> bool:
    """Tell whether a session stands out among these scores, and unlearn what is new in it."""
    score, peak, unknown, new, alike = found
    p = (len(scores) - bisect_left(scores, score)) / len(scores)
    if not (one.free and peak and p <= FREE_HOLD):
        return False
    _unlearn(role, one, new, others.bearers)
    for use in new:
        kinds = others.kinds.setdefault(use.value, set())
        if not kinds & alike:
            kinds.add(mark_of(one.number))
    if unknown:
        count_bearer(role, peak, one.last_us // DAY_US)
    if one.ballot is not None and unknown:
        role.ballots.keep(peak, one.ballot)
    if p < GATE:
        role.sightings.note_kind(peak, one.number, alike, one.last_us // DAY_US)
    return True


class Judged(NamedTuple):
    """What is said of a first session.

    Attributes
    ----------
    score
        Its highest bits.
    peak, unknown
        The value that made it; whether it is new to the role, and strange as in `Session`.
    new
        What is new in it.
    alike
        Marks of its kind of request and its like.
    """

    score: float
    peak: int
    unknown: bool
    new: list[Use]
    alike: frozenset[int] = frozenset()


class Others:
    """A role as all but one of its first sessions know it; works on copies.

    Attributes
    ----------
    bearers
        How many of the sessions brought each key of what the role knows.
    kinds
        Of each value that was new in a session that stood out, the kinds of request it was new in.
    """

    def __init__(self, detector: ContentDetector, name: str, kinds: dict[int, set[int]]) -> None:
        self._detector = detector
        self._name = name
        whole = detector.role(name)
        self.bearers = _bearers(whole)
        self.kinds = kinds
        self._role = role = RoleTable()
        for table, counts in zip(_known(role), self.bearers, strict=True):
            table.update((key, 0) for key, n in counts.items() if n > RARE)
        role.sightings = whole.sightings
        role.clusters = {number: _copy(cluster) for number, cluster in whole.clusters.items()}
        self._shares = ToolShares(role)

    def judge(self, one: First) -> Judged:
        """Judge a session by what the others did."""
        cluster = self._role.clusters.get(one.number)
        if cluster is None:
            return Judged(0.0, 0, False, [])
        counted = _counted(one)
        self._move(cluster, one, counted, -1)
        found = self._score(cluster, one)
        self._move(cluster, one, counted, 1)
        return found

    def _move(self, cluster: Cluster, one: First, counted: tuple[set[int], ...], sign: int) -> None:
        """Take a session and what it added out of its cluster, or put it back."""
        self._shares.count(cluster, -1)
        cluster.n += sign
        cluster.full += sign * one.full
        for table, keys in zip(cluster.tables, counted, strict=True):
            for key in keys:
                table.add(key, sign)
        self._shares.count(cluster)

    def _score(self, own: Cluster, one: First) -> Judged:
        detector, role, day = self._detector, self._role, one.last_us // DAY_US
        like = detector.like(self._name, frozenset(own.bag))
        near, total = weighed(role.clusters, like)
        alike = kinds_like(like, own.number)
        clusters = [(role.clusters[n], s) for n, _, s in like if n in role.clusters]
        known = familiarity([(s, c.full, c.skipped) for c, s in clusters])
        score, peak, unknown = 0.0, 0, False
        new: list[Use] = []
        for use, seen in one.uses:
            if not use.flow:
                continue
            here = [(s, c.keys.get(use.tool_key, 0), c.skipped) for _, c, s in near]
            mixed = (known + familiarity(here)) / 2
            place = VotePlace(0, seen.contexts)
            telling = partial(detector.telling, place, mixed, day)
            again, more = recurrence(role, use.value, day, alike)
            least = self._least(use.value, alike, again)
            level, flow_level = levels(role, use, near, total, lambda: 0, telling, least)
            if level >= UNKNOWN:
                new.append(use)
            if not level and not flow_level:
                continue
            level = detector.counting(place, level, mixed, day)
            bits = detector.bits(place, VALUE, level, mixed, day)
            bits += detector.bits(place, FLOW, flow_level, mixed, day)
            if level > UNKNOWN:
                bits += more
            intent, _ = intents(self._shares, seen.named, seen.tool, near, total)
            bits = bits * seen.share + intent
            bits *= 1.0 if level >= UNKNOWN and seen.bare else PLAIN_FACTOR
            if bits > score:
                score, peak = bits, use.value
                unknown = level > UNKNOWN and flow_level > 0 and seen.bare
        return Judged(score, peak, unknown, new, alike)

    def _least(self, value: int, alike: frozenset[int], again: int) -> int:
        """Give how many others of a kind of request make a value usual there.

        None do where it made sessions of several others unusual: it follows the agents around.
        """
        if again >= SEVERAL:
            return RARE + 1
        return SEVERAL if self.kinds.get(value, set()) - alike else 1


def _copy(cluster: Cluster) -> Cluster:
    copy = Cluster(cluster.number, cluster.bag, cluster.used_us)
    copy.n, copy.full, copy.skipped = cluster.n, cluster.full, cluster.skipped
    for mine, theirs in zip(copy.tables, cluster.tables, strict=True):
        mine.update(theirs)
    return copy


def _known(role: RoleTable) -> tuple[Table, ...]:
    return role.at, role.anywhere, role.roots, role.flow, role.flow_key


def _bearers(role: RoleTable) -> tuple[Counter[int], ...]:
    bearers = tuple(Counter[int]() for _ in _known(role))
    for one in role.first:
        for counts, keys in zip(bearers, _brought(_learned(one)), strict=True):
            counts.update(keys)
    return bearers


def _at(use: Use) -> int:
    return mix(use.tool_key, use.value, 2)


def _learned(one: First) -> list[Use]:
    held = set(one.held)
    return [use for use, _ in one.uses if _at(use) not in held]


def _brought(uses: Iterable[Use]) -> tuple[set[int], ...]:
    """Give what uses add to each table of what a role knows."""
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


def _counted(one: First) -> tuple[set[int], ...]:
    """Give what a session added to each count of its cluster."""
    at, _, _, flows, _ = _brought(_learned(one))
    return set(one.tools), {use.tool_key for use, _ in one.uses} - _waiting(one), at, flows


def _waiting(one: First) -> set[int]:
    held = set(one.held)
    return {use.tool_key for use, _ in one.uses if _at(use) in held}


def _unlearn(
    role: RoleTable, one: First, new: list[Use], bearers: tuple[Counter[int], ...]
) -> None:
    """Let what is new in a session wait, and forget what no other brought."""
    new_at = {_at(use) for use in new}
    learned = _learned(one)
    gone = [use for use in learned if _at(use) in new_at]
    kept = _brought(use for use in learned if _at(use) not in new_at)
    lost = tuple(all_ - left for all_, left in zip(_brought(gone), kept, strict=True))
    for table, counts, keys in zip(_known(role), bearers, lost, strict=True):
        for key in keys:
            counts[key] -= 1
            if not counts[key]:
                table.forget(key)
    for at in sorted(lost[0]):
        role.waiting.note(mix(one.number, at), one.last_us, one.last_us // DAY_US)
    cluster = role.clusters[one.number]
    places = {use.tool_key for use in gone} - _waiting(one)
    for table, keys in (
        (cluster.keys, places),
        (cluster.values, lost[0]),
        (cluster.flows, lost[3]),
    ):
        for key in keys:
            table.add(key, -1)
    if gone and one.full:
        cluster.full -= 1
    role.touched.add(one.number)
    one.held += sorted(new_at)


def _unlearn_wandering(role: RoleTable, rest: list[First], kinds: dict[int, set[int]]) -> None:
    """Unlearn, in the sessions that stood out, all of what was new in several kinds of request.

    At another place of the session it may have looked usual, as long as it did in one like it.
    """
    usual, bearers = set(map(id, rest)), _bearers(role)
    wandering = {value for value, numbers in kinds.items() if len(numbers) >= SEVERAL}
    for one in role.first:
        if id(one) not in usual:
            left = [use for use in _learned(one) if use.flow and use.value in wandering]
            _unlearn(role, one, left, bearers)
