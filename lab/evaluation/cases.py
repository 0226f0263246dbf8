"""Planted attacks and benign novelties, one by one: found or not, delay, and named cause."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from lab.evaluation.ranking import auroc
from lab.evaluation.truth.planted import ATTACK, causes_of
from models.units import MINUTE_US

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from lab.evaluation.judged import Scored, Session
    from lab.evaluation.truth.planted import Planted

_LEVELS = (0.05, 0.01)
FAILED = "failed attack"
_ATTEMPT = {True: "with an attempt", False: "without an attempt"}
_TASK = {True: "task of the history", False: "new task"}


class Case(Struct, kw_only=True):
    """One attack, one novelty, or one labelled session.

    Attributes
    ----------
    name
        Id of the planted case, or the name of the labelled session.
    kind
        ``"attack"``, ``"failed attack"`` or ``"benign"``.
    type
        The attacker's goal, the anomaly type, or the kind of a novelty.
    causes
        Expected features of the first reason; empty: no expectation.
    p
        P-value of its session, the lowest if there are several, or None.
    events
        At least one, in order of event time.
    """

    name: str
    kind: str
    type: str
    agent_id: str
    role: str | None = None
    causes: tuple[str, ...]
    p: float | None
    events: list[Scored]

    @property
    def score(self) -> float:
        """The highest rank of its events."""
        return max(event.rank for event in self.events)

    @property
    def alarm(self) -> int | None:
        """Index of the first event with an alert, or None."""
        return next((i for i, e in enumerate(self.events) if e.alert is not None), None)

    @property
    def delay(self) -> tuple[int, float] | None:
        """Delay of the alert: harmful events up to it, and minutes since the first one.

        An alert on the first harmful event gives (1, 0.0), an earlier one (0, 0.0), no alert None.
        """
        at = self.alarm
        if at is None:
            return None
        harmful = [i for i, e in enumerate(self.events) if e.label == 1]
        start_us = self.events[harmful[0] if harmful else 0].time_us
        passed = sum(i <= at for i in harmful)
        return passed, max(0, self.events[at].time_us - start_us) / MINUTE_US

    @property
    def decisive_event(self) -> Scored:
        """The event with the first alert; without one, the event with the highest rank."""
        at = self.alarm
        return self.events[at] if at is not None else max(self.events, key=lambda e: e.rank)

    @property
    def reason(self) -> str | None:
        """Feature of the first reason of that event, if any."""
        return self.decisive_event.reason

    @property
    def misnamed(self) -> bool:
        """Whether the alert names another cause than the planted one."""
        return self.alarm is not None and bool(self.causes) and self.reason not in self.causes


def labelled_type(session: Session) -> str:
    """Name the type of a labelled attack: the role, and the goal of the attacker."""
    return f"{session.role or session.agent_id}: {session.goal}"


def cases_of(
    sessions: Sequence[Session],
    planted: Mapping[str, Planted],
    known_tasks: Collection[tuple[str | None, str | None]],
) -> list[Case]:
    """Give the cases of judged sessions: planted ones, or one per labelled session.

    Parameters
    ----------
    known_tasks
        (Role, task) of all sessions of the history.
    """
    if planted:
        return _from_file(sessions, planted)
    cases = []
    for session in sessions:
        if session.label == "attacked_succeeded":
            kind, name = ATTACK, labelled_type(session)
        elif session.label == "attacked_failed":
            kind, name = FAILED, _ATTEMPT[any(e.label == 1 for e in session.events)]
        elif session.label == "benign":
            kind, name = "benign", _TASK[(session.role, session.task) in known_tasks]
        else:
            continue
        cases.append(
            Case(
                name=session.name,
                kind=kind,
                type=name,
                agent_id=session.agent_id,
                role=session.role,
                causes=causes_of(None) if kind == ATTACK and session.has_origins else (),
                p=session.p,
                events=session.events,
            )
        )
    return cases


def _from_file(sessions: Sequence[Session], planted: Mapping[str, Planted]) -> list[Case]:
    cases: dict[str, Case] = {}
    for session in sessions:
        for event in session.events:
            if event.case is None:
                continue
            case = cases.get(event.case)
            if case is None:
                known = planted[event.case]
                case = cases[event.case] = Case(
                    name=known.id,
                    kind=known.kind,
                    type=known.type,
                    agent_id=session.agent_id,
                    role=session.role,
                    causes=causes_of(known),
                    p=None,
                    events=[],
                )
            case.events.append(event)
            if event.session_p is not None:
                case.p = event.session_p if case.p is None else min(case.p, event.session_p)
    for case in cases.values():
        case.events.sort(key=lambda e: e.time_us)
    return list(cases.values())


def by_type(cases: Iterable[Case], calm: Sequence[float]) -> list[dict[str, Any]]:
    """Give the figures of each type of case, attacks first.

    Parameters
    ----------
    calm
        Scores of the benign sessions.
    """
    groups: defaultdict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in cases:
        groups[case.kind, case.type].append(case)
    order = {ATTACK: 0, FAILED: 1}
    keys = sorted(groups, key=lambda key: (order.get(key[0], 2), key))
    return [_figures(*key, groups[key], calm) for key in keys]


def _figures(kind: str, name: str, cases: list[Case], calm: Sequence[float]) -> dict[str, Any]:
    out: dict[str, Any] = {"kind": kind, "type": name} | summary(cases)
    if kind == "benign":  # benign cases have no harmful event, so no delay
        return out | {"delay_events": None, "delay_minutes": None}
    return out | {"auroc": auroc([case.score for case in cases], calm)}


def summary(cases: Sequence[Case]) -> dict[str, Any]:
    """Give the share of found cases, their delay, and the share with the right cause.

    Examples
    --------
    >>> from lab.evaluation.judged import Scored
    >>> calm = Scored(time_us=0, rank=1.0, label=0)
    >>> first = Scored(time_us=60_000_000, rank=8.0, label=1)
    >>> second = Scored(time_us=180_000_000, rank=9.0, label=1, alert="a|tool.new", reason="tool")
    >>> case = Case(name="c", kind="attack", type="goal", agent_id="a", causes=("tool",), p=None,
    ...     events=[calm, first, second])
    >>> found = summary([case])
    >>> found["alerted"], found["delay_events"], found["delay_minutes"], found["explained"]
    (1.0, 2.0, 2.0, 1.0)
    """
    delays = [delay for case in cases if (delay := case.delay) is not None]
    asked = [case for case in cases if case.causes]
    right = [case for case in asked if case.reason in case.causes]
    out: dict[str, Any] = {
        "cases": len(cases),
        "alerted": len(delays) / len(cases) if cases else None,
        "delay_events": float(np.median([d[0] for d in delays])) if delays else None,
        "delay_minutes": float(np.median([d[1] for d in delays])) if delays else None,
        "explained": len(right) / len(asked) if asked else None,
    }
    for level in _LEVELS:
        hits = sum(case.p is not None and case.p <= level for case in cases)
        out[f"p_{level}"] = hits / len(cases) if cases else None
    return out
