"""Learning after scoring: it updates an agent's baseline, votes and windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.baseline.volume_baseline import QUANTITIES, added, quantities
from models.ranked import PEAK
from models.result import Held
from models.units import DAY_US, HOUR_US
from models.watch.mixture import use
from models.watch.sizes import (
    SIZED,
    learn,
    per_mille,
    send_nothing,
    size_name,
    telling,
    usual,
)
from models.ways import make_room

if TYPE_CHECKING:
    from models.baseline.agent_state import AgentState, EventScores
    from models.baseline.profile import Profile
    from models.calibration.p_values import Calibrated
    from models.codec.hashing import Hasher
    from models.config import ModelConfig
    from models.event import Event
    from models.features.feature_slots import FeatureSlot
    from models.peers.fleet import Fleet, GroupView
    from models.provenance.backend import ProvenanceDetector
    from models.provenance.session import Session
    from models.result import Result
    from models.trust.ledger import Item
    from models.trust.state import TrustState
    from models.watch.adopting import Adopting

MARK = 0xFFFF
_SUSPECTED_US = 7 * DAY_US  # after the last alert against it
_NEVER_SHARED = frozenset({"execute", "delete", "admin"})
_ADOPTED = frozenset({"tool", "resource", "area", "destination", "hour", "day"})
_NEW_BELOW = 50  # a value rarer than one action in so many is still new


class Learner:
    """The learning gate and the learning behind it (science 7)."""

    def __init__(
        self,
        config: ModelConfig,
        hasher: Hasher,
        slots: tuple[FeatureSlot, ...],
        fleet: Fleet,
        content: ProvenanceDetector,
        adopting: Adopting,
    ) -> None:
        self.config = config
        self.hasher = hasher
        self.fleet = fleet
        self.content = content
        self._slots = slots
        self._adopting = adopting

    def learn(
        self,
        out: Result,
        event: Event,
        agent_state: AgentState,
        session: Session,
        bits: EventScores,
        statistics: list[float | None],
        result: Calibrated,
        x: dict[str, str],
        *,
        trusted_history: bool,
        shared: bool,
        newcomer_statistics: list[float | None] | None = None,
    ) -> None:
        """Learn an event, or hold it: below the gate nothing enters the baseline.

        With `shared`, values of several agents count as a change of their group. Later newcomers
        are ranked by `newcomer_statistics`, those of an agent's first days.
        """
        profile, view, time_us = agent_state.profile, agent_state.view, out.time_us
        assert view is not None  # noqa: S101 - judge has set it
        gate = max(self.config.gate, out.alpha)
        state = profile.state()
        # A new version does not excuse stable features: their anomalies are held, too.
        unusual = state != "learning" and (
            (out.p is not None and out.p < gate) or self._is_repeated(profile, bits)
        )
        excluded = not trusted_history and self._is_excluded(event, agent_state, out)
        held = excluded or (not trusted_history and (out.alert or unusual))
        if held and (result.each[PEAK] or 1.0) < gate:
            self._note_held(profile, bits)
        session.events += 1
        session.previous_tool = event.tool
        if bits.content is not None:
            self.content.record_call(session, bits.content)
        # A burst counts as one event, in a trusted history as well.
        capped = held or (trusted_history and unusual)
        if state == "active":
            contributes = capped and self._contributes(out, profile, agent_state.trust)
            profile.frequency_model.add_scores(
                view.view,
                statistics,
                result,
                gate if capped or not trusted_history else 0.0,
                uncapped=contributes,
            )
            if contributes:
                profile.frequency_model.contribute_scores(view.view, bits.learned, bits.metrics)
        elif newcomer_statistics is not None and self._contributes_new(out, profile):
            profile.frequency_model.add_newcomer_scores(view.view, newcomer_statistics)
        self._add_amounts(event, profile, view, time_us, held=held)
        if held:
            out.held = Held(event.id, out.agent_id, out.mode, time_us, x)
            if shared and not excluded:
                self._learn_adopted(profile, view, x, time_us)
            if not out.alert:
                self._learn_recurring(profile, view, agent_state.trust, x, time_us)
            return
        out.learned = True
        facts, vote = profile.facts, state == "active"
        if capped or bits.new_tool:
            profile.frequency_model.count(view.view, x, vote=vote)
        else:
            profile.frequency_model.learn(
                view.view, bits.learned, x, vote=vote, metrics=bits.metrics
            )
        use(facts.watch, self.hasher.of(event.tool) & MARK)
        facts.voted = facts.voted or vote

    @staticmethod
    def _contributes(out: Result, profile: Profile, trust: TrustState) -> bool:
        """Whether a held event enters the windows of the peers unchanged: rarely, without an alert.

        Otherwise the windows have no scores below the gate, and all such scores look impossible. A
        few scores of one agent cannot change the quantile at the gate, and a burst counts once. A
        recently alerting agent counts once a day: otherwise one attack hides the next. In a trusted
        history, events that would alert do not enter either.
        """
        facts = profile.facts
        apart_us = DAY_US if _suspected(trust, out.time_us) else HOUR_US
        if out.anomaly is not None or out.time_us - facts.contributed_us < apart_us:
            return False
        facts.contributed_us = out.time_us
        return True

    @staticmethod
    def _contributes_new(out: Result, profile: Profile) -> bool:
        """Whether an event enters the window of newcomers: an alerting one once an hour.

        The window must contain alerts of newcomers. A burst counts once.
        """
        facts = profile.facts
        if out.alert:
            if out.time_us - facts.contributed_us < HOUR_US:
                return False
            facts.contributed_us = out.time_us
        return True

    @staticmethod
    def _is_repeated(profile: Profile, bits: EventScores) -> bool:
        """Whether an earlier held action of this session had a category at most as rare."""
        kept = profile.facts.watch.kept
        return bool(kept) and bits.categories.rarest >= kept

    @staticmethod
    def _note_held(profile: Profile, bits: EventScores) -> None:
        watch = profile.facts.watch
        watch.kept = min(watch.kept or bits.categories.peak, bits.categories.peak)

    def _is_excluded(self, event: Event, agent_state: AgentState, out: Result) -> bool:
        """Whether learning stops for a reason outside the event's numbers (science 7.4)."""
        trust = agent_state.trust
        if trust.level_state.gate == "quarantined":
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
        profile.frequency_model.count(view.view, x, vote=vote)
        profile.facts.voted = profile.facts.voted or vote

    def _learn_adopted(
        self, profile: Profile, view: GroupView, x: dict[str, str], time_us: int
    ) -> None:
        """Learn the held values that other agents of the group use as well.

        A value counts while it is rare for the agent: otherwise a value learned once would alert
        permanently. Values of one agent alone stay held. So do its other new values, except those
        tied to a tool: its order and the kind of resource.
        """
        if not view.name:
            return
        baseline, vote = profile.baseline, profile.state() != "learning"
        mark = self.hasher.of(profile.facts.agent_id) & 0xFFFF_FFFF
        adopted = {
            slot.name: self._adopting.note(
                view.name, slot.base | (self.hasher.of(value) & 0xFFFF_FFFF), mark, time_us
            )
            for slot in self._slots
            if slot.name in _ADOPTED
            and (value := x.get(slot.name)) is not None
            and baseline.count_of(slot, value) * _NEW_BELOW <= baseline.total_of(slot)
        }
        if not any(adopted.values()):
            return
        waits = {
            slot.name
            for slot in self._slots
            if not adopted.get(slot.name, not slot.steady)
            and (value := x.get(slot.name)) is not None
            and not baseline.count_of(slot, value)
        }
        known = {name: value for name, value in x.items() if name not in waits}
        profile.frequency_model.count(view.view, known, vote=vote)
        profile.facts.voted = profile.facts.voted or vote

    def _learn_recurring(
        self,
        profile: Profile,
        view: GroupView,
        trust: TrustState,
        x: dict[str, str],
        time_us: int,
    ) -> None:
        """Learn values held without an alert once they occurred on enough distinct days.

        Each value counts alone: a tool becomes known on any resources.
        """
        waiting, baseline = profile.facts.waiting, profile.baseline
        day = time_us // DAY_US
        new: dict[str, int] = {}
        for slot in self._slots:
            value = x.get(slot.name)
            if slot.extends >= 0 or value is None or baseline.count_of(slot, value):
                continue
            key = slot.base | (self.hasher.of(value) & 0xFFFF_FFFF)
            days = waiting.setdefault(key, [])
            if day not in days:
                days.append(day)
            new[slot.name] = key
        ready = {n: key for n, key in new.items() if len(waiting[key]) >= self.config.held_days}
        if ready and not _open_items(trust):
            for key in ready.values():
                del waiting[key]
            waits = new.keys() - ready.keys()
            self.learn_categories(profile, view, {n: v for n, v in x.items() if n not in waits})
        make_room(waiting, self.config.held_limit)

    def _add_amounts(
        self, event: Event, profile: Profile, view: GroupView, time_us: int, *, held: bool
    ) -> None:
        """Add to the open hour's sums; learn a window when it closes."""
        facts, hour = profile.facts, time_us // HOUR_US
        watch = facts.watch
        if hour > facts.hour:
            for index, (name, total) in enumerate(zip(QUANTITIES, facts.sums, strict=True)):
                if facts.hour >= 0 and total >= 0:
                    amount = float(total)
                    if index in SIZED:
                        amount = per_mille(amount, watch.expected[SIZED.index(index)])
                    profile.baseline.learn_number(name, amount)
                    if profile.state() == "active":
                        self.fleet.add_volume(view.name, name, amount)
            facts.hour, facts.sums = hour, [-1] * len(QUANTITIES)
            watch.expected = [0.0] * len(SIZED)
        if held or hour < facts.hour:
            return
        tool = self.hasher.of(event.tool) & MARK
        for index, one in enumerate(quantities(event)):
            if one is None:
                if index == SIZED[0]:
                    send_nothing(watch, tool)
            else:
                facts.sums[index] = added(facts.sums[index], one)
                if index in SIZED:
                    slot = SIZED.index(index)
                    watch.expected[slot] += usual(watch, tool, slot, one, view.volume)
                    learn(watch, tool, slot, one)
                    size = telling(watch, tool, slot)
                    if size is not None and profile.state() == "active":
                        self.fleet.add_volume(view.name, size_name(slot, tool), size)


def may_be_shared(event: Event) -> bool:
    """Tell whether an action of several agents may count as a change of their group.

    Restricted data, code, deletions and administration never do: three compromised agents do not
    make the fourth harmless.
    """
    resource = event.resource
    restricted = resource is not None and resource.sensitivity == "restricted"
    return not restricted and event.operation not in _NEVER_SHARED


def _suspected(trust: TrustState, time_us: int) -> bool:
    """Whether the agent has a recent alert that was not dismissed."""
    return any(time_us - item.at_us < _SUSPECTED_US for item in _open_items(trust))


def _open_items(trust: TrustState) -> list[Item]:
    """Give the items against an agent above low severity."""
    items = trust.ledger.items.values()
    return [item for item in items if item.status != "dismissed" and item.severity != "low"]
