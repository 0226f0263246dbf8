"""What was judged, with what is known of its truth."""

from __future__ import annotations

from msgspec import Struct

SESSION_LABELS = ("benign", "attacked_failed", "attacked_succeeded")


class Judgement(Struct, frozen=True, kw_only=True, gc=False):
    """What a detector said of one event, before anyone looked at a label.

    Attributes
    ----------
    where
        Where its record stands (`RawRecord.where`).
    carries_origins
        Whether the event says where its arguments came from.
    rank, p, pool, session_p, alert, reason
        As in `Scored`.
    """

    where: str
    event_id: str
    agent_id: str
    role: str | None
    session: str
    time_us: int
    carries_origins: bool
    rank: float
    p: float | None = None
    pool: str | None = None
    session_p: float | None = None
    alert: str | None = None
    reason: str | None = None


class Scored(Struct, frozen=True, kw_only=True, gc=False):
    """One judged event.

    Attributes
    ----------
    rank
        Bits; higher is more worth a person's time.
    label
        1 serves an attack, 0 does not, None unknown.
    p, pool
        Calibrated p-value and the pool it comes from; None while uncalibrated.
    session_p
        P-value of the session's running maximum; None while uncalibrated.
    alert
        Correlation key of its alert, None without one. Alerts under one key are one alert.
    reason
        Feature that the first reason names; None where none was asked for.
    case
        The planted case it belongs to, None in labelled logs: there the session is the case.
    """

    time_us: int
    rank: float
    label: int | None = None
    p: float | None = None
    pool: str | None = None
    session_p: float | None = None
    alert: str | None = None
    reason: str | None = None
    case: str | None = None


class Session(Struct, kw_only=True):
    """One judged session with what is known of its truth.

    Attributes
    ----------
    name
        Unique within the agent.
    label
        ``"benign"``, ``"attacked_failed"``, ``"attacked_succeeded"`` or None.
    task, goal
        The user's task and the attacker's goal, where they are known.
    carries_origins
        Whether any of its events says where its arguments came from.
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
    carries_origins: bool = False
    events: list[Scored] = []

    @property
    def score(self) -> float:
        """The highest rank of its events, in bits."""
        return max(event.rank for event in self.events)

    @property
    def p(self) -> float | None:
        """The p-value its running maximum ended at, None if it never had one."""
        return next((e.session_p for e in reversed(self.events) if e.session_p is not None), None)

    @property
    def group(self) -> str:
        """What is drawn as one when intervals are estimated: the goal, the task, or the agent."""
        if self.label != "benign" and self.goal is not None:
            return f"{self.role}|goal|{self.goal}"
        return f"{self.role}|task|{self.task}" if self.task is not None else self.agent_id
