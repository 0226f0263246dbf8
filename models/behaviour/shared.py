"""What the agents of a fleet share, published in snapshots that several shards build alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, field

from models.behaviour.amounts import Amounts
from models.behaviour.relations import Relations, Report
from models.behaviour.spread import Spread, Young
from models.behaviour.state import SUMS
from models.calibration.fading import FadingCounts
from models.calibration.novelty_rates import LEVELS, NoveltyRates
from models.calibration.rates import Rates, RateTables, Series
from models.errors import StateError
from models.learning.knowledge import Knowers, SharedKnowledge
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.codec.hashing import Hasher

COMBINED = Series("combination", declared=1.0, tail_bits=6.0)
COMBINED_DAYS = 14
"""Half-life of the combination's day maxima: its scale changes while rarities become known."""
ACTIVE_DAYS = 7
"""Past days with activity whose mean number of agents counts."""


class Contribution(Struct, array_like=True):
    """What one shard adds to a snapshot: sums and sets, so that their order does not matter.

    Attributes
    ----------
    known
        Pairs of a value and an agent that knows it.
    spread
        Uses of young values.
    reports
        Latest reports of agents.
    active
        Day -> marks of the agents that acted.
    """

    rates: RateTables = field(default_factory=RateTables)
    combined: RateTables = field(default_factory=lambda: RateTables.empty(COMBINED_DAYS))
    novelty: FadingCounts = field(default_factory=lambda: FadingCounts(1 + LEVELS))
    amounts: FadingCounts = field(default_factory=lambda: FadingCounts(SUMS))
    known: list[tuple[int, int]] = []
    spread: dict[int, Young] = {}
    reports: dict[int, Report] = {}
    active: dict[int, list[int]] = {}


class _Stored(Struct, array_like=True):
    rates: RateTables
    combined: RateTables
    novelty: FadingCounts
    amounts: FadingCounts
    knowers: dict[int, Knowers]
    young: dict[int, Young]
    spread: FadingCounts
    reports: dict[int, Report]
    active: dict[int, list[int]]


_plain = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored).decode
_decode_contribution = msgspec.msgpack.Decoder(Contribution).decode


class SharedBehaviour:
    """The shared state: published parts that judge, and pending parts that wait.

    Parameters
    ----------
    series
        The calibrated series, in the order of their indices.
    """

    def __init__(self, hasher: Hasher, series: Sequence[Series]) -> None:
        index = {one.name: number for number, one in enumerate(series)}
        self.rates = Rates(series)
        self.combined = Rates([COMBINED], COMBINED_DAYS)
        self.knowledge = SharedKnowledge(hasher)
        self.novelty = NoveltyRates(hasher)
        self.amounts = Amounts(hasher, index)
        self.spread = Spread(hasher, index["spread"])
        self.relations = Relations(hasher, self.knowledge)
        self.active: dict[int, set[int]] = {}
        self.pending_active: dict[int, set[int]] = {}

    def note_active(self, day: int, agent: int) -> None:
        """Note that an agent acted on a day."""
        self.pending_active.setdefault(day, set()).add(agent)

    def active_agents(self, today: int) -> float:
        """Give the mean number of agents that acted on one of the last `ACTIVE_DAYS` days.

        Days on which nobody acted do not count, so a pause changes nothing.
        """
        past = [len(self.active[day]) for day in sorted(self.active) if day < today]
        past = past[-ACTIVE_DAYS:]
        return max(1.0, sum(past) / len(past)) if past else 1.0

    def contribution(self) -> bytes:
        """Give what has waited since the last call, and wait anew."""
        found = Contribution(
            self.rates.pending, self.combined.pending, self.novelty.pending, self.amounts.pending,
            sorted(self.knowledge.pending), self.spread.pending, self.relations.pending,
            _listed(self.pending_active),
        )  # fmt: skip
        self.rates.pending, self.combined.pending = RateTables(), RateTables.empty(COMBINED_DAYS)
        self.novelty.pending, self.amounts.pending = FadingCounts(1 + LEVELS), FadingCounts(SUMS)
        self.knowledge.pending, self.spread.pending = set(), {}
        self.relations.pending, self.pending_active = {}, {}
        return _encode(found)

    def publish(self, contributions: Sequence[bytes], watermark_us: int) -> None:
        """Make the contributions of all shards count.

        Raises
        ------
        StateError
            A contribution is malformed.
        """
        today = watermark_us // DAY_US
        rates, combined = RateTables(), RateTables.empty(COMBINED_DAYS)
        known: set[tuple[int, int]] = set()
        for blob in contributions:
            try:
                one = _decode_contribution(blob)
            except (msgspec.MsgspecError, ValueError) as error:
                raise StateError(f"contribution cannot be read: {error}") from error
            rates.merge(one.rates)
            combined.merge(one.combined)
            known.update(one.known)
            self.novelty.counts.merge(one.novelty)
            self.amounts.fleet.merge(one.amounts)
            self.spread.apply(one.spread)
            self.relations.apply(one.reports)
            for day, who in one.active.items():
                self.active.setdefault(day, set()).update(who)
        self.rates.apply(rates, today)
        self.combined.apply(combined, today)
        self.knowledge.apply(known)
        self.spread.close(watermark_us)
        latest = sorted(self.active)[-2 * ACTIVE_DAYS :]
        self.active = {day: self.active[day] for day in latest}

    def dump(self) -> bytes:
        """Write the published state; the same state gives the same bytes."""
        return _encode(
            _Stored(
                self.rates.tables, self.combined.tables, self.novelty.counts, self.amounts.fleet,
                self.knowledge.knowers, self.spread.young, self.spread.counts,
                self.relations.reports, _listed(self.active),
            )
        )  # fmt: skip

    def load(self, raw: bytes, day: int) -> None:
        """Read what `dump` wrote, as of a day since 1970.

        Raises
        ------
        StateError
            The bytes are malformed.
        """
        try:
            found = _decode(raw)
        except (msgspec.MsgspecError, ValueError) as error:
            raise StateError(f"shared behaviour cannot be read: {error}") from error
        self.rates.load(found.rates, day)
        self.combined.load(found.combined, day)
        self.novelty.counts, self.amounts.fleet = found.novelty, found.amounts
        self.knowledge.knowers = found.knowers
        self.spread.young, self.spread.counts = found.young, found.spread
        self.relations.reports = found.reports
        self.active = {day: set(who) for day, who in found.active.items()}


def _listed(active: dict[int, set[int]]) -> dict[int, list[int]]:
    return {day: sorted(who) for day, who in active.items()}


def _encode(value: Struct) -> bytes:
    """Encode a state, so that the same state gives the same bytes."""
    return _plain(_ordered(msgspec.to_builtins(value)))


def _ordered(value: Any) -> Any:
    """Sort the keys of all tables."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return [_ordered(one) for one in value] if isinstance(value, list | tuple) else value
