"""What the agents share, published in snapshots that several shards build alike."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, field

from models.baseline.profile import SUMS
from models.calibration.fading import FadingCounts
from models.calibration.novelty_rates import NoveltyRates
from models.calibration.rate_tables import RateTables
from models.calibration.rates import Rates
from models.calibration.series import COMBINATION
from models.codec.keyed_table import KeyedTable
from models.codec.ordered import ordered_bytes
from models.constants import (
    ACTIVE_DAYS,
    BEYOND_CASE_BITS,
    COMBINED_DAYS,
    NOTED_AFTER_DAYS,
    NOVELTY_LEVELS,
)
from models.detectors.amounts import Amounts, Expected
from models.detectors.relations import Relations, Report
from models.detectors.spread import Spread, Young
from models.detectors.traces import Trace, Traces
from models.errors import StateError
from models.peers.knowledge import SharedKnowledge
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from models.baseline.profile import Profile
    from models.calibration.series import Series
    from models.codec.hashing import Hasher

HEAD, RATES, PENDING = "head", "day_rates", "pending"


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
    traces
        Rare sessions under traces.
    active
        Day -> marks of the agents that acted.
    """

    rates: RateTables = field(default_factory=RateTables)
    combined: RateTables = field(default_factory=lambda: RateTables.empty(COMBINED_DAYS))
    novelty: FadingCounts = field(default_factory=lambda: FadingCounts(1 + NOVELTY_LEVELS))
    amounts: FadingCounts = field(default_factory=lambda: FadingCounts(SUMS))
    known: list[tuple[int, int]] = []
    spread: dict[int, Young] = {}
    reports: dict[int, Report] = {}
    traces: dict[int, Trace] = {}
    active: dict[int, list[int]] = {}

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return bool(
            self.rates or self.combined or self.novelty.cells or self.amounts.cells or self.known
            or self.spread or self.reports or self.traces or self.active
        )  # fmt: skip


class Head(Struct, array_like=True):
    """Where the stream is.

    Attributes
    ----------
    watermark_us
        Largest event time so far.
    published_us
        Watermark of the latest snapshot.
    version
        Number of snapshots so far.
    """

    watermark_us: int = 0
    published_us: int = 0
    version: int = 0


class _Small(Struct, array_like=True):
    """The published parts that are written whole."""

    rates: RateTables
    combined: RateTables
    young: dict[int, Young]
    spread: FadingCounts
    traces: dict[int, Trace]
    active: dict[int, list[int]]


_small = msgspec.msgpack.Decoder(_Small).decode
_contribution = msgspec.msgpack.Decoder(Contribution).decode
_head = msgspec.msgpack.Decoder(Head).decode


def contribution_bytes(found: Contribution) -> bytes:
    """Write a contribution; the same contribution gives the same bytes."""
    return ordered_bytes(found)


def read_contribution(raw: bytes) -> Contribution:
    """Read what `contribution_bytes` wrote.

    Raises
    ------
    StateError
        The bytes are malformed.
    """
    try:
        return _contribution(raw)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StateError(f"contribution cannot be read: {error}") from error


class SharedBehaviour:
    """What the agents share: published tables, and what waits for the next snapshot.

    Parameters
    ----------
    cases_per_day
        Expected false cases a day: what is much rarer raises the bar of nobody else.
    """

    def __init__(
        self, hasher: Hasher, series: Sequence[Series], cases_per_day: float = 5.0
    ) -> None:
        self._cases_per_day = cases_per_day
        self.head = Head()
        self.rates = Rates(series)
        self.combined = Rates([COMBINATION], COMBINED_DAYS)
        self.knowledge = SharedKnowledge(hasher)
        self.novelty = NoveltyRates(hasher)
        self.amounts = Amounts(hasher)
        self.spread = Spread(hasher)
        self.relations = Relations(hasher, self.knowledge)
        self.traces = Traces(hasher)
        self.active: dict[int, set[int]] = {}
        self.pending_active: dict[int, set[int]] = {}
        self._changed = False
        self._written_pending = b""
        self._tables = {
            name: KeyedTable(name) for name in ("known", "novelty", "amounts", "reports")
        }

    @property
    def calibrated(self) -> bool:
        """Whether any day is known, so that return periods mean something."""
        return bool(self.combined.tables)

    @property
    def known_days(self) -> int:
        """Agent-days that the rates of the combination are estimated from."""
        return self.combined.known_days

    def expected(self, profile: Profile, number: int) -> Expected | None:
        """Give what a day of an agent has of an amount; None while the fleet is not known."""
        return self.amounts.expected(profile, number)

    @property
    def knows_rarity(self) -> bool:
        """Whether enough days are known to tell a rare session from a new fleet."""
        return self.combined.known_days >= NOTED_AFTER_DAYS

    def note_active(self, day: int, agent: int) -> None:
        """Note that an agent acted on a day."""
        self.pending_active.setdefault(day, set()).add(agent)

    def active_agents(self, today: int) -> float:
        """Give the mean number of agents that acted on one of the last `ACTIVE_DAYS` days.

        Days on which nobody acted do not count, so a pause changes nothing. Today's agents count
        where they are more, and without past days all days that are known.
        """
        days = sorted(self.active)
        past = [len(self.active[day]) for day in days if day < today][-ACTIVE_DAYS:]
        if not past:
            past = [len(self.active[day]) for day in days][-ACTIVE_DAYS:]
        mean = sum(past) / len(past) if past else 0.0
        return max(1.0, mean, float(len(self.active.get(today, ()))))

    def active_days(self, after: int, until: int) -> int:
        """Count the days with activity after a day, up to another one, which counts as active.

        A pause of the whole stream has none. At most `2 * ACTIVE_DAYS` days are remembered.
        """
        if until <= after:
            return 0
        return 1 + sum(after < day < until for day in self.active)

    # ------------------------------------------------------------------ publication

    def waiting(self) -> Contribution:
        """Give what has waited since the last snapshot."""
        return Contribution(
            self.rates.pending, self.combined.pending, self.novelty.pending, self.amounts.pending,
            sorted(self.knowledge.pending), self.spread.pending, self.relations.pending,
            self.traces.pending, _listed(self.pending_active),
        )  # fmt: skip

    def wait(self, found: Contribution) -> None:
        """Set what waits for the next snapshot."""
        self.rates.pending, self.combined.pending = found.rates, found.combined
        self.novelty.pending, self.amounts.pending = found.novelty, found.amounts
        self.knowledge.pending, self.spread.pending = set(found.known), found.spread
        self.relations.pending, self.traces.pending = found.reports, found.traces
        self.pending_active = {day: set(who) for day, who in found.active.items()}

    def publish_waiting(
        self, announce: Callable[[Contribution], list[Contribution]] | None
    ) -> None:
        """Publish what has waited.

        Parameters
        ----------
        announce
            Takes it, and gives what other shards have contributed; None for a single shard.
        """
        own = self.waiting()
        self.wait(Contribution())
        self.publish([own, *(announce(own) if announce is not None else ())])

    def publish(self, contributions: Sequence[Contribution]) -> None:
        """Make the contributions of all shards count, as of the watermark."""
        head = self.head
        head.published_us, head.version = head.watermark_us, head.version + 1
        today = head.watermark_us // DAY_US
        rates, combined = RateTables(), RateTables.empty(COMBINED_DAYS)
        known: set[tuple[int, int]] = set()
        for one in contributions:
            rates.merge(one.rates)
            combined.merge(one.combined)
            known.update(one.known)
            self._merge("novelty", self.novelty.counts, one.novelty)
            self._merge("amounts", self.amounts.fleet, one.amounts)
            self.spread.apply(one.spread)
            self.relations.apply(one.reports)
            self._tables["reports"].changed.update(one.reports)
            self.traces.apply(one.traces)
            for day, who in one.active.items():
                self.active.setdefault(day, set()).update(who)
        self.rates.apply(rates, today)
        self.combined.apply(combined, today, self._clip_bits(today))
        self._tables["known"].changed.update(self.knowledge.apply(known))
        self.spread.close(head.watermark_us)
        self.traces.close(head.watermark_us)
        latest = sorted(self.active)[-2 * ACTIVE_DAYS :]
        self.active = {day: self.active[day] for day in latest}
        self._changed = True

    def _clip_bits(self, today: int) -> float:
        """Give the rarity up to which a combination counts for others: little beyond a case."""
        rarity = log2(self.active_agents(today) / self._cases_per_day)
        return max(0.0, rarity) + BEYOND_CASE_BITS

    def _merge(self, name: str, counts: FadingCounts, other: FadingCounts) -> None:
        stored = self._tables[name]
        stored.replaced |= other.block > counts.block
        counts.merge(other)
        stored.changed.update(other.cells)

    # ------------------------------------------------------------------ state

    def dump(self, *, whole: bool = False) -> list[tuple[str, bytes]]:
        """Write what changed since the last call; the same state gives the same bytes."""
        out = [(HEAD, ordered_bytes(self.head))]
        pending = contribution_bytes(self.waiting())
        if whole or pending != self._written_pending:
            self._written_pending = pending
            out.append((PENDING, pending))
        if whole or self._changed:
            self._changed = False
            small = _Small(
                self.rates.tables, self.combined.tables, self.spread.young, self.spread.counts,
                self.traces.open, _listed(self.active),
            )  # fmt: skip
            out.append((RATES, ordered_bytes(small)))
        tables = self._tables
        out += tables["known"].write(None, self.knowledge.knowers, whole=whole)
        for name, counts in (("novelty", self.novelty.counts), ("amounts", self.amounts.fleet)):
            out += tables[name].write(counts.block, counts.cells, whole=whole)
        out += tables["reports"].write(None, self.relations.reports, whole=whole)
        return out

    def load(self, parts: Mapping[str, bytes]) -> None:
        """Read what `dump` wrote.

        Raises
        ------
        StateError
            The bytes are malformed.
        """
        try:
            self._load(parts)
        except (msgspec.MsgspecError, ValueError, TypeError) as error:
            raise StateError(f"shared behaviour cannot be read: {error}") from error

    def _load(self, parts: Mapping[str, bytes]) -> None:
        if HEAD in parts:
            self.head = _head(parts[HEAD])
        today = self.head.published_us // DAY_US
        if RATES in parts:
            small = _small(parts[RATES])
            self.spread.young, self.spread.counts = small.young, small.spread
            self.traces.open = small.traces
            self.active = {day: set(who) for day, who in small.active.items()}
            self.rates.load(small.rates, today)
            self.combined.load(small.combined, today, self._clip_bits(today))
        if PENDING in parts:
            self.wait(read_contribution(parts[PENDING]))
            self._written_pending = parts[PENDING]
        found: dict[str, Any] = {name: one.read(parts) for name, one in self._tables.items()}
        if found["known"] is not None:
            self.knowledge.knowers = {mark: tuple(row) for mark, row in found["known"][1].items()}
        for name, counts in (("novelty", self.novelty.counts), ("amounts", self.amounts.fleet)):
            if found[name] is not None:
                counts.block, counts.cells = found[name]
        if found["reports"] is not None:
            self.relations.reports = {
                mark: Report(*row) for mark, row in found["reports"][1].items()
            }


def _listed(active: dict[int, set[int]]) -> dict[int, list[int]]:
    return {day: sorted(who) for day, who in active.items()}
