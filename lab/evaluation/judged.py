"""Judged events and sessions, with their ground truth."""

from __future__ import annotations

from msgspec import Struct

SESSION_LABELS = ("benign", "attacked_failed", "attacked_succeeded")


class Judgement(Struct, frozen=True, kw_only=True, gc=False):
    """Judgement of one event, before labels are joined.

    Attributes
    ----------
    where
        Location of its record (`RawRecord.where`).
    has_origins
        Whether the event has origins of arguments.
    rank, p, pool, session_p, alert, filed, reason
        As in `Scored`.
    """

    where: str
    event_id: str
    agent_id: str
    role: str | None
    session: str
    time_us: int
    has_origins: bool
    rank: float
    p: float | None = None
    pool: str | None = None
    session_p: float | None = None
    alert: str | None = None
    filed: str | None = None
    reason: str | None = None


class Scored(Struct, frozen=True, kw_only=True, gc=False):
    """One judged event.

    Attributes
    ----------
    rank
        ``log2`` of the return period in days; higher is rarer.
    label
        1: part of an attack; 0: not; None: unknown.
    p, pool
        Share of agent-days on which honest work comes as far as this event, and the pool that it is
        estimated from; None while uncalibrated.
    session_p
        The same of the session so far; None while uncalibrated.
    alert
        Case that it opens or makes grow, or None. Alerts of one case count once.
    filed
        Case that it belongs to, or None.
    reason
        Feature of the first reason; None if reasons were not computed.
    case
        Planted attack or novelty of the event; None in labelled logs, where the session is it.
    """

    time_us: int
    rank: float
    label: int | None = None
    p: float | None = None
    pool: str | None = None
    session_p: float | None = None
    alert: str | None = None
    filed: str | None = None
    reason: str | None = None
    case: str | None = None


class Session(Struct, kw_only=True):
    """One judged session with its ground truth.

    Attributes
    ----------
    name
        Unique within the agent.
    label
        ``"benign"``, ``"attacked_failed"``, ``"attacked_succeeded"`` or None.
    task, goal
        The user's task and the attacker's goal, if known.
    has_origins
        Whether one of its events has origins of arguments.
    events
        At least one, in order of event time.
    """

    agent_id: str
    name: str = ""
    role: str | None = None
    source: str | None = None
    phase: str | None = None
    label: str | None = None
    task: str | None = None
    goal: str | None = None
    has_origins: bool = False
    events: list[Scored] = []

    @property
    def score(self) -> float:
        """The highest rank of its events."""
        return max(event.rank for event in self.events)

    @property
    def p(self) -> float | None:
        """P-value of the session as of its last event, or None."""
        return next((e.session_p for e in reversed(self.events) if e.session_p is not None), None)

    @property
    def group(self) -> str:
        """Bootstrap group of the session: its goal, task, or agent."""
        if self.label != "benign" and self.goal is not None:
            return f"{self.role}|goal|{self.goal}"
        return f"{self.role}|task|{self.task}" if self.task is not None else self.agent_id
