"""Data of charts, bounded for any size of recording: reliability by level, sampled scores."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.evaluation.judged import Session

LEVELS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_FEWEST = 20
_MAX = 2_000


def reliability(sessions: Sequence[Session]) -> list[dict[str, Any]]:
    """Give the share of benign sessions at or below each level of p, over all and by role.

    Roles with fewer than 20 such sessions are only part of the total.

    Examples
    --------
    >>> from lab.evaluation.judged import Scored, Session
    >>> calm = [Session(agent_id="a", role="desk", label="benign",
    ...     events=[Scored(time_us=0, rank=1.0, session_p=n / 20)]) for n in range(1, 21)]
    >>> [row for row in reliability(calm) if row["nominal"] == 0.1][0]
    {'role': 'all', 'nominal': 0.1, 'observed': 0.1, 'sessions': 20}
    """
    roles: defaultdict[str, list[float]] = defaultdict(list)
    for session in sessions:
        if session.label == "benign" and session.p is not None:
            roles["all"].append(session.p)
            roles[session.role or "no role"].append(session.p)
    return [
        {
            "role": role,
            "nominal": level,
            "observed": sum(v <= level for v in p) / len(p),
            "sessions": len(p),
        }
        for role, p in roles.items()
        if len(p) >= _FEWEST or role == "all"
        for level in LEVELS
    ]


def thinned(sessions: Sequence[Session], maximum: int = _MAX) -> list[dict[str, Any]]:
    """Give role, label and score of sessions; many sessions are sampled evenly by score.

    Parameters
    ----------
    maximum
        Largest number of sessions per role and label, including the highest and the lowest.
    """
    parts: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for session in sessions:
        if session.label is not None:
            parts[session.role or "no role", session.label].append(session.score)
    rows = []
    for (role, label), scores in parts.items():
        kept = sorted(scores)
        if len(kept) > maximum:
            kept = [kept[i] for i in np.linspace(0, len(kept) - 1, maximum).astype(int)]
        rows += [{"role": role, "label": label, "score": score} for score in kept]
    return rows
