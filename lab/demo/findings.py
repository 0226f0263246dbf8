"""Compare the cases with the ground truth: found, missed and false ones."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from models.trust.policy import SEVERITIES
from models.trust.response import Answer
from pipeline.publishing.outputs import TRUST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lab.demo.filing import Filed, Queue
    from lab.simulation.sample.truth import IncidentTruth, NoveltyTruth, Truth

_DATE = len("2026-10-05")


class Incident(Struct, frozen=True):
    """One incident and its alerts.

    Attributes
    ----------
    alerts
        Alerts on its events, the most severe first; empty if it was missed.
    own
        Whether one of its events raised a case.
    in_cases, first
        Number of its events in cases, and position of the first alert (from 1; 0 if none).
    before, after
        Trust of the agent before the first and after the last event; None for an unknown agent.
    """

    truth: IncidentTruth
    alerts: list[Filed]
    own: bool
    in_cases: int
    first: int
    before: Answer | None
    after: Answer | None


class Novelty(Struct, frozen=True):
    """One benign novelty; `flagged` are its events that alerted."""

    truth: NoveltyTruth
    flagged: list[str]


class FalseCase(Struct, frozen=True):
    """A case that ordinary work raised.

    Attributes
    ----------
    raised_by
        The event that raised it.
    near
        Novelty of the same agent on the same day, or None.
    """

    raised_by: Filed
    near: NoveltyTruth | None


class Findings(Struct, frozen=True):
    """All contents of the report.

    Attributes
    ----------
    beside
        Agent -> events of its own work that are in a case which an incident raised.
    notes
        Number of notes: rare for an agent, yet no case.
    """

    incidents: list[Incident]
    novelties: list[Novelty]
    false_cases: list[FalseCase]
    beside: dict[str, int]
    notes: int

    @property
    def found(self) -> list[Incident]:
        """Incidents with an alert."""
        return [incident for incident in self.incidents if incident.alerts]

    @property
    def missed(self) -> list[Incident]:
        """Incidents without an alert."""
        return [incident for incident in self.incidents if not incident.alerts]


def compare(truth: Truth, queue: Queue, answers: Sequence[Answer]) -> Findings:
    """Compare the cases with the truth.

    Parameters
    ----------
    answers
        Trust answers in the order of publication.

    Examples
    --------
    >>> from lab.demo.filing import Filed, Queue
    >>> from lab.simulation.sample.truth import IncidentTruth, Truth
    >>> incident = IncidentTruth("vpn_egress", "a", "2026-10-05T10", "2026-10-05T11", ["1"], "…")
    >>> truth = Truth(7, "", "", 2, [], [incident], [])
    >>> def filed(name, case, opened):
    ...     return Filed(name, "a", "2026-10-05T11", case, opened, True, None, None, 9.0, [])
    >>> queue = Queue([filed("1", "C-1", True), filed("2", "C-2", True)], 0)
    >>> findings = compare(truth, queue, [])
    >>> len(findings.found), [case.raised_by.event_id for case in findings.false_cases]
    (1, ['2'])
    """
    flagged = {one.event_id for one in queue.filed if one.alert}
    attacked = {name for incident in truth.incidents for name in incident.event_ids}
    raised = {one.case_id: one for one in queue.filed if one.opened}
    beside: defaultdict[str, int] = defaultdict(int)
    for one in queue.filed:
        first = raised.get(one.case_id)
        if first is not None and first.event_id in attacked and one.event_id not in attacked:
            beside[one.agent_id] += 1
    return Findings(
        [_incident(incident, queue.filed, answers) for incident in truth.incidents],
        [
            Novelty(novelty, [name for name in novelty.event_ids if name in flagged])
            for novelty in truth.novelties
        ],
        [
            FalseCase(one, _near(truth, one))
            for one in raised.values()
            if one.event_id not in attacked
        ],
        dict(beside),
        queue.notes,
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


def _incident(truth: IncidentTruth, filed: Sequence[Filed], answers: Sequence[Answer]) -> Incident:
    own = set(truth.event_ids)
    mine = [one for one in filed if one.event_id in own]
    alerts = sorted((one for one in mine if one.alert), key=_gravest)
    alerted = {one.event_id for one in alerts}
    order = [place for place, name in enumerate(truth.event_ids, 1) if name in alerted]
    of_agent = [answer for answer in answers if answer.agent_id == truth.agent_id]
    before = [answer for answer in of_agent if answer.as_of < truth.first]
    after = [answer for answer in of_agent if answer.as_of <= truth.last]
    return Incident(
        truth,
        alerts,
        any(one.opened for one in mine),
        len({one.event_id for one in mine}),
        min(order, default=0),
        before[-1] if before else None,
        after[-1] if after else None,
    )


def _gravest(alert: Filed) -> tuple[int, float, str]:
    severity = -1 if alert.severity is None else SEVERITIES.index(alert.severity)
    return -severity, -(alert.return_period_days or 0.0), alert.time


def _near(truth: Truth, alert: Filed) -> NoveltyTruth | None:
    day = alert.time[:_DATE]
    for novelty in truth.novelties:
        if novelty.agent_id in (None, alert.agent_id) and novelty.first[:_DATE] == day:
            return novelty
    return None
