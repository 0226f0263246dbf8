"""Precision and recall at a daily budget, of the raised alerts and of the top ranks."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lab.evaluation.judged import Scored, Session

_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500)
ATTACKED = "attacked_succeeded"
_TRUE = {ATTACKED: True, "benign": False}
_POINTS = 200
_NONE: frozenset[str] = frozenset()


class Entry(Struct, frozen=True):
    """One line of a day's queue: a session on that day.

    Attributes
    ----------
    cases
        Attacks in the session; empty for a benign one.
    """

    day: int
    rank: float
    cases: frozenset[str]


def is_known(session: Session) -> bool:
    """Tell whether a session is known to be benign or attacked."""
    return session.label in _TRUE


def attacks_of(session: Session, place: int) -> list[frozenset[str]]:
    """Give the attack of each event: the planted one, else the session itself.

    Parameters
    ----------
    place
        Position of the session, by which an attack without a name is known.
    """
    if any(event.case is not None for event in session.events):
        return [
            frozenset([e.case]) if e.case is not None and e.label == 1 else _NONE
            for e in session.events
        ]
    whole = frozenset([f"session {place}"]) if session.label == ATTACKED else _NONE
    return [whole] * len(session.events)


def entries(sessions: Sequence[Session]) -> list[Entry]:
    """Give a queue entry per session and day, without failed attacks and unknown sessions."""
    out = []
    for place, session in enumerate(sessions):
        if not is_known(session):
            continue
        days: dict[int, tuple[float, frozenset[str]]] = {}
        for event, attack in zip(session.events, attacks_of(session, place), strict=True):
            day = event.time_us // DAY_US
            rank, known = days.get(day, (event.rank, _NONE))
            days[day] = max(event.rank, rank), known | attack
        out += [Entry(day, rank, cases) for day, (rank, cases) in days.items()]
    return out


def top(queue: Iterable[Entry], per_day: int) -> dict[str, Any]:
    """Give precision and recall of the highest entries of each day.

    Returns
    -------
    dict
        ``precision`` of the selected entries, ``recall`` of the attacks, and ``possible``: the
        highest recall of any order. It is below 1 if a day has more attacks than the budget.

    Examples
    --------
    >>> queue = [Entry(0, 9.0, frozenset("a")), Entry(0, 3.0, frozenset()),
    ...     Entry(0, 2.0, frozenset("b")), Entry(1, 1.0, frozenset())]
    >>> top(queue, 1)
    {'per_day': 1, 'precision': 0.5, 'recall': 0.5, 'possible': 0.5, 'false_per_day': 0.5}
    """
    days: defaultdict[int, list[Entry]] = defaultdict(list)
    for entry in queue:
        days[entry.day].append(entry)
    seen = [
        entry
        for day in days.values()
        for entry in sorted(day, key=lambda e: -e.rank)[:per_day]
    ]  # fmt: skip
    attacks = _named(entry for day in days.values() for entry in day)
    false = sum(not entry.cases for entry in seen)
    return {
        "per_day": per_day,
        "precision": 1 - false / len(seen) if seen else None,
        "recall": len(_named(seen)) / len(attacks) if attacks else None,
        "possible": _possible_attacks(days.values(), per_day) / len(attacks) if attacks else None,
        "false_per_day": false / len(days) if days else None,
    }


def _possible_attacks(days: Iterable[Sequence[Entry]], per_day: int) -> int:
    """Give the largest number of attacks that can be found.

    Each attack needs a slot on one of its days, which is a maximum matching. The slots of a day are
    the attacks of its entries with most attacks. This is exact if each entry has one attack.
    """
    wanted: list[frozenset[str]] = []
    for day in days:
        largest = sorted((len(entry.cases) for entry in day), reverse=True)[:per_day]
        attacks = _named(day)
        wanted += [attacks] * min(sum(largest), len(attacks))
    names = {name: at for at, name in enumerate(sorted(_NONE.union(*wanted)))}
    pairs = [(place, names[name]) for place, attacks in enumerate(wanted) for name in attacks]
    if not pairs:
        return 0
    rows, attacks_at = zip(*pairs, strict=True)
    graph = csr_array((np.ones(len(pairs)), (rows, attacks_at)), (len(wanted), len(names)))
    return int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())


def _named(queue: Iterable[Entry]) -> frozenset[str]:
    return _NONE.union(*(entry.cases for entry in queue))


def at_budget(sessions: Sequence[Session], per_day: float) -> dict[str, Any]:
    """Give the figures at the daily budget.

    Parameters
    ----------
    per_day
        Entries per day: the budget of the configuration.

    Returns
    -------
    dict
        ``raised``: figures of the raised alerts. ``top``: figures of the day's highest entries
        within the budget. ``sizes``: the same for other budgets.
    """
    queue = entries(sessions)
    return {
        "raised": raised(sessions),
        "top": top(queue, max(1, round(per_day))),
        "sizes": [top(queue, size) for size in _SIZES],
    }


def raised(sessions: Sequence[Session]) -> dict[str, Any]:
    """Give precision and recall of the raised alerts; alerts of one key count once.

    An alert is true if one of its events belongs to an attack: to its planted events, or in
    labelled logs to its session. Alerts only in failed attacks are not counted.
    """
    of_alerts, attacks = _attacks_of_alerts(sessions)
    alerts, found = len(of_alerts), _NONE.union(*of_alerts.values())
    days = {(s.agent_id, e.time_us // DAY_US) for s in sessions for e in s.events}
    false = sum(not mine for mine in of_alerts.values())
    return {
        "alerts": alerts,
        "false_alerts": false,
        "precision": (alerts - false) / alerts if alerts else None,
        "recall": len(found) / len(attacks) if attacks else None,
        "attacks": len(attacks),
        "days": len({day for _, day in days}),
        "agent_days": len(days),
        "false_per_agent_day": false / len(days) if days else None,
        "false_per_day": false / len({day for _, day in days}) if days else None,
    }


def false_alerts(sessions: Sequence[Session]) -> Iterator[tuple[Session, Scored]]:
    """Give the false alerts of `raised`, each as its session and first event."""
    of_alerts, _ = _attacks_of_alerts(sessions)
    false = {key for key, mine in of_alerts.items() if not mine}
    for session in sessions:
        for event in session.events:
            if event.alert in false and is_known(session):
                false.remove(event.alert)
                yield session, event


def _attacks_of_alerts(
    sessions: Sequence[Session],
) -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    """Give the attacks of each alert by its key, and all attacks."""
    of_alerts: dict[str, frozenset[str]] = {}
    attacks: set[str] = set()
    for place, session in enumerate(sessions):
        if not is_known(session):
            continue
        for event, mine in zip(session.events, attacks_of(session, place), strict=True):
            attacks |= mine
            if event.alert is not None:
                of_alerts[event.alert] = of_alerts.get(event.alert, _NONE) | mine
    return of_alerts, frozenset(attacks)


def trade_off(sessions: Sequence[Session]) -> list[dict[str, float]]:
    """Give recall of attacked sessions against false alerts a day, over all thresholds.

    Returns
    -------
    list of dict
        ``false_per_day`` and ``recall``, at most about 200 points, the strictest threshold first.
    """
    known = [s for s in sessions if is_known(s)]
    scores = np.array([s.score for s in known])
    bad = np.array([_TRUE[str(s.label)] for s in known], dtype=bool)
    days = len({e.time_us // DAY_US for s in known for e in s.events})
    if not days or not bad.any():
        return []
    order = np.argsort(-scores, kind="stable")
    last = np.r_[np.diff(scores[order]) != 0, True]  # equal scores are one step
    false = np.cumsum(~bad[order])[last] / days
    recall = np.cumsum(bad[order])[last] / bad.sum()
    at = np.unique(np.linspace(0, len(false) - 1, _POINTS).astype(int))
    return [{"false_per_day": float(false[i]), "recall": float(recall[i])} for i in at]
