"""File an event: its return period, its case, its name, its severity and its reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.alerting.cases import Story
from models.alerting.naming import anomaly_of
from models.alerting.return_period import confidence_of, is_case, return_period_bits, severity_of
from models.baseline.profile import LOW32
from models.codec.stable_id import stable_id
from models.constants import LITTLE_BITS, NOISE_BITS, NOTED_BITS
from models.explain.templates import reason_of
from models.features.families import SLOW
from models.result import Finding
from models.trust.policy import SEVERITIES
from models.units import DAY_US, MINUTE_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.alerting.cases import Cases
    from models.alerting.signals import Signal
    from models.baseline.agent_state import AgentState
    from models.config import ModelConfig
    from models.detectors.moment import Moment
    from models.event import Event
    from models.result import Kind, Reason, Result
    from models.scoring import Scorer, Scores

MAX_REASONS = 5


class Filing:
    """Decides what an event is worth to people.

    Parameters
    ----------
    scorer
        Gives the signals behind a score.
    cases
        The open cases.
    kinds
        The anomaly types, from the catalogue.
    config
        Gives the budget of false cases a day.
    explain_all
        Give reasons for every event, not only for those of a case.
    """

    def __init__(
        self,
        scorer: Scorer,
        cases: Cases,
        kinds: Mapping[str, Kind],
        config: ModelConfig,
        *,
        explain_all: bool,
    ) -> None:
        self._scorer = scorer
        self._cases = cases
        self.kinds = kinds
        self._config = config
        self._explain_all = explain_all

    def file(
        self,
        out: Result,
        event: Event,
        agent_state: AgentState,
        scores: Scores,
        *,
        trusted_history: bool,
    ) -> None:
        """Complete the result of an event by its case, or by a note; name and explain it."""
        shared, at = self._scorer.shared, scores.at
        agents = shared.active_agents(at.day)
        whole = return_period_bits(scores.rarity, agents)
        out.rank = return_period_bits(scores.own, agents)
        lead = at.session.lead
        if lead is None:
            if self._explain_all:
                self._explain(out, scores, self._scorer.signals(scores), noise=0.0)
            return
        certain = self._certain_lead(at.session.rarities)
        if not shared.calibrated:
            # Only certain families raise cases yet: a rarer one beside it does not hide it.
            lead = out.lead = at.session.lead = certain or lead
            whole = return_period_bits(at.session.rarities[lead], agents)
        else:
            out.return_period_days = 2.0**whole
        raised = is_case(whole, self._config.alerts_per_day) and (
            shared.calibrated or certain is not None
        )
        noted = scores.rarity >= NOTED_BITS and shared.knows_rarity
        signals: list[Signal] = []
        tells = (raised or noted) and bool(at.raised)
        if self._explain_all or tells:
            signals = self._scorer.signals(scores)
            if not shared.calibrated:
                signals.sort(key=lambda one: one.family != lead)
            signals.sort(key=lambda one: not self._names(one, lead, at.session.rarities))
            self._explain(out, scores, signals, noise=NOISE_BITS if tells else 0.0)
        if tells:
            self._name(out, event, scores, signals, whole, raised=raised)
        if raised and (at.raised or self._belongs(out, at)):
            self._raise(out, event, agent_state, scores, whole, muted=trusted_history)
        elif noted and at.raised:
            self._note(out, scores)
        if out.change is not None:
            out.alert = not trusted_history
            out.rank = max(out.rank, whole)

    def _names(self, signal: Signal, lead: str, rarities: Mapping[str, float]) -> bool:
        """Tell whether a signal says more precisely what the lead of its session says."""
        families = self._scorer.families
        family, leading = families.get(signal.family), families.get(lead)
        if family is None or leading is None or not family.naming:
            return False
        return family.story == leading.story and rarities.get(family.name, 0.0) > NOISE_BITS

    def _belongs(self, out: Result, at: Moment) -> bool:
        """Tell whether the session has a case; an event that raises nothing opens none."""
        return self._cases.of_session(out.agent_id, out.mode, at.session.mark) is not None

    def _raise(
        self,
        out: Result,
        event: Event,
        agent_state: AgentState,
        scores: Scores,
        whole: float,
        *,
        muted: bool,
    ) -> None:
        """Put an event into its case."""
        at = scores.at
        lead = at.session.lead or ""
        if muted:  # a trusted history raises no case; the review names what would have
            out.key = f"{out.agent_id}|{out.mode}|{lead}|{at.day}"
            out.change = "opened" if at.raised else None
            return
        story = Story(
            event.id, out.agent_id, out.mode, at.session.mark, lead,
            self._thing(event, agent_state, scores), out.time_us, whole,
            SEVERITIES.index(out.severity) if out.severity else 0,
            event.session_name, tuple(out.facts),
        )  # fmt: skip
        case, out.change = self._cases.file(story)
        out.case_id = case.case_id
        out.key = f"{out.agent_id}|{out.mode}|{case.case_id}"
        if lead == SLOW:
            self._scorer.restart_slow_change(at.profile)

    def _note(self, out: Result, scores: Scores) -> None:
        """Note what is rare for its agent, yet no case: it weighs little, and is in no queue."""
        out.key = f"{out.agent_id}|{out.mode}|noted|{scores.at.session.lead}|{scores.at.day}"

    def _name(
        self,
        out: Result,
        event: Event,
        scores: Scores,
        signals: list[Signal],
        whole: float,
        *,
        raised: bool,
    ) -> None:
        """Give an event its findings, its type and its severity; that of a note is low."""
        found = _foremost(signals, NOISE_BITS)
        circumstances = _circumstances(signals, scores)
        out.findings = [self._finding(one, scores, circumstances) for one in found]
        out.facts = [one.family for one in found if one.fresh and self._is_certain(one.family)]
        out.anomaly, out.tags = out.findings[0].anomaly, out.findings[0].tags
        out.facet = self.kinds[out.anomaly].facet
        if not raised:
            out.severity, out.confidence = "low", 0.25
            return
        # What names an event is not all that it is: a fact hides no graver lead.
        lead = scores.at.session.lead
        weights = [
            self._weight(one, event, whole)
            for at, one in enumerate(out.findings)
            if at == 0 or one.detector == lead
        ]
        place, out.confidence = max(weights)
        out.severity = SEVERITIES[place]

    def _weight(self, finding: Finding, event: Event, whole: float) -> tuple[int, float]:
        """Give the severity of a finding, as its place in `SEVERITIES`, and its confidence."""
        kind = self.kinds[finding.anomaly]
        severity = severity_of(kind.severity, whole, event)  # type: ignore[arg-type]
        certain = self._is_certain(finding.detector)
        confidence = 1.0 if certain else confidence_of(whole, self._config.alerts_per_day)
        return SEVERITIES.index(severity), confidence

    def _finding(self, signal: Signal, scores: Scores, circumstances: list[str]) -> Finding:
        anomaly = anomaly_of(signal, scores.at.fields, self._scorer.families)
        tags = self.kinds[anomaly].tagged(circumstances)
        return Finding(signal.family, anomaly, tags, self._reason(signal, scores))

    def _is_certain(self, name: str) -> bool:
        return self._scorer.families[name].certain

    def _thing(self, event: Event, agent_state: AgentState, scores: Scores) -> int:
        """Give the mark of what agents may share; 0 for nothing."""
        lead = scores.at.session.lead or ""
        hasher = self._scorer.hasher
        if agent_state.trust.registered is False and lead == "unregistered":
            network = event.network.source_ip if event.network is not None else None
            source = event.credential.id if event.credential is not None else network
            source = source or f"minute {scores.at.time_us // MINUTE_US}"
            return hasher.once(f"unregistered\x1f{source}\x1f{scores.at.time_us // DAY_US // 7}")
        subject = scores.at.session.subjects.get(stable_id(lead))
        family = self._scorer.families.get(lead)
        if subject is None or family is None or not family.shared:
            return 0
        return subject.mark

    def _certain_lead(self, rarities: Mapping[str, float]) -> str | None:
        """Give the rarest family that is certain without a history, None without one."""
        families = self._scorer.families
        found = [name for name in rarities if name in families and families[name].certain]
        return max(found, key=lambda name: (rarities[name], name), default=None)

    def _explain(self, out: Result, scores: Scores, signals: list[Signal], *, noise: float) -> None:
        """Give the reasons of the foremost signals."""
        found = _foremost(signals, noise)[:MAX_REASONS]
        out.reasons = [self._reason(one, scores) for one in found]

    def _reason(self, signal: Signal, scores: Scores) -> Reason:
        at = scores.at
        number = stable_id(signal.detector)
        amount = at.session.amounts.get(number, 0.0)
        expected = self._scorer.shared.expected(at.profile, number) if amount else None
        title = self._scorer.families[signal.family].title
        mark = 0 if signal.subject is None else signal.subject.mark
        held = at.profile.held.get(mark & LOW32, ()) if mark else ()
        held_days = sum(day < at.day for day in held)
        return reason_of(signal, amount, expected, title, at.profile.mode, held_days=held_days)


def _foremost(signals: list[Signal], noise: float) -> list[Signal]:
    """Give the first signal, and the rarest of each further family with more rarity than noise."""
    found: dict[str, Signal] = {}
    for signal in signals:
        if not found or (signal.bits > LITTLE_BITS and signal.rarity > noise):
            found.setdefault(signal.family, signal)
    return list(found.values())


def _circumstances(signals: list[Signal], scores: Scores) -> list[str]:
    """Name what the tags of an anomaly depend on beside its type."""
    tor = scores.at.fields.single.get("egress") == "tor"
    goal = any(one.subject is not None and one.subject.name == "intent" for one in signals)
    return ["tor"] * tor + ["goal"] * goal
