"""The judge of behaviour: bits of each series, their rarities, and the combination of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from models.alerting.cases import Cases
from models.alerting.combination import combine
from models.alerting.return_period import return_period_bits
from models.behaviour.novelty import Moment, NoveltyDetector, raise_bits
from models.behaviour.rules import broken_rules
from models.behaviour.series import CONTENT, FAMILIES, FAMILY_OF, INDEX, SERIES
from models.behaviour.shared import SharedBehaviour
from models.behaviour.state import Behaviour, SessionScores, Subject
from models.features.counters import COUNTER_FAMILIES
from models.features.fields import read_fields
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
    """Judges the events of a fleet, and learns from them afterwards.

    Attributes
    ----------
    shared
        What the agents share.
    agents
        The behaviour of each agent.
    cases
        The open cases.
    """

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self.shared = SharedBehaviour(hasher, SERIES)
        self.cases = Cases(hasher)
        self.agents: dict[str, Behaviour] = {}
        self.watermark_us = 0
        self._novelty = NoveltyDetector(hasher, self.shared.novelty, self.shared.knowledge, INDEX)
        self._published_us = 0
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
            if FAMILY_OF[index] not in open_families
        }
        shared = self.shared
        shared.rates.close(day, agent.role, over.state, agent.maxima, maxima)
        shared.combined.close(day, agent.role, over.state, None, {0: over.combined})
        shared.amounts.close(agent, day, over)

    def _publish(self) -> None:
        self._published_us = self.watermark_us
        self.shared.publish([self.shared.contribution()], self.watermark_us)

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
        conflict: bool = False,
        content: float = 0.0,
    ) -> Judgement:
        """Judge one event of a session.

        Parameters
        ----------
        registered
            Whether the inventory has the agent; None without an inventory.
        conflict
            Whether the agent sent the event's id before with other content.
        content
            Bits of its arguments (`models.provenance`).
        """
        day = time_us // DAY_US
        shared = self.shared
        shared.note_active(day, agent.mark)
        session.raised.clear()
        if day != session.day:  # what a session has shown before counts on each of its days
            session.raised.update(session.bits)
            session.day = day
        fields = read_fields(event, origin, session.previous_tool, time_us)
        at = Moment(agent, session, fields, time_us, day, agent.state(time_us))
        new: list[NewValue] = []
        if event.kind == "action":
            new = self._novelty.score(at)
            shared.spread.score(at, new)
            shared.amounts.score(at, event, new, shared.relations.measure(at, event))
            session.previous_tool = event.tool
        elif event.kind == "deployment":
            agent.deployed_us = time_us
        credential = event.credential
        mark = 0 if credential is None else self._hasher.of(f"credential\x1f{credential.id}")
        for broken in broken_rules(at, event, mark, registered=registered, conflict=conflict):
            subject = Subject(broken.bits, 0, -1, 0, broken.text)
            raise_bits(session, INDEX[broken.series], broken.bits, subject)
        if content:
            raise_bits(session, INDEX[CONTENT], content)
        self._weigh(at)
        bits = None
        if shared.combined.tables:
            rarity = shared.combined.rarity(None, agent.role, at.state, 0, session.combined)
            bits = return_period_bits(rarity, shared.active_agents(day))
        about = None if session.lead is None else session.subjects.get(INDEX[session.lead])
        return Judgement(session, bits, session.lead, about, bool(session.raised), new)

    def _weigh(self, at: Moment) -> None:
        """Turn the bits that rose into rarities, and combine them."""
        agent, session, rates = at.agent, at.session, self.shared.rates
        if not session.raised:
            return
        maxima = agent.day(at.day, at.time_us).maxima
        for index in sorted(session.raised):
            bits = session.bits[index]
            maxima[index] = max(maxima.get(index, 0.0), bits)
            rarity = rates.rarity(agent.maxima, agent.role, at.state, index, bits)
            family = FAMILY_OF[index]
            second = INDEX[family]
            if family in COUNTER_FAMILIES and second != index:
                maxima[second] = max(maxima.get(second, 0.0), rarity)
                rarity = rates.rarity(agent.maxima, agent.role, at.state, second, rarity)
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
        self.shared.knowledge.learn(agent.role, agent.mark, learned)
