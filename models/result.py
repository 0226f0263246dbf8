"""The result of judging one event, with its reasons."""

from __future__ import annotations

from msgspec import Struct, field


class Reason(Struct, frozen=True):
    """One feature's share in a judgement, as arithmetic.

    Attributes
    ----------
    bits
        Surprise; the probabilities it comes from are in `path`, from general to specific.
    expected
        The most likely values with their probabilities.
    """

    feature: str
    bits: float
    observed: str
    expected: list[tuple[str, float]]
    why: str
    path: list[tuple[str, float]] = []


class Finding(Struct, frozen=True):
    """What one family of detectors found: its type, and its rarest signal.

    Attributes
    ----------
    detector
        The family.
    anomaly
        Anomaly type.
    tags
        Framework tags of the type.
    reason
        What was seen, and why it is rare.
    """

    detector: str
    anomaly: str
    tags: dict[str, list[str]]
    reason: Reason


class Kind(Struct, frozen=True):
    """An anomaly type: how severe, which facet of trust it moves, its framework tags.

    Attributes
    ----------
    when
        Circumstance -> the tags of those frameworks that it changes.
    """

    severity: str
    facet: str
    tags: dict[str, list[str]]
    when: dict[str, dict[str, list[str]]] = {}

    def tagged(self, circumstances: list[str]) -> dict[str, list[str]]:
        """Give the tags under these circumstances.

        >>> tor = {"attack": ["T1090.003"]}
        >>> kind = Kind("high", "network", {"attack": ["T1090"]}, {"tor": tor})
        >>> kind.tagged([]), kind.tagged(["tor", "goal"])
        ({'attack': ['T1090']}, {'attack': ['T1090.003']})
        """
        found = self.tags
        for name in circumstances:
            found = found | self.when.get(name, {})
        return found


class Held(Struct, frozen=True):
    """Values kept out of the baseline until a person releases them or enough days confirm them.

    Attributes
    ----------
    marks
        Marks of the values that the event would have taught.
    case_id
        Case of the event; empty without one.
    """

    event_id: str
    agent_id: str
    mode: str
    time_us: int
    marks: list[int]
    case_id: str = ""


class Result(Struct):
    """The judgement of one event.

    Attributes
    ----------
    rank
        Orders the queue: ``log2`` of the return period in days. It is that of what this event has
        raised, and of the whole session for an event that is worth a message.
    return_period_days
        Return period of the session; None while nothing is calibrated.
    s_sum, s_max
        Sum and maximum of the bits that this event has raised.
    p, p_pool, p_n
        Share of agent-days on which honest work comes as far as this event, the pool that it is
        estimated from and its size in agent-days; None while uncalibrated.
    session_p
        Share of past sessions of its role, mixed with the fleet, whose content (arguments and
        intent) came as far as that of the session so far; None without content or enough sessions.
    alert
        Whether the event raises a case or makes one grow.
    case_id, change
        Case that the event belongs to, and what its message says of it; None for none.
    key
        Correlation key of the evidence: one case is one item of an agent.
    lead
        Family that leads the session.
    findings
        All findings of the session so far, the one that names the event first; empty for an event
        that raises nothing.
    facts
        Families of these that are certain and that this event has raised.
    identified
        Whether the claimed role or owner counts from this event on.
    """

    event_id: str
    agent_id: str
    mode: str
    session: str
    time_us: int
    rank: float = 0.0
    return_period_days: float | None = None
    s_sum: float = 0.0
    s_max: float = 0.0
    p: float | None = None
    p_pool: str | None = None
    p_n: int = 0
    session_p: float | None = None
    alert: bool = False
    severity: str | None = None
    anomaly: str | None = None
    facet: str | None = None
    learned: bool = False
    key: str = ""
    case_id: str | None = None
    change: str | None = None
    lead: str | None = None
    findings: list[Finding] = []
    facts: list[str] = []
    confidence: float = 0.0
    reasons: list[Reason] = []
    tags: dict[str, list[str]] = field(default_factory=dict)
    identified: bool = False
    held: Held | None = None
    trust_changed: bool = False
    snapshot: int = 0
    trust_before: float | None = None
    trust_after: float | None = None
