"""Novelty: new values of features in a session, in bits."""

from __future__ import annotations

from math import fsum, log2
from typing import TYPE_CHECKING, NamedTuple

from models.baseline.profile import DEPLOYED, LOW32, NEW
from models.baseline.session import Subject
from models.codec.stable_id import stable_id
from models.constants import FLOOR_BITS, LASTING_BITS, WARM_SESSIONS
from models.features.families import CARRIED
from models.features.plan import FEATURES, INDEX, MAX_TEXT
from models.peers.knowledge import NEW_TO_AGENT, NEW_TO_ROLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.calibration.novelty_rates import NoveltyRates, RatePath
    from models.codec.hashing import Hasher
    from models.detectors.moment import Moment
    from models.features.fields import Fields, Record
    from models.features.plan import NoveltyFeature
    from models.peers.knowledge import SharedKnowledge

TAINTED = "result"
"""Origin of a value that came out of a result and that nobody asked for."""
_NOTHING: tuple[Record, ...] = ({},)
_CARRIED = stable_id(CARRIED)
_VALUE, _FLOW = INDEX["value"], INDEX["flow"]
_FAMILIES = {
    name: [at for at, one in enumerate(FEATURES) if one.family == name]
    for name in dict.fromkeys(one.family for one in FEATURES)
}


class NewValue(NamedTuple):
    """A value that the agent does not know.

    Attributes
    ----------
    level
        1 new to the agent, 2 to its role, 3 to everybody.
    counted
        Whether it is judged: a new agent is not judged by what no role can know, nor a new version
        by what it brings.
    bits
        Bits of its feature in this session, by the highest level so far.
    """

    feature: int
    mark: int
    level: int
    record: Record
    counted: bool
    bits: float


class Reached(NamedTuple):
    """A session that has reached a level of novelty.

    Attributes
    ----------
    before
        Its level before; -1 where the session had nothing of the feature.
    """

    path: RatePath
    before: int
    level: int


class Novelty(NamedTuple):
    """What the values of one event are.

    Attributes
    ----------
    new
        Values that the agent does not know.
    known
        Marks of those that it knows.
    reached
        What the rates of novelty learn.
    """

    new: list[NewValue]
    known: list[int]
    reached: list[Reached]


class NoveltyDetector:
    """Scores the values of an event against what agent, role and fleet know."""

    def __init__(self, hasher: Hasher, rates: NoveltyRates, shared: SharedKnowledge) -> None:
        self._hasher = hasher
        self._rates = rates
        self._shared = shared

    # ------------------------------------------------------------------ scoring

    def score(self, at: Moment) -> Novelty:
        """Raise the bits of the session by the values of an event."""
        found = Novelty([], [], [])
        lasting: set[str] = set()
        for index, feature in enumerate(FEATURES):
            after = feature.after is None or self._knows(at, feature.after)
            for record in _records(feature, at.fields):
                mark = self._mark(feature, at.fields, record)
                path = self._path(feature, at, record)
                if path.own & LOW32 not in at.session.seen:
                    at.session.seen[path.own & LOW32] = 1
                    found.reached.append(Reached(path, -1, 0))
                if at.profile.knows(mark):
                    found.known.append(mark)
                elif after and self._is_settled(feature, at, record):
                    found.new.append(self._judge(at, index, record, mark, path, found.reached))
                else:
                    found.new.append(_unjudged(index, mark, record))
                if feature.settled:
                    self._settle(at, index, record, found)
                if mark in at.session.fresh:
                    lasting.add(feature.family)
        for one in found.new:
            self._carry(at, one)
        for family in sorted({FEATURES[one.feature].family for one in found.new} | lasting):
            _add_up(at, family, found.new, lasting=family in lasting)
        return found

    def _knows(self, at: Moment, name: str) -> bool:
        feature = FEATURES[INDEX[name]]
        return all(
            at.profile.knows(self._mark(feature, at.fields, record))
            for record in _records(feature, at.fields)
        )

    def _mark(self, feature: NoveltyFeature, fields: Fields, record: Record) -> int:
        parts = (*feature.known_by, *feature.of)
        text = "\x1f".join(_field(name, fields, record) for name in parts)
        return self._hasher.of(f"{feature.name}\x1f{text}")

    def _context(self, feature: NoveltyFeature, at: Moment, record: Record) -> int:
        text = _within(feature, at, record)
        return self._hasher.of(f"settled\x1f{feature.name}\x1f{text}")

    def _is_settled(self, feature: NoveltyFeature, at: Moment, record: Record) -> bool:
        return not feature.settled or at.profile.knows(self._context(feature, at, record))

    def _settle(self, at: Moment, index: int, record: Record, found: Novelty) -> None:
        """Learn that a feature has a value in this context."""
        mark = self._context(FEATURES[index], at, record)
        if at.profile.knows(mark):
            found.known.append(mark)
        else:
            found.new.append(_unjudged(index, mark, record))

    def _path(self, feature: NoveltyFeature, at: Moment, record: Record) -> RatePath:
        return self._rates.path(feature.name, _within(feature, at, record), at.profile.role)

    def _judge(
        self,
        at: Moment,
        index: int,
        record: Record,
        mark: int,
        path: RatePath,
        reached: list[Reached],
    ) -> NewValue:
        feature, session = FEATURES[index], at.session
        level = self._shared.level(at.profile.role, at.profile.mark, mark)
        before, bits = session.slots.get(path.own & LOW32, (0, 0.0))
        expected = feature.versioned if at.state == DEPLOYED else feature.personal
        if (at.state == NEW and level == NEW_TO_AGENT) or (at.state is not None and expected):
            return NewValue(index, mark, level, record, counted=False, bits=bits)
        if level > before:
            bits = max(bits, self._rates.bits(path, at.profile.rates, level))
            reached.append(Reached(path, before, level))
            session.slots[path.own & LOW32] = (level, bits)
            if bits > session.best.get(index, 0.0):
                session.best[index] = bits
                text = feature.phrase(at.fields.single | record)
                key = record.get("key", "")
                _describe(at, Subject(bits, level, feature.name, mark, text, key))
        if feature.lasting:
            session.fresh[mark] = 1
        return NewValue(index, mark, level, record, counted=True, bits=bits)

    def _carry(self, at: Moment, new: NewValue) -> None:
        """Score a new value that came out of a result: its own bits and those of its flow."""
        if not new.counted or new.level < NEW_TO_ROLE:
            return
        if new.feature != _VALUE or new.record.get("origin") != TAINTED:
            return
        flow = self._path(FEATURES[_FLOW], at, new.record)
        bits = new.bits + at.session.slots.get(flow.own & LOW32, (0, 0.0))[1]
        value = new.record["value"][:MAX_TEXT]
        subject = Subject(bits, new.level, CARRIED, new.mark, value, new.record["key"])
        at.raise_bits(_CARRIED, bits, subject)

    # ------------------------------------------------------------------ learning

    def learn(self, at: Moment, novelty: Novelty) -> None:
        """Count what the session has reached; an agent's first sessions teach no rates."""
        if at.profile.opened <= WARM_SESSIONS:
            return
        for path, before, level in novelty.reached:
            if before < 0:
                self._rates.count(at.day, path, at.profile.rates, level)
            else:
                self._rates.raise_level(at.day, path, at.profile.rates, before, level)


def _unjudged(index: int, mark: int, record: Record) -> NewValue:
    return NewValue(index, mark, 0, record, counted=False, bits=0.0)


def _describe(at: Moment, subject: Subject) -> None:
    series = stable_id(FEATURES[INDEX[subject.name]].family)
    known = at.session.subjects.get(series)
    if known is None or subject.bits >= known.bits:
        at.session.subjects[series] = subject


def _add_up(at: Moment, family: str, new: list[NewValue], *, lasting: bool) -> None:
    """Add the features of a family beyond the floor, and what lasting values add."""
    session, number = at.session, stable_id(family)
    base = _beyond_floor(family, session.best)
    if lasting:
        session.touched[family] = session.touched.get(family, 0) + 1
    touched = session.touched.get(family, 0)
    if base > 0 and touched > 1:
        base += LASTING_BITS * log2(touched)
    if base > session.bits.get(number, 0.0):
        at.raise_bits(number, base)
    else:
        own: dict[int, float] = {}
        for one in new:
            if one.counted:
                own[one.feature] = max(own.get(one.feature, 0.0), one.bits)
        at.show(number, _beyond_floor(family, own))


def _beyond_floor(family: str, bits: Mapping[int, float]) -> float:
    return fsum(max(0.0, bits.get(index, 0.0) - FLOOR_BITS) for index in _FAMILIES[family])


def _records(feature: NoveltyFeature, fields: Fields) -> Sequence[Record]:
    """Give the records in which all fields of a feature are known."""
    records = _NOTHING if feature.each is None else fields.records.get(feature.each, ())
    names = (*feature.of, *feature.within, *feature.known_by)
    return [one for one in records if all(name in one or name in fields.single for name in names)]


def _within(feature: NoveltyFeature, at: Moment, record: Record) -> str:
    """Write the context of a feature."""
    return "\x1f".join(_field(name, at.fields, record) for name in feature.within)


def _field(name: str, fields: Fields, record: Record) -> str:
    found = record.get(name)
    return fields.single[name] if found is None else found
