"""The result of judging one event, with its reasons."""

from __future__ import annotations

from msgspec import Struct, field

GROUNDS = ("event", "session", "together")
"""Grounds of an anomaly by rarity, in the order of `Result.exceeded`."""


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


class Finding(Struct, frozen=True):
    """Finding of an explicit rule about an event.

    Attributes
    ----------
    way
        Name of the behaviour. An agent known to do so raises no alert (`models.ways`).
    """

    anomaly: str
    bits: float
    reason: Reason
    severity: str | None = None
    way: str = ""


class Held(Struct, frozen=True):
    """An event kept out of the baseline until a person releases it or enough days confirm it."""

    event_id: str
    agent_id: str
    mode: str
    time_us: int
    categories: dict[str, str]


class Result(Struct):
    """The judgement of one event.

    Attributes
    ----------
    rank
        Orders the queue, in bits. A higher rank is more urgent.
    s_sum, s_max
        Sum and maximum of the bits of the features.
    p, p_pool, p_n
        Calibrated p-value, the pool it comes from and its size; None while uncalibrated.
    session_p
        P-value of the session's running maximum; None while uncalibrated.
    together, together_p
        Bits of the smallest p-values of the session (`models.together`) and their joint p-value.
        None where this event added nothing.
    alpha, session_alpha, together_alpha
        The agent's share of the alert budget, per event and per session. `session_alpha` is 0
        unless this event is the most surprising of its session so far.
    key
        Correlation key of the alert: agent, type, class and day are one alert.
    ground
        The basis of an anomaly. ``rule`` is an explicit rule. ``event``, ``session`` and
        ``together`` are the rarity of the event, of its session so far, and of the whole session.
        ``several`` needs several events. None without an anomaly.
    identified
        Whether the claimed role or owner counts from this event on.
    """

    event_id: str
    agent_id: str
    mode: str
    session: str
    time_us: int
    rank: float = 0.0
    s_sum: float = 0.0
    s_max: float = 0.0
    p: float | None = None
    p_pool: str | None = None
    p_n: int = 0
    session_p: float | None = None
    together: tuple[float, float, float] | None = None
    together_p: float | None = None
    alpha: float = 0.0
    session_alpha: float = 0.0
    together_alpha: float = 0.0
    alert: bool = False
    severity: str | None = None
    anomaly: str | None = None
    ground: str | None = None
    facet: str | None = None
    learned: bool = False
    key: str = ""
    confidence: float = 0.0
    reasons: list[Reason] = []
    tags: dict[str, list[str]] = field(default_factory=dict)
    identified: bool = False
    held: Held | None = None
    trust_changed: bool = False
    snapshot: int = 0
    trust_before: float | None = None
    trust_after: float | None = None

    def chances(self) -> tuple[tuple[float | None, float], ...]:
        """Give the p-values of the event, its session, and the session as a whole.

        Each comes with its share of the alert budget.
        """
        return (
            (self.p, self.alpha),
            (self.session_p, self.session_alpha),
            (self.together_p, self.together_alpha),
        )

    def exceeded(self) -> tuple[bool, ...]:
        """Give which of `chances` are within their shares of the budget.

        >>> Result("e", "a", "unknown", "s", 0, p=0.002, alpha=0.001, session_p=0.001,
        ...     session_alpha=0.003).exceeded()
        (False, True, False)
        """
        return tuple(p is not None and p <= alpha for p, alpha in self.chances())
