"""An open session: what it asked for, what it has carried so far, and its highest score."""

from __future__ import annotations

from msgspec import Struct

MAX_USES = 512


class Use(Struct, array_like=True, gc=False):
    """One identifier carried at one (tool, key) by this session.

    Attributes
    ----------
    who
        Whether it stands for somebody or something: `models.provenance.entity_binding.says_who`.
    domain
        Hash of the domain of a mail address, 0 of anything else.
    """

    tool_key: int
    value: int
    root: int
    flow: int
    flow_key: int
    level: int
    who: bool
    domain: int


class Seen(Struct, array_like=True, gc=False):
    """What a use is judged by once more, while its role is young.

    Attributes
    ----------
    tool
        Hash of the tool.
    named
        Least probability of the tool, for being named in the request.
    contexts
        Where the novelty of its place is counted.
    share
        What is left of its bits after the discounts for specificity and coverage.
    bare
        True when the request covers less than half of it.
    """

    tool: int
    named: float
    contexts: tuple[int, int, int]
    share: float
    bare: bool


class Vote(Struct, array_like=True, gc=False):
    """The highest novelty a session reached at one (tool, key, kind).

    Attributes
    ----------
    said
        Whether a value came as a name of the request says: `models.provenance.entity_binding`.
    wandered
        Whether a value came that wanders among kinds of request:
        `models.provenance.cross_task_spread`.
    """

    contexts: tuple[int, int, int]
    value_level: int
    flow_level: int
    familiarity: float
    said: int
    wandered: bool


class Ballot(Struct, array_like=True):
    """The votes of one session.

    Attributes
    ----------
    day
        On which they were cast.
    weight
        Of a vote: below 1 while the role is young.
    """

    day: int
    weight: float
    votes: list[Vote]


class Session(Struct, array_like=True):
    """One session of one agent; closed when it has been idle, then learned as a whole.

    Attributes
    ----------
    seen_us
        Watermark of the stream at its latest event: idleness is counted from there, so a session
        whose events arrive late is not closed at once.
    near
        (cluster number, overlap, similarity) of the role's clusters at its opening.
    learning
        True when it belongs to the agent's learning state: learned without the gate.
    score, p
        Running maximum over its events in bits, and its p-value; p is None while uncalibrated.
    top, peak, peak_place
        Bits of its most surprising call that carried something unasked for, the value and the
        (tool, key); 0 without one.
    seen
        Of `uses`, what they are judged by once more; none unless the role is young.
    least
        Bits of the p-values of its oddest event: `models.together`.
    told
        Whether one of its events has alerted.
    came
        Marks of the letters and digits of what came out of results, by the result's tool:
        what may be rewritten later.
    strange
        Whether the request covers less than half of `peak`, which came along no usual way.
    """

    agent_id: str
    mode: str
    role: str
    purpose: str
    opened_us: int
    last_us: int
    seen_us: int
    ordinal: int
    learning: bool
    vouched: bool = False
    near: list[tuple[int, float, float]] = []
    known: float = 0.0
    events: int = 0
    score: float = -1.0
    p: float | None = None
    previous_tool: str = ""
    tools: list[int] = []
    uses: dict[int, Use] = {}
    votes: dict[int, Vote] = {}
    top: float = -1.0
    peak: int = 0
    peak_place: int = 0
    seen: dict[int, Seen] = {}
    least: tuple[float, float, float] = (0.0, 0.0, 0.0)
    told: bool = False
    came: dict[str, list[int]] = {}
    strange: bool = False


class First(Struct, array_like=True):
    """One of the first sessions of a role, as it was learned.

    Attributes
    ----------
    number
        Of its cluster.
    free
        Whether it was learned without the gate.
    held
        Values at their (tool, key) that were not learned: they waited.
    ballot
        What it said of anything new, unless that is kept already:
        `models.provenance.history.vote_retraction`.
    """

    number: int
    last_us: int
    free: bool
    tools: list[int]
    held: list[int]
    uses: list[tuple[Use, Seen]]
    ballot: Ballot | None

    @property
    def full(self) -> bool:
        """Whether it made its cluster familiar."""
        return self.free and not self.held
