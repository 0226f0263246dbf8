"""Compare the alert queue with the ground truth: found, missed and falsely flagged cases."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from models.trust.policy import SEVERITIES
from models.trust.response import Answer
from pipeline.publishing.outputs import TRUST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lab.simulation.sample.truth import IncidentTruth, NoveltyTruth, Truth

_SILENT = "low"
_DATE = len("2026-10-05")
Anomaly = dict[str, Any]


class Incident(Struct, frozen=True):
    """One incident and its alerts.

    Attributes
    ----------
    anomalies
        Alerts with one of its events, the most severe first; empty if it was missed.
    flagged, first
        Number of its events that alerted, and position of the first one (from 1; 0 if none).
    before, after
        Trust of the agent before the first and after the last event; None for an unknown agent.
    """

    truth: IncidentTruth
    anomalies: list[Anomaly]
    flagged: int
    first: int
    before: Answer | None
    after: Answer | None


class Novelty(Struct, frozen=True):
    """One benign novelty; `flagged` are its events that alerted."""

    truth: NoveltyTruth
    flagged: list[str]


class FalseAlert(Struct, frozen=True):
    """Events of ordinary work with an alert, grouped by anomaly.

    Attributes
    ----------
    beside
        Whether the anomaly also contains events of an incident.
    near
        Novelty of the same agent on the same day, or None.
    """

    anomaly: Anomaly
    event_ids: list[str]
    beside: bool
    near: NoveltyTruth | None


class Findings(Struct, frozen=True):
    """All contents of the report."""

    incidents: list[Incident]
    novelties: list[Novelty]
    false_alerts: list[FalseAlert]
    notes: int

    @property
    def found(self) -> list[Incident]:
        """Incidents with an alert."""
        return [incident for incident in self.incidents if incident.anomalies]

    @property
    def missed(self) -> list[Incident]:
        """Incidents without an alert."""
        return [incident for incident in self.incidents if not incident.anomalies]


def compare(truth: Truth, anomalies: Iterable[Anomaly], answers: Sequence[Answer]) -> Findings:
    """Compare the queue with the truth.

    Parameters
    ----------
    anomalies
        Anomalies of the store.
    answers
        Trust answers in the order of publication.

    Examples
    --------
    >>> from lab.simulation.sample.truth import IncidentTruth, Truth
    >>> incident = IncidentTruth("vpn_egress", "a", "2026-10-05T10", "2026-10-05T11", ["1"], "…")
    >>> truth = Truth(7, "", "", 2, [], [incident], [])
    >>> anomaly = {"agent_id": "a", "severity": "high", "rank": 9.0, "time": "2026-10-05T11",
    ...            "events": [{"id": "1"}, {"id": "2"}]}
    >>> findings = compare(truth, [anomaly], [])
    >>> len(findings.found), [alert.event_ids for alert in findings.false_alerts]
    (1, [['2']])
    """
    by_time = sorted(anomalies, key=lambda a: (a["time"], a["agent_id"]))
    alerts = [anomaly for anomaly in by_time if anomaly["severity"] != _SILENT]
    flagged = {name for anomaly in alerts for name in _ids(anomaly)}
    return Findings(
        [_incident(incident, alerts, answers) for incident in truth.incidents],
        [
            Novelty(novelty, [name for name in novelty.event_ids if name in flagged])
            for novelty in truth.novelties
        ],
        _false_alerts(truth, alerts),
        len(by_time) - len(alerts),
    )


def published_answers(topics: Path) -> list[Answer]:
    """Read the trust answers that a run published into a folder."""
    decode = msgspec.json.Decoder(Answer).decode
    with (topics / f"{TRUST}.jsonl").open("rb") as lines:
        return [decode(line) for line in lines]


def by_kind(novelties: Iterable[Novelty]) -> dict[str, list[Novelty]]:
    """Group novelties by kind, in order of first appearance."""
    groups: dict[str, list[Novelty]] = defaultdict(list)
    for novelty in novelties:
        groups[novelty.truth.kind].append(novelty)
    return dict(groups)


def _ids(anomaly: Anomaly) -> list[str]:
    return [str(event["id"]) for event in anomaly["events"]]


def _incident(
    truth: IncidentTruth, alerts: Sequence[Anomaly], answers: Sequence[Answer]
) -> Incident:
    own = set(truth.event_ids)
    found = [anomaly for anomaly in alerts if own.intersection(_ids(anomaly))]
    found.sort(key=lambda a: (-SEVERITIES.index(a["severity"]), -a["rank"], a["time"]))
    hit = own.intersection(name for anomaly in found for name in _ids(anomaly))
    order = [place for place, name in enumerate(truth.event_ids, 1) if name in hit]
    mine = [answer for answer in answers if answer.agent_id == truth.agent_id]
    before = [answer for answer in mine if answer.as_of < truth.first]
    after = [answer for answer in mine if answer.as_of <= truth.last]
    return Incident(
        truth,
        found,
        len(hit),
        min(order, default=0),
        before[-1] if before else None,
        after[-1] if after else None,
    )


def _false_alerts(truth: Truth, alerts: Iterable[Anomaly]) -> list[FalseAlert]:
    incident_events = {name for incident in truth.incidents for name in incident.event_ids}
    found = []
    for anomaly in alerts:
        ordinary_events = [name for name in _ids(anomaly) if name not in incident_events]
        if ordinary_events:
            beside = len(ordinary_events) < len(anomaly["events"])
            near = None if beside else _near(truth, anomaly)
            found.append(FalseAlert(anomaly, ordinary_events, beside, near))
    return found


def _near(truth: Truth, anomaly: Anomaly) -> NoveltyTruth | None:
    day = anomaly["time"][:_DATE]
    for novelty in truth.novelties:
        if novelty.agent_id in (None, anomaly["agent_id"]) and novelty.first[:_DATE] == day:
            return novelty
    return None
