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
        ``role``, its own ``auroc``, ``ap``, ``detection`` and ``event_ap``, then the shares of its
        ``benign`` and ``attacked`` sessions above the others' threshold. Roles without benign
        sessions, and a role without others, are left out.
    """
    out = []
    for role, part in grouped(sessions, "role").items():
        others = [s.score for s in sessions if s.label == "benign" and s.role not in (role, None)]
        calm = [s.score for s in part if s.label == "benign"]
        if not others or not calm:
            continue
        threshold = float(np.quantile(others, 1 - alarmed))
        found = [s.score for s in part if s.label == "attacked_succeeded"]
        own = figures(part)
        out.append(
            {"role": role, "threshold": threshold}
            | {name: own[name] for name in ("auroc", "ap", "detection", "event_ap")}
            | {"benign": _above(calm, threshold), "attacked": _above(found, threshold)}
        )
    return out


def _above(scores: Sequence[float], threshold: float) -> float | None:
    return sum(score > threshold for score in scores) / len(scores) if scores else None
