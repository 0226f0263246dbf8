"""Decide: is it an anomaly, which one, how severe, and what are the reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.content.detector import PLAIN_FACTOR
from models.explain import category_reason, content_reasons, quantity_reason
from models.quantity import QUANTITIES
from models.subject import CONTENT, PEAK, SUM, VOLUME, Bits, Subject
from models.trust import confidence
from models.trust_policy import DAY_US, SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.assessment import Assessment, Finding, Kind, Reason
    from models.calibrate import Calibrated
    from models.event import Event
    from models.places import Place

_GRAVE = frozenset({"pay", "delete", "admin", "send"})
_SECRET = frozenset({"confidential", "restricted"})
_ONE_CAUSE = frozenset({"net.anonymiser", "identity.shadow", "cred.reuse", "cred.lifetime"})
_FAMILIAR = 0.01  # P(tool) of the agent itself above which an odd tool is an odd order


class Decider:
    """Names anomalies from the numbers of an event.

    Parameters
    ----------
    kinds
        The anomaly types, from the catalogue.
    places
        Declared features by name.
    explain_all
        Give reasons for every event, not only for those worth a look.
    """

    def __init__(
        self, kinds: Mapping[str, Kind], places: dict[str, Place], *, explain_all: bool
    ) -> None:
        self.kinds = kinds
        self.explain_all = explain_all
        self._by_name = places
        self._places = tuple(places.values())

    def decide(
        self,
        out: Assessment,
        event: Event,
        subject: Subject,
        bits: Bits,
        result: Calibrated,
        findings: list[Finding],
        x: dict[str, str],
        *,
        vouched: bool,
    ) -> None:
        """Say whether an event is an anomaly, which one, how severe and why."""
        unusual = out.p is not None and out.p <= out.alpha and not vouched
        if self.explain_all or unusual or findings:
            out.reasons = self._reasons(event, subject, bits, result, findings, x)
        if findings:
            first = max(findings, key=lambda f: SEVERITIES.index(self._severity(f)))
            self._name(out, first.anomaly, self._severity(first), event, x)
            out.confidence = 1.0
            out.alert = out.severity != "low" and not vouched
        elif unusual and out.p is not None:
            anomaly = self._anomaly_of(out.reasons[0])
            self._name(out, anomaly, self._graver(self.kinds[anomaly].severity, event), event, x)
            out.confidence = confidence(out.p, out.alpha)
            out.alert = True

    def _severity(self, finding: Finding) -> str:
        return finding.severity or self.kinds[finding.anomaly].severity

    def _name(
        self, out: Assessment, anomaly: str, severity: str, event: Event, x: dict[str, str]
    ) -> None:
        kind = self.kinds[anomaly]
        out.anomaly, out.severity, out.facet, out.tags = anomaly, severity, kind.facet, kind.tags
        resource = "" if anomaly in _ONE_CAUSE else x.get("resource", event.tool)
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
        if reason.feature in QUANTITIES:
            return "volume.exfil"
        if reason.feature == "tool" and reason.path and reason.path[2][1] > _FAMILIAR:
            return "tool.sequence"
        return self._by_name[reason.feature].feature.anomaly

    def _reasons(
        self,
        event: Event,
        subject: Subject,
        bits: Bits,
        result: Calibrated,
        findings: list[Finding],
        x: dict[str, str],
    ) -> list[Reason]:
        """Give the reasons, the one that decided first."""
        profile, view = subject.profile, subject.view
        assert view is not None  # noqa: S101 - judge has set it
        baseline, usual, places = profile.baseline, profile.habits.usual, self._places
        groups: dict[int, list[Reason]] = {CONTENT: [], SUM: [], VOLUME: []}
        content = bits.content
        if content is not None:
            whole = (content.carrier.bits if content.carrier else 0.0) + (content.intent or 0.0)
            factor = content.score / whole if whole else PLAIN_FACTOR
            reasons = content_reasons(content, factor, event)
            groups[CONTENT] = sorted(reasons, key=lambda r: -r.bits)
        odd = sorted(bits.categories.found, key=lambda found: usual[found[0]] - found[1])
        groups[SUM] = [category_reason(baseline, view, places[i], x, b) for i, b, *_ in odd[:3]]
        high = sorted(bits.quantities, key=lambda item: -item[2])
        groups[VOLUME] = [
            quantity_reason(baseline, view, name, total, b) for name, total, b in high[:2] if b > 0
        ]
        lead = SUM if result.lead == PEAK else result.lead
        if lead < 0:
            lead = CONTENT if groups[CONTENT] else SUM
        first = groups.pop(lead)
        rest = sorted((r for reasons in groups.values() for r in reasons), key=lambda r: -r.bits)
        return [finding.reason for finding in findings] + (first + rest)[:5]
