"""Decide: is it an anomaly, which one, how severe, and what are the reasons."""

from __future__ import annotations

from functools import partial
from math import log2
from typing import TYPE_CHECKING

from models.baseline.identity import MISMATCH
from models.explain.reasons import (
    category_reason,
    content_reasons,
    measure_reason,
    together_reason,
)
from models.features.extraction import BY_METRIC, METRICS
from models.leading import DEAR, DEAR_TIMES, content_leads, in_order, says_more
from models.provenance.argument_detector import UNTAINTED_FACTOR
from models.ranked import SUM
from models.result import GROUNDS, Reason
from models.trust.opinion import confidence
from models.trust.policy import SEVERITIES
from models.units import DAY_US
from models.watch.claims import too_fast
from models.watch.counting import remembers
from models.watch.measure import SPENT
from models.watch.naming import refined
from models.watch.scene import RULE_BITS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.baseline.agent_state import AgentState, EventScores
    from models.calibration.p_values import Calibrated
    from models.event import Event
    from models.features.feature_slots import FeatureSlot
    from models.leading import Unusual
    from models.result import Finding, Kind, Result
    from models.together import Least
    from models.trust.ledger import Ledger
    from models.watch.measure import Measure

_GRAVE = frozenset({"pay", "delete", "admin", "send"})
_SECRET = frozenset({"confidential", "restricted"})
_ONE_CAUSE = frozenset({
    "net.anonymiser", "net.new_origin", "identity.shadow", "cred.reuse", "cred.lifetime",
    "scope.escalation", "delegation.anomaly", "mode.shift", "time.unusual", "rate.burst",
    "volume.exfil", "cost.spike", "auth.failure_burst", "destructive.burst", "discovery.sweep",
    "telemetry.gap", "telemetry.conflict", "behavior.drift", "config.change", "tool.sequence",
    "goal.drift",
})  # fmt: skip
_CHOICES = frozenset({"tool.sequence", "goal.drift"})
"""Of a tool that the agent knows: when, and what for."""
_OWN_VALUE = frozenset({"tool", "area", "sensitivity", "destination"})
_MAX_CLAIMS = 8
"""So many different claims of an agent and day are findings of their own; all others are one."""
_FAMILIAR = 0.01  # P(tool) of the agent itself above which an odd tool is an odd order


class Decider:
    """Names anomalies from the numbers of an event.

    Parameters
    ----------
    kinds
        The anomaly types, from the catalogue.
    slots
        Declared features by name.
    explain_all
        Give reasons for every event, not only for those worth a look.
    """

    def __init__(
        self, kinds: Mapping[str, Kind], slots: dict[str, FeatureSlot], *, explain_all: bool
    ) -> None:
        self.kinds = kinds
        self.explain_all = explain_all
        self._by_name = slots
        self._slots = tuple(slots.values())

    def decide(
        self,
        out: Result,
        event: Event,
        agent_state: AgentState,
        bits: EventScores,
        result: Calibrated,
        findings: list[Finding],
        x: dict[str, str],
        *,
        trusted_history: bool,
    ) -> None:
        """Say whether an event is an anomaly, which one, how severe and why.

        In a past that is vouched for it may be one as well, and never alerts.
        """
        odd_event, odd_session, odd_together = odd = out.exceeded()
        unusual = any(odd)
        if self.explain_all or unusual or findings:
            by_session = odd_session and not odd_event
            alone = odd_together and not odd_event and not odd_session
            minimum = out.together if alone else None
            out.reasons = self._reasons(
                event,
                agent_state,
                bits,
                result,
                findings,
                x,
                by_session=by_session,
                minimum=minimum,
            )
            if minimum is not None and out.together_p is not None:
                out.reasons.insert(1, together_reason(minimum, out.together_p))
        if findings:
            self.speak(out, event, agent_state, findings, x, trusted_history=trusted_history)
        elif unusual:
            anomaly = self._anomaly_of(out.reasons[0])
            if out.reasons[0].feature != "provenance" or remembers(event):
                anomaly = refined(anomaly, event)
            severity = self._graver(self.kinds[anomaly].severity, event)
            self._name(out, anomaly, severity, event, x, out.reasons[0])
            out.ground = GROUNDS[odd.index(True)]
            out.confidence = max(
                confidence(p, alpha) for p, alpha in out.chances() if p is not None
            )
            out.alert = not trusted_history
            out.rank += RULE_BITS  # before all that did not cross the budget, as what a rule found

    def speak(
        self,
        out: Result,
        event: Event,
        agent_state: AgentState,
        findings: list[Finding],
        x: dict[str, str],
        *,
        trusted_history: bool,
    ) -> None:
        """Name an event for the gravest of what the rules found, not for its claims if as grave."""
        first = max(
            findings,
            key=lambda f: (SEVERITIES.index(self._severity(f)), f.anomaly != MISMATCH),
        )
        out.reasons = out.reasons or [finding.reason for finding in findings]
        out.rank = out.rank or max(finding.bits for finding in findings)
        self._name(out, first.anomaly, self._severity(first), event, x, first.reason)
        if first.anomaly == MISMATCH:
            out.key = _bounded(out, agent_state.trust.ledger)
        out.ground, out.confidence = "rule", 1.0
        out.alert = out.severity != "low" and not trusted_history

    def tell(
        self, out: Result, event: Event, anomaly: str, reason: Reason, x: dict[str, str]
    ) -> None:
        """Say what the numbers of several events show; no alert."""
        self._name(out, anomaly, self.kinds[anomaly].severity, event, x, reason)
        out.reasons = [reason, *out.reasons]
        out.ground, out.confidence = "several", 1.0

    def cascade(self, out: Result, event: Event, agents: list[str], x: dict[str, str]) -> None:
        """Make an anomaly one of several agents that are linked by a trace."""
        why = (
            f"{len(agents)} agents had anomalies under one trace within an hour: "
            f"{', '.join(agents[:5])}."
        )
        observed = f"{len(agents)} agents"
        reason = Reason("trace", float(4 * len(agents)), observed, [("one agent", 1.0)], why)
        alert = out.alert
        self.tell(out, event, "cascade", reason, x)
        out.key = f"{event.trace_id}|cascade"
        out.alert = alert

    def _severity(self, finding: Finding) -> str:
        return finding.severity or self.kinds[finding.anomaly].severity

    def _name(
        self,
        out: Result,
        anomaly: str,
        severity: str,
        event: Event,
        x: dict[str, str],
        reason: Reason,
    ) -> None:
        kind = self.kinds[anomaly]
        out.anomaly, out.severity, out.facet = anomaly, severity, kind.facet
        out.tags = kind.tagged(_circumstances(out.reasons, x))
        resource = x.get("resource", event.tool)
        if anomaly in _ONE_CAUSE:
            resource = ""
        elif anomaly == MISMATCH:  # what is claimed, whatever is done under it
            resource = reason.observed
        elif reason.feature in _OWN_VALUE:  # what is new, whichever resources it is used on
            resource = x.get(reason.feature, resource)
        day = out.time_us // DAY_US
        out.key = f"{out.agent_id}|{out.mode}|{anomaly}|{resource}|{day}"

    def _graver(self, severity: str, event: Event) -> str:
        """Raise the severity of what cannot be taken back, or touches sensitive data."""
        resource = event.resource
        grave = event.operation in _GRAVE
        secret = resource is not None and resource.sensitivity in _SECRET
        if not grave and not secret:
            return severity
        return SEVERITIES[min(SEVERITIES.index(severity) + 1, SEVERITIES.index("high"))]

    def _anomaly_of(self, reason: Reason) -> str:
        if reason.feature == "provenance":
            return "resource.new"
        if reason.feature == "intent":
            return "goal.drift"
        if reason.feature == "approval":
            return "approval.pattern"
        known = BY_METRIC.get(reason.feature)
        if known is not None:
            return known
        if reason.feature == "tool" and reason.path and reason.path[2][1] > _FAMILIAR:
            return "tool.sequence"
        return self._by_name[reason.feature].feature.anomaly

    def _reasons(
        self,
        event: Event,
        agent_state: AgentState,
        bits: EventScores,
        result: Calibrated,
        findings: list[Finding],
        x: dict[str, str],
        *,
        by_session: bool,
        minimum: Least | None,
    ) -> list[Reason]:
        """Give the reasons, the one that decided first.

        A category that is not tested by itself counts as rare as the sum that decided, where it is
        more than half of that.
        """
        profile, view = agent_state.profile, agent_state.view
        assert view is not None  # noqa: S101 - judge has set it
        baseline, usual, slots = profile.baseline, profile.frequency_model.typical_bits, self._slots
        rarity = view.view.rarity
        carried: list[Reason] = []
        content = bits.content
        if content is not None:
            whole = (content.tainted.bits if content.tainted else 0.0) + (content.intent or 0.0)
            factor = content.score / whole if whole else UNTAINTED_FACTOR
            carried = _by_weight(content_reasons(content, factor, event), event)
        excesses = [(i, b, b - usual[i]) for i, b, *_ in bits.categories.found if b > usual[i]]
        maximum, of_sum = sum(excess for *_, excess in excesses) / 2, _of_sum(result)
        found: list[Unusual] = []
        told_as: list[Callable[[], Reason]] = []  # a reason takes a while
        for i, b, excess in excesses:
            rare = of_sum if excess > maximum else 0.0
            if slots[i].alone:
                rare = rarity(i, excess)
            found.append((slots[i].name, rare, excess))
            told_as.append(partial(category_reason, baseline, view, slots[i], x, b))
        for one in bits.measures:
            rare = rarity(len(slots) + one.metric, one.bits)
            found.append((_metric_name(one), rare, one.bits))
            told_as.append(partial(measure_reason, baseline, view, one))
        order = in_order(found, again=x["tool"] == x["previous_tool"])
        others = [told_as[at]() for at in order[:4]]
        leads = by_session or content_leads(result, [one.feature for one in carried], minimum)
        first = carried if leads and carried else others
        rest = others if first is carried else carried
        rest = sorted(rest, key=lambda r: -r.bits)
        if first and self._anomaly_of(first[0]) in _CHOICES:
            at = says_more(found, denied=event.outcome == "denied")
            fast = None if findings else too_fast(event)
            more = fast or (told_as[at]() if at is not None else None)
            if more is not None:
                first = [more, *(one for one in first if one.feature != more.feature)]
        told = [finding.reason for finding in findings] + (first + rest)[:5]
        if told:
            return told
        i, b, *_ = max(bits.categories.found or bits.learned.found, key=lambda one: one[1])
        return [category_reason(baseline, view, slots[i], x, b)]


def _bounded(out: Result, ledger: Ledger) -> str:
    """Give the key of a claim, that of all others where an agent has claimed much in a day."""
    start, end = f"{out.agent_id}|{out.mode}|{MISMATCH}|", f"|{out.time_us // DAY_US}"
    known = [key for key in ledger.items if key.startswith(start) and key.endswith(end)]
    return out.key if out.key in known or len(known) < _MAX_CLAIMS else f"{start}others{end}"


def _circumstances(reasons: list[Reason], x: dict[str, str]) -> list[str]:
    """Name what the tags of an anomaly depend on beside its type."""
    tor = x.get("egress") == "tor"
    other_goal = any(one.feature == "intent" for one in reasons)
    return ["tor"] * tor + ["goal"] * other_goal


def _metric_name(one: Measure) -> str:
    """Name a metric as `models.leading` knows it."""
    dear = one.metric == SPENT and one.value >= DEAR_TIMES * one.usual > 0
    return DEAR if dear else METRICS[one.metric]


def _of_sum(result: Calibrated) -> float:
    """Give how rare the sum of all categories is, in bits, where that decided; else 0."""
    p = result.each[SUM] if result.lead == SUM else None
    return 0.0 if p is None else -log2(p)


def _by_weight(carried: list[Reason], event: Event) -> list[Reason]:
    """Order the reasons of content; of what is remembered, where it is from says most."""
    origin_first = remembers(event)
    return sorted(
        carried,
        key=lambda one: (origin_first and one.feature == "provenance", one.bits),
        reverse=True,
    )
