"""Figures of judgements against labels: pure functions, no I/O."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from lab.evaluation.ranking import auroc, average_precision, detection
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lab.evaluation.judged import Session

ALARMED = (0.01, 0.05)
"""Shares of alarmed benign sessions at which detection is measured."""
SESSION_LEVELS = (0.05, 0.01, 0.001)
EVENT_LEVELS = (0.05, 0.01, 0.001)


def figures(sessions: Sequence[Session]) -> dict[str, Any]:
    """Give all figures of a group of sessions.

    A figure that needs attacks or benign sessions is None without them.

    Examples
    --------
    >>> from lab.evaluation.judged import Scored, Session
    >>> quiet = Session(agent_id="a", label="benign", events=[Scored(time_us=0, rank=1.0)])
    >>> loud = Session(agent_id="a", label="attacked_succeeded",
    ...     events=[Scored(time_us=9, rank=7.0, label=1), Scored(time_us=9, rank=1.0, label=0)])
    >>> f = figures([quiet, loud])
    >>> f["sessions"], f["attacked"], f["auroc"], f["detection"], f["event_auroc"]
    (2, 1, 1.0, {'0.01': 1.0, '0.05': 1.0}, 1.0)
    """
    benign = [s for s in sessions if s.label == "benign"]
    attacked = [s for s in sessions if s.label == "attacked_succeeded"]
    failed = [s for s in sessions if s.label == "attacked_failed"]
    calm = [s.score for s in benign]
    found = [s.score for s in attacked]
    tried = [s.score for s in failed]
    events = [event for s in sessions for event in s.events]
    bad = [e.rank for e in events if e.label == 1]
    good = [e.rank for e in events if e.label == 0]
    return {
        "sessions": len(benign) + len(attacked),
        "benign": len(benign),
        "attacked": len(attacked),
        "events": len(events),
        "auroc": auroc(found, calm),
        "ap": average_precision(found, calm),
        "detection": {f"{a}": detection(found, calm, a) for a in ALARMED},
        "event_auroc": auroc(bad, good),
        "event_ap": average_precision(bad, good),
        "session_p": _session_p(benign, attacked),
        "event_p": _event_p(benign),
        "alerts": _alerts(sessions, benign, attacked),
        "attacked_failed": {"sessions": len(failed)}
        | {f"{a}": detection(tried, calm, a) for a in ALARMED},
    }


def _session_p(benign: Sequence[Session], attacked: Sequence[Session]) -> dict[str, Any]:
    """Compare p-values of sessions with their nominal levels; sessions without p never alarm."""
    calm = [s.p for s in benign if s.p is not None]
    found = [s.p for s in attacked if s.p is not None]
    out: dict[str, Any] = {"benign": len(calm), "attacked": len(found)}
    for level in SESSION_LEVELS:
        hits = sum(p <= level for p in found)
        out[f"{level}"] = promise(calm, level) | {
            "detection": hits / len(attacked) if found else None
        }
    return out


def _event_p(benign: Sequence[Session]) -> dict[str, Any]:
    """Compare p-values of benign events with their nominal levels, by pool."""
    pools: defaultdict[str, list[float]] = defaultdict(list)
    for session in benign:
        for event in session.events:
            if event.p is not None:
                pools["all"].append(event.p)
                pools[str(event.pool)].append(event.p)
    return {
        pool: {"events": len(pools[pool])} | {f"{a}": promise(pools[pool], a) for a in EVENT_LEVELS}
        for pool in ("all", *sorted(pools.keys() - {"all"}))
    }


def promise(values: Sequence[float], level: float) -> dict[str, float | None]:
    """Give the share at or below a level, and its ratio to the level; 1 is perfect calibration."""
    if not values:
        return {"share": None, "ratio": None}
    share = sum(p <= level for p in values) / len(values)
    return {"share": share, "ratio": share / level}


def _alerts(
    sessions: Iterable[Session], benign: Sequence[Session], attacked: Sequence[Session]
) -> dict[str, Any]:
    days = {(s.agent_id, e.time_us // DAY_US) for s in sessions for e in s.events}
    raised = [e.alert for s in benign for e in s.events if e.alert is not None]
    return {
        "benign_events": len(raised),
        "benign_sessions": sum(_alerted(s) for s in benign),
        "benign_alerts": len(set(raised)),
        "agent_days": len(days),
        "false_per_agent_day": len(set(raised)) / len(days) if days else None,
        "attacked_sessions": sum(_alerted(s) for s in attacked),
    }


def _alerted(session: Session) -> bool:
    return any(event.alert is not None for event in session.events)


def groups(sessions: Sequence[Session]) -> dict[str, Any]:
    """Give the figures of all sessions, of each file and of each role.

    ``"joined"`` holds the figures of all files with both attacks and argument origins, under their
    joined names. It is empty if these are fewer than two or all files.

    Examples
    --------
    >>> from lab.evaluation.judged import Scored, Session
    >>> one = Session(agent_id="a", role="shop", source="lab", label="benign",
    ...     events=[Scored(time_us=0, rank=1.0)])
    >>> {name: list(part)[:2] for name, part in groups([one]).items()}
    {'all': ['sessions', 'benign'], 'joined': [], 'files': ['lab'], 'roles': ['shop']}
    """
    files = grouped(sessions, "source")
    rich = [
        name
        for name, part in files.items()
        if any(s.label == "attacked_succeeded" for s in part) and any(s.has_origins for s in part)
    ]
    joined: dict[str, Any] = {}
    if 1 < len(rich) < len(files):
        joined[" + ".join(rich)] = figures([s for s in sessions if s.source in rich])
    return {
        "all": figures(sessions),
        "joined": joined,
        "files": {name: figures(part) for name, part in files.items()},
        "roles": {name: figures(part) for name, part in grouped(sessions, "role").items()},
    }


def grouped(sessions: Sequence[Session], field: str) -> dict[str, list[Session]]:
    """Group sessions by a field, the largest group first; sessions without it are left out."""
    parts: defaultdict[str, list[Session]] = defaultdict(list)
    for session in sessions:
        name = getattr(session, field)
        if name:
            parts[name].append(session)
    return dict(sorted(parts.items(), key=lambda item: (-len(item[1]), item[0])))
