"""Transfer of thresholds between roles: leave one role out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lab.evaluation.figures import figures, grouped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.evaluation.judged import Session

ALARMED = 0.05


def left_out(sessions: Sequence[Session], alarmed: float = ALARMED) -> list[dict[str, Any]]:
    """Give the figures of each role, and the effect of the other roles' threshold in it.

    Parameters
    ----------
    alarmed
        Share of the other roles' benign sessions above the threshold.

    Returns
    -------
    list of dict
        ``role`` with its own ``auroc``, ``ap``, ``detection`` and ``event_ap``. ``by_bits`` and
        ``by_p`` each have the others' ``threshold``, and the shares of the role's ``benign`` and
        ``attacked`` sessions that it alarms. ``by_p`` is None if the role's sessions have no
        p-values. Roles without benign sessions, and a single role, are left out.
    """
    out = []
    benign = _Ranked.of([s for s in sessions if s.label == "benign" and s.role is not None])
    for role, part in grouped(sessions, "role").items():
        own = benign.roles == role
        others, calm = benign.where(~own), benign.where(own)
        if not len(others.bits) or not len(calm.bits):
            continue
        found = _Ranked.of([s for s in part if s.label == "attacked_succeeded"])
        alone = figures(part)
        out.append(
            {"role": role}
            | {name: alone[name] for name in ("auroc", "ap", "detection", "event_ap")}
            | {
                "by_bits": _by_bits(others, calm, found, alarmed),
                "by_p": _by_p(others, calm, found, alarmed),
            }
        )
    return out


class _Ranked(NamedTuple):
    """Role, bits and p-value of sessions; NaN without a p-value."""

    roles: np.ndarray
    bits: np.ndarray
    ps: np.ndarray

    @classmethod
    def of(cls, sessions: Sequence[Session]) -> _Ranked:
        return cls(
            np.array([s.role for s in sessions], dtype=object),
            np.array([s.score for s in sessions], dtype=float),
            np.array([s.p for s in sessions], dtype=float),
        )

    def where(self, chosen: np.ndarray) -> _Ranked:
        return _Ranked(*(column[chosen] for column in self))

    @property
    def certain(self) -> np.ndarray:
        """P-values, with 1 for sessions without one."""
        return np.where(np.isnan(self.ps), 1.0, self.ps)


def _by_bits(
    others: _Ranked, calm: _Ranked, found: _Ranked, alarmed: float
) -> dict[str, float | None]:
    threshold = float(np.quantile(others.bits, 1 - alarmed))
    benign, attacked = (_share(part.bits > threshold) for part in (calm, found))
    return {"threshold": threshold, "benign": benign, "attacked": attacked}


def _by_p(
    others: _Ranked, calm: _Ranked, found: _Ranked, alarmed: float
) -> dict[str, float | None] | None:
    if np.isnan(calm.ps).all():
        return None
    threshold = float(np.quantile(others.certain, alarmed, method="lower"))
    benign, attacked = (_share(part.certain <= threshold) for part in (calm, found))
    return {"threshold": threshold, "benign": benign, "attacked": attacked}


def _share(alarmed: np.ndarray) -> float | None:
    return float(alarmed.mean()) if len(alarmed) else None
