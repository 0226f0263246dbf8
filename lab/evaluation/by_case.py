"""Evaluation by case: what a person finds who reads the queue, one line for each case.

A case is one line, however many of its events alert. It is true where the event that raised it is
part of an attack.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from lab.evaluation.budget import ATTACKED, attacks_of, is_known
from lab.evaluation.cases import labelled_type
from lab.evaluation.truth.known import JUDGED
from lab.evaluation.truth.planted import ATTACK, causes_of
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from lab.evaluation.judged import Session
    from lab.evaluation.truth.planted import Planted

ALLOWED = (1, 3)
"""False cases a day down to which the queue is read."""
GAP_DAYS = 7
"""Days without an alert after which further alerts of a case raise it again."""
_MOST_THRESHOLDS = 150


class Attack(Struct, frozen=True):
    """One attack: its type, and the features that name its cause; empty for no expectation."""

    type: str
    causes: tuple[str, ...]


class Alert(Struct, frozen=True):
    """One alert.

    Attributes
    ----------
    case
        Case that it opens or makes grow.
    attack
        Name of the attack that its event belongs to, or None.
    counted
        Whether its session is measured: judged, and known to be benign or attacked.
    """

    time_us: int
    rank: float
    case: str
    attack: str | None
    counted: bool
    reason: str | None


class Read(Struct, frozen=True):
    """The queue, read down to a rank.

    Attributes
    ----------
    hit, own
        Attacks with an alert on one of their events, and those whose own event raised that case.
    named
        Attack in a case of its own -> feature of the first reason of the alert that raised it.
    true, false
        Number of cases that an attack raised, and of those that honest work raised.
    """

    hit: set[str]
    own: set[str]
    named: dict[str, str | None]
    true: int
    false: int


def by_case(sessions: Sequence[Session], planted: Mapping[str, Planted]) -> dict[str, Any]:
    """Give the figures by case.

    Parameters
    ----------
    sessions
        Sessions of all phases; those that are not measured may have raised a case before.
    planted
        Planted cases by id; empty for labelled logs.

    Returns
    -------
    dict
        ``cases``, ``true_cases`` and ``false_cases``, ``precision``, ``false_per_day``, ``days``.
        ``recall`` and ``recall_in_own_case`` are means over the types of attack of the share that
        is found. ``filed`` is the same mean for attacks with an event in any case, alert or not.
        ``read_down_to`` has both by false cases a day, read from the top by rank.
        ``first_reason_right`` is the share of the attacks in a case of their own whose raising
        alert names the planted cause first. ``types`` has both recalls by type of attack.

    Examples
    --------
    >>> from lab.evaluation.judged import Scored, Session
    >>> calm = Session(agent_id="a", label="benign", phase="eval",
    ...     events=[Scored(time_us=0, rank=2.0, alert="C-1")])
    >>> bad = Session(agent_id="a", label="attacked_succeeded", phase="eval", goal="pay",
    ...     events=[Scored(time_us=9, rank=3.0, alert="C-1"), Scored(time_us=9, rank=1.0)])
    >>> found = by_case([calm, bad], {})
    >>> found["recall"], found["recall_in_own_case"], found["false_cases"], found["precision"]
    (1.0, 0.0, 1, 0.0)
    >>> found["read_down_to"]["1"]["recall"]
    1.0
    """
    attacks = _attacks(sessions, planted)
    alerts = _alerts(sessions)
    days = len({e.time_us // DAY_US for s in sessions if s.phase == JUDGED for e in s.events})
    whole = _read(alerts)
    cases = whole.true + whole.false
    asked = [name for name in whole.named if attacks[name].causes]
    right = sum(whole.named[name] in attacks[name].causes for name in asked)
    return {
        "cases": cases,
        "true_cases": whole.true,
        "false_cases": whole.false,
        "precision": whole.true / cases if cases else None,
        "false_per_day": whole.false / days if days else None,
        "days": days,
        "attacks": len(attacks),
        **_recalls(attacks, whole),
        "filed": _mean_over_types(attacks, _filed(sessions)),
        "read_down_to": _read_down(alerts, attacks, days),
        "first_reason_right": right / len(asked) if asked else None,
        "types": _types(attacks, whole),
    }


def _attacks(sessions: Sequence[Session], planted: Mapping[str, Planted]) -> dict[str, Attack]:
    """Give the attacks with a measured event, by name."""
    found: dict[str, Attack] = {}
    for place, session in enumerate(sessions):
        if session.phase != JUDGED or session.label != ATTACKED:
            continue
        for name in frozenset[str]().union(*attacks_of(session, place)):
            known = planted.get(name)
            if known is None:
                causes = causes_of(None) if session.has_origins else ()
                found[name] = Attack(labelled_type(session), causes)
            elif known.kind == ATTACK:
                found[name] = Attack(known.type, causes_of(known))
    return found


def _alerts(sessions: Sequence[Session]) -> list[Alert]:
    """Give all alerts in order of time."""
    found = []
    for place, session in enumerate(sessions):
        counted = session.phase == JUDGED and is_known(session)
        mine = attacks_of(session, place)
        found += [
            Alert(e.time_us, e.rank, e.alert, next(iter(names), None), counted, e.reason)
            for e, names in zip(session.events, mine, strict=True)
            if e.alert is not None
        ]
    return sorted(found, key=lambda alert: alert.time_us)


def _read(alerts: Iterable[Alert], least: float = float("-inf")) -> Read:
    latest: dict[str, int] = {}
    raised_by: dict[str, str | None] = {}
    hit, own, named = set[str](), set[str](), dict[str, str | None]()
    true = false = 0
    for alert in alerts:
        if alert.rank < least:
            continue
        day = alert.time_us // DAY_US
        raised = alert.case not in latest or day - latest[alert.case] > GAP_DAYS
        latest[alert.case] = day
        if raised:
            raised_by[alert.case] = alert.attack
        if not alert.counted:
            continue
        true += raised and alert.attack is not None
        false += raised and alert.attack is None
        if alert.attack is not None:
            hit.add(alert.attack)
            if raised_by[alert.case] == alert.attack:
                own.add(alert.attack)
                if raised:
                    named.setdefault(alert.attack, alert.reason)
    return Read(hit, own, named, true, false)


def _read_down(
    alerts: Sequence[Alert], attacks: Mapping[str, Attack], days: int
) -> dict[str, dict[str, float | None]]:
    """Give the best recalls of a queue read from the top until so many false cases a day."""
    ranks = sorted({alert.rank for alert in alerts}, reverse=True)
    reads = [_read(alerts, least) for least in ranks[:: max(1, len(ranks) // _MOST_THRESHOLDS)]]
    out: dict[str, dict[str, float | None]] = {}
    for allowed in ALLOWED:
        kept = [_recalls(attacks, one) for one in reads if one.false <= allowed * days]
        out[f"{allowed}"] = {
            name: max((one[name] or 0.0 for one in kept), default=0.0) if attacks else None
            for name in ("recall", "recall_in_own_case")
        }
    return out


def _types(attacks: Mapping[str, Attack], read: Read) -> dict[str, dict[str, Any]]:
    return {
        kind: {
            "attacks": len(names),
            "recall": _share(names, read.hit),
            "recall_in_own_case": _share(names, read.own),
        }
        for kind, names in sorted(_by_type(attacks).items())
    }


def _by_type(attacks: Mapping[str, Attack]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, attack in attacks.items():
        found[attack.type].append(name)
    return found


def _recalls(attacks: Mapping[str, Attack], read: Read) -> dict[str, float | None]:
    """Give the means over the types of attack."""
    shares = _types(attacks, read).values()
    return {
        name: sum(one[name] for one in shares) / len(shares) if shares else None
        for name in ("recall", "recall_in_own_case")
    }


def _filed(sessions: Sequence[Session]) -> set[str]:
    """Give the attacks with an event in a case."""
    found = set[str]()
    for place, session in enumerate(sessions):
        for event, names in zip(session.events, attacks_of(session, place), strict=True):
            if event.filed is not None:
                found |= names
    return found


def _mean_over_types(attacks: Mapping[str, Attack], found: set[str]) -> float | None:
    shares = [_share(names, found) for names in _by_type(attacks).values()]
    return sum(shares) / len(shares) if shares else None


def _share(names: Collection[str], found: set[str]) -> float:
    return sum(name in found for name in names) / len(names)
