"""Learn after scoring: what enters an agent's baseline, its votes and its windows, and what not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.assessment import Held
from models.features import HOUR_US
from models.quantity import QUANTITIES, quantities
from models.trust_policy import DAY_US
from models.watch.mixture import use

if TYPE_CHECKING:
    from models.assessment import Assessment
    from models.calibrate import Calibrated
    from models.config import ModelConfig
    from models.content.kernel import ContentKernel
    from models.content.session import Session
    from models.event import Event
    from models.hashing import Hasher
    from models.peers import GroupView, Peers
    from models.places import Place
    from models.profile import Profile
    from models.subject import Bits, Subject
    from models.trust_state import TrustState


class Learner:
    """The learning gate and what lies behind it (science 7)."""

    def __init__(
        self,
        config: ModelConfig,
        hasher: Hasher,
        places: tuple[Place, ...],
        peers: Peers,
        content: ContentKernel,
    ) -> None:
        self.config = config
        self.hasher = hasher
        self.peers = peers
        self.content = content
        self._places = places

    def learn(
        self,
        out: Assessment,
        event: Event,
        subject: Subject,
        session: Session,
        bits: Bits,
        statistics: list[float | None],
        result: Calibrated,
        x: dict[str, str],
        *,
        vouched: bool,
    ) -> None:
        """Learn an event, or hold it: below the gate nothing enters the baseline."""
        profile, view, time_us = subject.profile, subject.view, out.time_us
        assert view is not None  # noqa: S101 - judge has set it
        gate = max(self.config.gate, out.alpha)
        state = profile.state()
        unusual = state == "active" and out.p is not None and out.p < gate
        held = not vouched and (out.alert or unusual or self._kept_out(event, subject, out))
        session.events += 1
        session.previous_tool = event.tool
        if bits.content is not None:
            self.content.note(session, bits.content)
        if state == "active":
            profile.habits.take_in(view.view, statistics, result, gate)
        self._sum_up(event, profile, view, time_us, held=held)
        if held:
            out.held = Held(event.id, out.agent_id, out.mode, time_us, x)
            if not out.alert:
                self._wait(profile, view, subject.trust, x, time_us)
            return
        out.learned = True
        facts, vote = profile.facts, state == "active"
        profile.habits.learn(view.view, bits.categories, x, vote=vote, metrics=bits.metrics)
        use(facts.watch, self.hasher.of(event.tool) & 0xFFFF)
        facts.voted = facts.voted or vote
        facts.day_bits += out.s_sum
        facts.day_learned += 1

    def _kept_out(self, event: Event, subject: Subject, out: Assessment) -> bool:
        """Whether nothing is learned for a reason beside the event's own numbers (science 7.4)."""
        trust = subject.trust
        if trust.standing.gate == "quarantined":
            return True
        item = trust.ledger.items.get(out.key) if out.key else None
        if item is not None and item.status == "confirmed":
            return True
        attributes = event.attributes
        if attributes is not None and attributes.get("telemetry") == "degraded":
            return True
        return any(start <= out.time_us < end for start, end in self.config.degraded)

    def learn_categories(self, profile: Profile, view: GroupView, x: dict[str, str]) -> None:
        """Count an event's categories, and vote for them when the agent is known enough."""
        vote = profile.state() == "active"
        profile.habits.count(view.view, x, vote=vote)
        profile.facts.voted = profile.facts.voted or vote

    def _wait(
        self,
        profile: Profile,
        view: GroupView,
        trust: TrustState,
        x: dict[str, str],
        time_us: int,
    ) -> None:
        """Learn what was held without an alert once it was seen on enough distinct days."""
        waiting, baseline = profile.facts.waiting, profile.baseline
        day = time_us // DAY_US
        new: list[int] = []
        for place in self._places:
            value = x.get(place.name)
            if place.under >= 0 or value is None or baseline.count_of(place, value):
                continue
            key = place.base | (self.hasher.of(value) & 0xFFFF_FFFF)
            days = waiting.setdefault(key, [])
            if day not in days:
                days.append(day)
            new.append(key)
        ready = bool(new) and all(len(waiting[k]) >= self.config.held_days for k in new)
        items = trust.ledger.items.values()
        if ready and all(item.status == "dismissed" or item.severity == "low" for item in items):
            for key in new:
                del waiting[key]
            self.learn_categories(profile, view, x)
        while len(waiting) > self.config.held_limit:
            del waiting[min(waiting, key=lambda k: (max(waiting[k]), k))]

    def _sum_up(
        self, event: Event, profile: Profile, view: GroupView, time_us: int, *, held: bool
    ) -> None:
        """Add to the open hour's sums; learn a window when it closes."""
        facts, hour = profile.facts, time_us // HOUR_US
        if hour > facts.hour:
            for name, total in zip(QUANTITIES, facts.sums, strict=True):
                if facts.hour >= 0 and total >= 0:
                    profile.baseline.learn_number(name, float(total))
                    if profile.state() == "active":
                        self.peers.quantity(view.name, name, float(total))
            facts.hour, facts.sums = hour, [-1] * len(QUANTITIES)
        if held or hour < facts.hour:
            return
        for index, amount in enumerate(quantities(event)):
            if amount is not None:
                facts.sums[index] = max(0, facts.sums[index]) + amount
