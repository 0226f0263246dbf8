"""Score one event: fields, detectors, rates of days, and the combination of its session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from models.alerting.combination import combine, little_bits
from models.alerting.signals import Signal
from models.baseline.profile import OpenDay
from models.calibration.series import COMBINATION, SERIES, Series
from models.codec.stable_id import stable_id
from models.constants import NOISE_BITS, NOTED_BITS
from models.detectors import rules, slow_change
from models.detectors.moment import Moment
from models.detectors.novelty import Novelty, NoveltyDetector
from models.detectors.panel import Opinions, Panel
from models.detectors.promises import add_promises, learn_promises
from models.features.families import CONTENT, FAMILIES, SEVERAL
from models.features.fields import read_fields
from models.learning.shared import SharedBehaviour
from models.units import DAY_US, HOUR_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.baseline.profile import Profile
    from models.baseline.session import SessionScores, Subject
    from models.codec.hashing import Hasher
    from models.detectors.promises import Sender
    from models.event import Event, Origin
    from models.features.family import Family

LATE_US = 2 * HOUR_US
"""Time after the end of a day for which its late events still count."""
_CONTENT = stable_id(CONTENT)
_SECOND = {name: stable_id(name) for name in SEVERAL}


class Scores(Struct):
    """What one event has made of its session.

    Attributes
    ----------
    at
        The event and its session.
    novelty
        Its new and known values.
    credential
        Mark of its credential; 0 for none.
    own
        Rarity of what this event itself shows, in bits.
    rarity
        Rarity of the whole session so far, in bits.
    sum, most
        Sum and maximum of the bits that this event shows.
    opinions
        What the registered detectors say of it; None without any.
    """

    at: Moment
    novelty: Novelty
    credential: int
    own: float = 0.0
    rarity: float = 0.0
    sum: float = 0.0
    most: float = 0.0
    opinions: Opinions | None = None


class Scorer:
    """Scores the events of a fleet, and learns them afterwards.

    Parameters
    ----------
    without
        Families that are left out.
    cases_per_day
        Expected false cases a day.
    panel
        The registered detectors; None for none.

    Attributes
    ----------
    families, series
        Those of the built-in detectors and of the registered ones.
    shared
        What the agents share.
    """

    def __init__(
        self,
        hasher: Hasher,
        without: frozenset[str] = frozenset(),
        cases_per_day: float = 5.0,
        panel: Panel | None = None,
    ) -> None:
        self.hasher = hasher
        self._without = without
        self._little_bits = little_bits(cases_per_day)
        self.panel = Panel() if panel is None else panel
        self.families: dict[str, Family] = FAMILIES | self.panel.families
        every = (*SERIES, *self.panel.series)
        self.series: dict[int, Series] = {one.id: one for one in every}
        self.shared = SharedBehaviour(hasher, every, cases_per_day)
        shared = self.shared
        self._novelty = NoveltyDetector(hasher, shared.novelty, shared.knowledge)

    # ------------------------------------------------------------------ scoring

    def score(
        self,
        event: Event,
        origin: Origin,
        profile: Profile,
        session: SessionScores,
        time_us: int,
        sender: Sender,
        content: tuple[float, Subject | None] = (0.0, None),
    ) -> Scores:
        """Score one event of a session.

        Parameters
        ----------
        sender
            What is known of the sender beside the event.
        content
            Bits of its arguments (`models.provenance`), and what they are about.
        """
        hasher, shared = self.hasher, self.shared
        day = time_us // DAY_US
        fields = read_fields(event, origin, session.previous_tool, time_us)
        state = profile.special_state(time_us)
        counts = day >= self._first_open_day() and not sender.blocked
        open_day = profile.day(day, time_us) if counts else OpenDay(state)
        at = Moment(profile, session, fields, time_us, day, open_day, state)
        if day != session.day:  # what a session has shown before counts on each of its days
            at.raised.update(session.bits)
            session.day = day
        credential = event.credential
        mark = 0 if credential is None else hasher.of(f"credential\x1f{credential.id}")
        novelty = Novelty([], [], [])
        opinions: Opinions | None = None
        add_promises(at, event, sender, mark)
        if event.kind == "action":
            novelty = self._novelty.score(at)
            shared.spread.score(at, novelty.new)
            shared.relations.measure(at, event)
            shared.amounts.score(at, event, novelty.new)
            slow_change.measure(at, slow_change.tool_mark(hasher, event.tool))
            shared.traces.score(at, event.trace_id)
            session.previous_tool = event.tool
        rules.score(at, hasher)
        if event.kind == "action":
            opinions = self.panel.score(at, event)
        if content[0] > 0.0:
            at.raise_bits(_CONTENT, *content)
        return self._weigh(Scores(at, novelty, mark, opinions=opinions))

    def _weigh(self, scores: Scores) -> Scores:
        """Turn the bits that rose into rarities, and combine them."""
        at, rates, combined = scores.at, self.shared.rates, self.shared.combined
        profile, session = at.profile, at.session
        own: dict[str, float] = {}
        maxima = at.open_day.maxima
        for series in sorted((at.raised.keys() | at.shown.keys()) & self.series.keys()):
            family = self.series[series].family
            if family in self._without:
                continue
            raised = series in at.raised
            bits = session.bits[series] if raised else at.shown[series]
            first = rates.rarity(profile.maxima, profile.role, at.state, series, bits)
            rarity, second = first, _SECOND.get(family)
            if second is not None:
                rarity = rates.rarity(profile.maxima, profile.role, at.state, second, first)
            counts = bits > self._little_bits
            if raised:
                maxima[series] = max(maxima.get(series, 0.0), bits)
                if second is not None:
                    maxima[second] = max(maxima.get(second, 0.0), first)
                if counts:
                    session.rarities[family] = max(session.rarities.get(family, 0.0), rarity)
            if series in at.shown:
                if counts:
                    own[family] = max(own.get(family, 0.0), rarity)
                scores.sum += bits
                scores.most = max(scores.most, bits)
        if at.raised:
            session.combined, session.lead = combine(self.families, session.rarities)
        whole, part = session.combined, combine(self.families, own).bits
        number = COMBINATION.id
        scores.rarity = combined.rarity(None, None, None, number, whole)
        scores.own = combined.rarity(None, None, None, number, part)
        return scores

    def signals(self, scores: Scores) -> list[Signal]:
        """Give what the detectors say of the session, the strongest first.

        A certain rule that is rarely broken comes first, then the lead, then the rarest family;
        what says little comes last.
        """
        at, session = scores.at, scores.at.session
        found = []
        for series, bits in session.bits.items():
            one = self.series.get(series)
            if one is None:  # a detector that is no longer registered
                continue
            rarity = self.shared.rates.rarity(
                at.profile.maxima, at.profile.role, at.state, series, bits
            )
            fresh = series in at.raised
            found.append(
                Signal(one.name, one.family, session.subjects.get(series), bits, rarity, fresh)
            )
        return sorted(
            found,
            key=lambda one: (
                one.bits <= self._little_bits,
                not _is_certain(one.family, session.rarities),
                one.family != session.lead,
                -session.rarities.get(one.family, 0.0),
                one.family,
                -one.rarity,
            ),
        )

    # ------------------------------------------------------------------ learning

    def restart_slow_change(self, profile: Profile) -> None:
        """Begin the test for slow change again, after a case."""
        slow_change.restart(profile)

    def count_day(self, scores: Scores, *, repeated: bool) -> None:
        """Count the combination of a session among the day's maxima, and its agent as active.

        Parameters
        ----------
        repeated
            Whether the session repeats what a case of an earlier day has reported.
        """
        at = scores.at
        if not repeated:
            at.open_day.combined = max(at.open_day.combined, at.session.combined)
        self.shared.note_active(at.day, at.profile.mark)

    def learn(self, scores: Scores, event: Event, *, held_days: int) -> None:
        """Learn an event after it was scored.

        Parameters
        ----------
        held_days
            Days on which its new values must be used before the agent knows them; 0 for none.
            Values that waited count for this agent alone.
        """
        at, shared = scores.at, self.shared
        profile = at.profile
        learned: list[int] = []
        if not (held_days and scores.novelty.new):
            self.panel.learn(scores.opinions, profile.role)
        for mark in scores.novelty.known:
            profile.know(mark, at.day)
        for one in scores.novelty.new:
            if held_days:
                profile.hold(one.mark, at.day, held_days)
            else:
                learned.append(one.mark)
                profile.know(one.mark, at.day)
        shared.knowledge.learn(profile.role, profile.mark, learned)
        self._novelty.learn(at, scores.novelty)
        learn_promises(at, event, scores.credential)
        if event.kind == "action":
            shared.spread.learn(at, scores.novelty.new)
            shared.relations.learn(at)
            if shared.knows_rarity and scores.rarity >= NOTED_BITS:
                shared.traces.learn(at, event.trace_id)

    def close_days(self, profile: Profile, open_families: dict[int, set[str]]) -> None:
        """Learn the days of an agent that are over.

        Parameters
        ----------
        open_families
            Day -> families of its open cases that the day does not make ordinary. The fleet counts
            what is not certain of them apart.
        """
        for day in self.days_over(profile):
            self._close(profile, day, profile.open_days.pop(day), open_families.get(day, set()))
            profile.forget_values(day)

    def days_over(self, profile: Profile) -> list[int]:
        """Give the days of an agent that get no more events."""
        first = self._first_open_day()
        return sorted(day for day in profile.open_days if day < first)

    def _first_open_day(self) -> int:
        return (self.shared.head.watermark_us - LATE_US) // DAY_US

    def _close(self, profile: Profile, day: int, over: OpenDay, families: set[str]) -> None:
        maxima, of_cases = {}, {}
        for number, bits in over.maxima.items():
            one = self.series.get(number)
            if number in self.panel.exposures or (one is not None and one.family not in families):
                maxima[number] = bits
            elif one is not None and not self.families[one.family].certain:
                of_cases[number] = bits
        shared = self.shared
        shared.rates.close(day, profile.role, over.state, profile.maxima, maxima)
        shared.rates.count_case(day, of_cases)
        combined = {COMBINATION.id: over.combined}
        shared.combined.close(day, None, None, None, combined)
        shared.amounts.close(profile, day, over)
        slow_change.close(profile, over)


def _is_certain(name: str, rarities: Mapping[str, float]) -> bool:
    """Tell whether a family of rules names a case whatever else is rare in its session."""
    family = FAMILIES.get(name)
    return family is not None and family.certain and rarities.get(name, 0.0) > NOISE_BITS
