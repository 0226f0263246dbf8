"""Single errors of an evaluation: missed attacks, wrong causes and false alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.evaluation.budget import false_alerts
from models.event import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.evaluation.cases import Case
    from lab.evaluation.judged import Session
    from lab.evaluation.truth.planted import Planted


def mistakes(
    sessions: Sequence[Session], attacks: Sequence[Case], planted: Mapping[str, Planted]
) -> dict[str, list[dict[str, Any]]]:
    """List all errors.

    Parameters
    ----------
    planted
        Planted cases by id; a false alert on a novelty is listed with its type.

    Returns
    -------
    dict
        ``missed``: attacks without an alert, the highest rank first. ``misnamed``: attacks whose
        alert names another cause first. ``false_alerts``: false alerts in order of their sessions.
    """
    missed = [case for case in attacks if case.alarm is None]
    return {
        "missed": [_case(case) for case in sorted(missed, key=lambda case: -case.score)],
        "misnamed": [_case(case) for case in attacks if case.misnamed],
        "false_alerts": [
            {
                "agent_id": session.agent_id,
                "role": session.role,
                "session": session.name,
                "time": rfc3339(event.time_us),
                "reason": event.reason,
                "bits": round(event.rank, 2),
                "p": event.p,
                "news": planted[event.case].type if event.case is not None else None,
            }
            for session, event in false_alerts(sessions)
        ],
    }


def _case(case: Case) -> dict[str, Any]:
    decisive_event = case.decisive_event
    return {
        "case": case.name,
        "type": case.type,
        "agent_id": case.agent_id,
        "role": case.role,
        "time": rfc3339(decisive_event.time_us),
        "bits": round(decisive_event.rank, 2),
        "p": decisive_event.p,
        "reason": decisive_event.reason,
        "causes": list(case.causes),
    }
