"""What an evaluation got wrong, one by one: to look at, and to learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.evaluation.budget import false_alerts
from models.event import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.evaluation.cases import Case
    from lab.evaluation.judged import Session
    from lab.evaluation.truth import Planted


def mistakes(
    sessions: Sequence[Session], attacks: Sequence[Case], planted: Mapping[str, Planted]
) -> dict[str, list[dict[str, Any]]]:
    """Name what went wrong.

    Parameters
    ----------
    planted
        Planted cases by id: of a false alert on one it is told what was new.

    Returns
    -------
    dict
        ``missed``: attacks without an alert, those highest in the queue first; ``misnamed``: those
        whose alert names another cause first; ``false_alerts``: in order of their sessions.
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
    told = case.told
    return {
        "case": case.name,
        "type": case.type,
        "agent_id": case.agent_id,
        "role": case.role,
        "time": rfc3339(told.time_us),
        "bits": round(told.rank, 2),
        "p": told.p,
        "reason": told.reason,
        "causes": list(case.causes),
    }
