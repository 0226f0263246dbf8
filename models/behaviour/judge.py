"""The judge of behaviour: bits of each series, their rarities, and the combination of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from models.alerting.cases import Cases
from models.alerting.combination import combine
from models.alerting.return_period import return_period_bits
from models.behaviour import rules
from models.behaviour.amounts import Amounts
from models.behaviour.novelty import CARRIED, Moment, NoveltyDetector, raise_bits
from models.behaviour.relations import Relations
from models.behaviour.spread import Spread
from models.behaviour.state import Behaviour, SessionScores, Subject
from models.calibration.novelty_rates import NoveltyRates
from models.calibration.rates import Rates, Series
from models.features.counters import COUNTER_FAMILIES, COUNTERS
from models.features.family import Family
from models.features.fields import read_fields
from models.features.plan import FAMILIES as NOVELTY_FAMILIES
from models.learning.knowledge import SharedKnowledge
from models.units import DAY_US, HOUR_US, MINUTE_US

if TYPE_CHECKING:
    from models.behaviour.novelty import NewValue
    from models.codec.hashing import Hasher
    from models.event import Event, Origin

SNAPSHOT_US = 5 * MINUTE_US
LATE_US = 2 * HOUR_US
"""Time after the end of a day for which its late events still count."""
HELD_DAYS = 3
"""Days on which a value from a rare session must be used before the agent knows it."""
SPREAD, CONTENT = "spread", "content"

FAMILIES: dict[str, Family] = {
    **NOVELTY_FAMILIES,
    CARRIED: Family(CARRIED, "work"),
    SPREAD: Family(SPREAD, "work"),
    CONTENT: Family(CONTENT, "work"),
    **COUNTER_FAMILIES,
    **rules.FAMILIES,
}
_OF_COUNTER = {counter.name: counter.family for counter in COUNTERS}
_SINGLE = [name for name in FAMILIES if name not in COUNTER_FAMILIES]
SERIES: tuple[Series, ...] = (
    *(Series(name) for name in _SINGLE),
    *(Series(counter.name) for counter in COUNTERS),
    *(Series(name) for name in COUNTER_FAMILIES if name not in _OF_COUNTER),
)
"""Series of the detectors, and of the families of several counters."""
INDEX = {one.name: number for number, one in enumerate(SERIES)}
FAMILY_OF = {INDEX[name]: _OF_COUNTER.get(name, name) for name in INDEX}
COMBINED = Series("combination", declared=1.0, tail_bits=6.0)
COMBINED_DAYS = 14
"""Half-life of the combination's day maxima: its scale changes while rarities become known."""


class Judgement(NamedTuple):
    """What one event has made of its session.

    Attributes
    ----------
    bits
        ``log2`` of the return period of the session in days; None while nothing is calibrated.
    rose
        Whether this event has raised anything.
    """

    session: SessionScores
    bits: float | None
    lead: str | None
    subject: Subject | None
    rose: bool
    new: list[NewValue]


class BehaviourJudge:
    """Judges the events of a fleet, and learns from them afterwards."""

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self.cases = Cases(hasher)
        self.rates = Rates(SERIES)
        self.combined = Rates([COMBINED], COMBINED_DAYS)
        self.shared = SharedKnowledge(hasher)
        self.novelty_rates = NoveltyRates(hasher)
        self.amounts = Amounts(hasher, INDEX)
        self.rules = rules.Rules()
        self.spread = Spread(hasher, INDEX[SPREAD])
        self.relations = Relations(hasher, self.shared)
        self._novelty = NoveltyDetector(hasher, self.novelty_rates, self.shared, INDEX)
        self.agents: dict[str, Behaviour] = {}
        self.watermark_us = 0
        self._published_us = 0
        self._active: dict[int, set[int]] = {}
        self._closed_to = -1

    # ------------------------------------------------------------------ time

    def advance(self, time_us: int) -> None:
        """Move the watermark; close the days that are over and publish where due."""
        self.watermark_us = max(self.watermark_us, time_us)
        day = (self.watermark_us - LATE_US) // DAY_US
        if day > self._closed_to:
            self._closed_to = day
            for agent_id, agent in self.agents.items():
                for over in sorted(one for one in agent.open_days if one < day):
                    self._close(agent_id, agent, over)
            self.cases.forget(self.watermark_us)
            self.spread.close(day, self.watermark_us)
            self._publish()
        elif self.watermark_us - self._published_us >= SNAPSHOT_US:
            self._publish()

    def _close(self, agent_id: str, agent: Behaviour, day: int) -> None:
        """Learn a day that is over; what an open case is about is not counted again."""
        over = agent.open_days.pop(day)
        open_families = self.cases.leading(agent_id, day)
        maxima = {
            index: bits
            for index, bits in over.maxima.items()
            if FAMILY_OF.get(index) not in open_families
        }
        self.rates.close(day, agent.role, over.state, agent.maxima, maxima)
        self.combined.close(day, agent.role, over.state, None, {0: over.combined})
        self.amounts.close(agent, day, over)

    def _publish(self) -> None:
        self._published_us = self.watermark_us
        self.shared.publish()
        self.novelty_rates.publish()
        self.amounts.publish()
        self.rates.publish(self.watermark_us // DAY_US)
        self.combined.publish(self.watermark_us // DAY_US)
        today = self.watermark_us // DAY_US
        self._active = {day: who for day, who in self._active.items() if today - day <= 7}

    def active_agents(self) -> float:
        """Give the mean number of agents active on one of the last seven days."""
        today = self.watermark_us // DAY_US
        past = [len(who) for day, who in self._active.items() if day < today]
        return max(1.0, sum(past) / len(past)) if past else 1.0

    # ------------------------------------------------------------------ judging

    def judge(
        self,
        event: Event,
        origin: Origin,
        agent: Behaviour,
        session: SessionScores,
        time_us: int,
        *,
        registered: bool | None = None,
        content: float = 0.0,
    ) -> Judgement:
        """Judge one event of a session.

        Parameters
        ----------
        registered
            Whether the inventory has the agent; None without an inventory.
        content
            Bits of its arguments (`models.provenance`).
        """
        day = time_us // DAY_US
        self._active.setdefault(day, set()).add(agent.mark)
        session.raised.clear()
        if day != session.day:  # what a session has shown before counts on each of its days
            session.raised.update(session.bits)
            session.day = day
        fields = read_fields(event, origin, session.previous_tool, time_us)
        at = Moment(agent, session, fields, time_us, day, agent.state(time_us))
        new = []
        if event.kind == "action":
            new = self._novelty.score(at)
            self.spread.score(at, new)
            self.amounts.score(at, event, new, self.relations.measure(at, event))
            session.previous_tool = event.tool
        elif event.kind == "deployment":
            agent.deployed_us = time_us
        for broken in self.rules.check(at, event, registered=registered):
            index = INDEX[broken.series]
            raise_bits(session, index, broken.bits, Subject(broken.bits, 0, -1, 0, broken.text))
        if content:
            raise_bits(session, INDEX[CONTENT], content)
        self._weigh(at)
        bits = None
        if self.combined.tables.fleet.days:
            rarity = self.combined.rarity(None, agent.role, at.state, 0, session.combined)
            bits = return_period_bits(rarity, self.active_agents())
        subject = None
        if session.lead is not None:
            subject = session.subjects.get(INDEX.get(session.lead, -1))
        return Judgement(session, bits, session.lead, subject, bool(session.raised), new)

    def _weigh(self, at: Moment) -> None:
        """Turn the bits that rose into rarities, and combine them."""
        agent, session = at.agent, at.session
        if not session.raised:
            return
        maxima = agent.day(at.day, at.time_us).maxima
        for index in sorted(session.raised):
            bits = session.bits[index]
            maxima[index] = max(maxima.get(index, 0.0), bits)
            rarity = self.rates.rarity(agent.maxima, agent.role, at.state, index, bits)
            family = FAMILY_OF[index]
            second = INDEX[family]
            if family in COUNTER_FAMILIES and second != index:
                maxima[second] = max(maxima.get(second, 0.0), rarity)
                rarity = self.rates.rarity(agent.maxima, agent.role, at.state, second, rarity)
            session.rarities[family] = max(session.rarities.get(family, 0.0), rarity)
        session.combined, session.lead = combine(FAMILIES, session.rarities)

    def count(self, at_day: int, time_us: int, agent: Behaviour, session: SessionScores) -> None:
        """Count the combination of a session among the day's maxima."""
        open_day = agent.day(at_day, time_us)
        open_day.combined = max(open_day.combined, session.combined)

    # ------------------------------------------------------------------ learning

    def learn(self, agent: Behaviour, new: list[NewValue], day: int, *, rare: bool) -> None:
        """Learn new values: from a rare session after `HELD_DAYS` days, for the agent alone."""
        learned = []
        for one in new:
            if rare:
                days = agent.held.setdefault(one.mark, [])
                if day not in days:
                    days.append(day)
                if len(days) < HELD_DAYS:
                    continue
                del agent.held[one.mark]
            else:
                learned.append(one.mark)
            agent.known[one.mark] = day
        self.shared.learn(agent.role, agent.mark, learned)
