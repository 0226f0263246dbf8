"""Novelty: new values of features in a session, in bits."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, NamedTuple

from models.behaviour.state import NEW, Subject
from models.features.plan import FAMILIES, FEATURES, INDEX
from models.learning.knowledge import NEW_TO_AGENT, NEW_TO_ROLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.behaviour.state import Behaviour, SessionScores
    from models.calibration.novelty_rates import NoveltyRates, RatePath
    from models.codec.hashing import Hasher
    from models.features.fields import Fields, Record
    from models.features.plan import NoveltyFeature
    from models.learning.knowledge import SharedKnowledge

FLOOR_BITS = 4.0
"""Bits of one feature that count as ordinary novelty."""
LASTING_BITS = 2.0
"""Bits for every doubling of the events with a new value: a slip is one event."""
WARM_SESSIONS = 10
"""First sessions of an agent, which teach values and no rates."""
TAINTED = "result"
"""Origin of a value that came out of a result and that nobody asked for."""
CARRIED = "carried"
"""Series of such values: the bits of the value plus those of its flow."""
_WHOM = ("", "the agent", "the role", "everybody")
_NOTHING: tuple[Record, ...] = ({},)


class Moment(NamedTuple):
    """One event of a session, as the detectors see it.

    Attributes
    ----------
    day
        Day of the event since 1970.
    state
        Special state of the agent; None for none.
    """

    agent: Behaviour
    session: SessionScores
    fields: Fields
    time_us: int
    day: int
    state: str | None


class NewValue(NamedTuple):
    """A value that the agent does not know.

    Attributes
    ----------
    level
        1 new to the agent, 2 to its role, 3 to everybody.
    counted
        Whether it is judged: a new agent is not judged by what no role can know.
    bits
        Bits of its feature in this session, by the highest level so far.
    """

    feature: int
    mark: int
    level: int
    record: Record
    counted: bool
    bits: float


class NoveltyDetector:
    """Scores the values of an event against what agent, role and fleet know.

    Parameters
    ----------
    series
        Series -> its index.
    """

    def __init__(
        self,
        hasher: Hasher,
        rates: NoveltyRates,
        shared: SharedKnowledge,
        series: dict[str, int],
    ) -> None:
        self._hasher = hasher
        self._rates = rates
        self._shared = shared
        self._series = series
        self._families = {
            name: [at for at, one in enumerate(FEATURES) if one.family == name] for name in FAMILIES
        }

    def score(self, at: Moment) -> list[NewValue]:
        """Raise the bits of the session by the values of an event; give those that are new."""
        new: list[NewValue] = []
        lasting: set[str] = set()
        for index, feature in enumerate(FEATURES):
            if feature.after is not None and not self._knows(at, feature.after):
                continue
            for record in _records(feature, at.fields):
                mark = self._mark(feature, at.fields, record)
                path = self._path(feature, at, record)
                self._open(at, path)
                if mark not in at.agent.known:
                    new.append(self._judge(at, index, record, mark, path))
                if mark in at.session.fresh:
                    lasting.add(feature.family)
        for one in new:
            self._carry(at, one)
        for family in sorted({FEATURES[one.feature].family for one in new} | lasting):
            self._sum(at, family, lasting=family in lasting)
        return new

    def _knows(self, at: Moment, name: str) -> bool:
        feature = FEATURES[INDEX[name]]
        return all(
            self._mark(feature, at.fields, record) in at.agent.known
            for record in _records(feature, at.fields)
        )

    def _mark(self, feature: NoveltyFeature, fields: Fields, record: Record) -> int:
        parts = (*feature.known_by, *feature.of)
        text = "\x1f".join(_field(name, fields, record) for name in parts)
        return self._hasher.of(f"{feature.name}\x1f{text}")

    def _path(self, feature: NoveltyFeature, at: Moment, record: Record) -> RatePath:
        context = "\x1f".join(_field(name, at.fields, record) for name in feature.within)
        return self._rates.path(feature.name, context, at.agent.role)

    def _open(self, at: Moment, path: RatePath) -> None:
        """Count the session the first time that it has a feature in a context."""
        if path.own not in at.session.slots:
            at.session.slots[path.own] = (0, 0.0)
            if at.agent.sessions > WARM_SESSIONS:
                self._rates.count(at.day, path, at.agent.rates, 0)

    def _judge(self, at: Moment, index: int, record: Record, mark: int, path: RatePath) -> NewValue:
        feature, session = FEATURES[index], at.session
        level = self._shared.level(at.agent.role, at.agent.mark, mark)
        before, bits = session.slots[path.own]
        if at.state == NEW and (level == NEW_TO_AGENT or feature.personal):
            return NewValue(index, mark, level, record, counted=False, bits=bits)
        if level > before:
            bits = max(bits, self._rates.bits(path, at.agent.rates, level))
            if at.agent.sessions > WARM_SESSIONS:
                self._rates.raise_level(at.day, path, at.agent.rates, before, level)
            session.slots[path.own] = (level, bits)
            if bits > session.best.get(index, 0.0):
                session.best[index] = bits
                text = " ".join(_field(name, at.fields, record) for name in feature.of)
                self._describe(at, feature.family, Subject(bits, level, index, mark, text[:80]))
        if feature.lasting:
            session.fresh.add(mark)
        return NewValue(index, mark, level, record, counted=True, bits=bits)

    def _describe(self, at: Moment, family: str, subject: Subject) -> None:
        index = self._series[family]
        known = at.session.subjects.get(index)
        if known is None or subject.bits >= known.bits:
            at.session.subjects[index] = subject

    def _carry(self, at: Moment, new: NewValue) -> None:
        """Score a new value that came out of a result: its own bits and those of its flow."""
        if not new.counted or new.level < NEW_TO_ROLE:
            return
        if FEATURES[new.feature].name != "value" or new.record.get("origin") != TAINTED:
            return
        flow = self._path(FEATURES[INDEX["flow"]], at, new.record)
        bits = new.bits + at.session.slots.get(flow.own, (0, 0.0))[1]
        text = f"{new.record['key']} {new.record['value']}"[:80]
        raise_bits(
            at.session, self._series[CARRIED], bits,
            Subject(bits, new.level, new.feature, new.mark, text),
        )  # fmt: skip

    def _sum(self, at: Moment, family: str, *, lasting: bool) -> None:
        """Add the features of a family beyond the floor, and what lasting values add."""
        session = at.session
        base = sum(
            max(0.0, session.best.get(index, 0.0) - FLOOR_BITS) for index in self._families[family]
        )
        if lasting:
            session.touched[family] = session.touched.get(family, 0) + 1
        touched = session.touched.get(family, 0)
        if base > 0 and touched > 1:
            base += LASTING_BITS * log2(touched)
        raise_bits(session, self._series[family], base)


def raise_bits(
    session: SessionScores, series: int, bits: float, subject: Subject | None = None
) -> None:
    """Raise the bits of a series in a session, with what they are about."""
    if bits > session.bits.get(series, 0.0):
        session.bits[series] = bits
        session.raised.add(series)
        if subject is not None:
            session.subjects[series] = subject


def _records(feature: NoveltyFeature, fields: Fields) -> Sequence[Record]:
    """Give the records in which all fields of a feature are known."""
    records = _NOTHING if feature.each is None else fields.records.get(feature.each, ())
    names = (*feature.of, *feature.within, *feature.known_by)
    return [one for one in records if all(name in one or name in fields.single for name in names)]


def _field(name: str, fields: Fields, record: Record) -> str:
    found = record.get(name)
    return fields.single[name] if found is None else found
