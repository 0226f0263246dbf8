"""Does one threshold hold for a role it was not taken from: leave one role out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.evaluation.figures import figures, grouped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.evaluation.judged import Session

ALARMED = 0.05


def left_out(sessions: Sequence[Session], alarmed: float = ALARMED) -> list[dict[str, Any]]:
    """Give each role its own figures, and what the threshold of the other roles does in it.

    Parameters
    ----------
    alarmed
        Share of the other roles' benign sessions above the threshold.

    Returns
    -------
    list of dict
        ``role``, its own ``auroc``, ``ap``, ``detection`` and ``event_ap``; ``by_bits`` and
        ``by_p``, each with the others' ``threshold`` and the shares of the role's ``benign`` and
        ``attacked`` sessions that it alarms: above so many bits, or at a session p no higher, which
        is None for a role whose sessions have none. Roles without benign sessions, and a role
        without others, are left out.
    """
    out = []
    for role, part in grouped(sessions, "role").items():
        others = [s for s in sessions if s.label == "benign" and s.role not in (role, None)]
        calm = [s for s in part if s.label == "benign"]
        if not others or not calm:
            continue
        found = [s for s in part if s.label == "attacked_succeeded"]
        own = figures(part)
        out.append(
            {"role": role}
            | {name: own[name] for name in ("auroc", "ap", "detection", "event_ap")}
            | {
                "by_bits": _by_bits(others, calm, found, alarmed),
                "by_p": _by_p(others, calm, found, alarmed),
            }
        )
    return out


def _by_bits(
    others: Sequence[Session], calm: Sequence[Session], found: Sequence[Session], alarmed: float
) -> dict[str, float | None]:
    threshold = float(np.quantile([s.score for s in others], 1 - alarmed))
    benign, attacked = (_share([s.score > threshold for s in part]) for part in (calm, found))
    return {"threshold": threshold, "benign": benign, "attacked": attacked}


def _by_p(
    others: Sequence[Session], calm: Sequence[Session], found: Sequence[Session], alarmed: float
) -> dict[str, float | None] | None:
    if not any(session.p is not None for session in calm):
        return None
    threshold = float(np.quantile([_certain(s) for s in others], alarmed, method="lower"))
    benign, attacked = (_share([_certain(s) <= threshold for s in part]) for part in (calm, found))
    return {"threshold": threshold, "benign": benign, "attacked": attacked}


def _certain(session: Session) -> float:
    """Give the session's p-value; 1 where it never had one, as nothing was carried in it."""
    return 1.0 if session.p is None else session.p


def _share(alarmed: Sequence[bool]) -> float | None:
    return sum(alarmed) / len(alarmed) if alarmed else None
