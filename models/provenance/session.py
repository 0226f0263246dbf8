"""An open session: its request, the identifiers it has used, and its highest score."""

from __future__ import annotations

from msgspec import Struct

MAX_USES = 512


class Use(Struct, array_like=True, gc=False):
    """One identifier that a session used at one argument.

    An argument is a tool and a key. All identifiers are hashes of 64 bits.

    Attributes
    ----------
    tool_key
        The argument.
    root
        The host of a URL or the directory of a path; 0 for anything else.
    flow, flow_key
        The result's tool with the argument, and with the argument's key; 0 for a requested value.
    level
        Novelty of the value, 0 (typical) .. 4: `models.provenance.novelty.levels`.
    is_entity
        Whether it identifies a person or thing:
        `models.provenance.entity_binding.identifies_entity`.
    domain
        The domain of a mail address; 0 for anything else.
    """

    tool_key: int
    value: int
    root: int
    flow: int
    flow_key: int
    level: int
    is_entity: bool
    domain: int


class UseSnapshot(Struct, array_like=True, gc=False):
    """The inputs that score a use again during history cleaning.

    Attributes
    ----------
    tool
        Hash of the tool.
    name_floor
        Lower bound of the tool's probability, 0 .. 0.2: the request contains words of its name.
    contexts
        Contexts in which the novelty of the argument is counted.
    discount
        Factor on its bits, 0 .. 1: specificity and coverage by the request.
    uncovered
        True when the request covers less than half of it.
    """

    tool: int
    name_floor: float
    contexts: tuple[int, int, int]
    discount: float
    uncovered: bool


class Vote(Struct, array_like=True, gc=False):
    """The highest novelty that a session reached at one (tool, key, kind).

    Attributes
    ----------
    familiarity
        Familiarity of the request and the argument, 0 (never seen) .. 1.
    binding
        Result of `models.provenance.entity_binding.check_binding`.
    spread
        Whether a value is spread across tasks: `models.provenance.cross_task_spread`.
    """

    contexts: tuple[int, int, int]
    value_level: int
    flow_level: int
    familiarity: float
    binding: int
    spread: bool


class SessionVotes(Struct, array_like=True):
    """The votes of one session.

    Attributes
    ----------
    day
        Day of the votes, counted from 1970.
    weight
        Weight of each vote, 0 .. 1; below 1 while the role has few sessions.
    """

    day: int
    weight: float
    votes: list[Vote]


class Session(Struct, array_like=True):
    """One session of one agent; it closes after an idle period and is then learned as a whole.

    Attributes
    ----------
    seen_us
        Watermark of the stream at the latest event. The idle period starts there, so late events
        do not close a session at once.
    near
        (cluster number, overlap, similarity) of the role's clusters when the session opens.
    learning
        True in the agent's learning state: the session is learned without the gate.
    familiarity
        Familiarity of the request, 0 (never seen) .. 1.
    score, p
        Highest score of its events in bits, and its p-value; p is None while uncalibrated.
    peak_bits, peak_value, peak_argument
        Score of the most surprising call with a tainted value, the value and its argument; -1, 0
        and 0 without one.
    snapshots
        Snapshots of `uses` for history cleaning; empty unless the role is young.
    alerted
        Whether one of its events has alerted.
    sources
        Fingerprints of the values from results, by tool: `models.provenance.taint`.
    peak_unexplained
        Whether the request covers less than half of `peak_value` and its flow is not typical.
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
    trusted_history: bool = False
    near: list[tuple[int, float, float]] = []
    familiarity: float = 0.0
    events: int = 0
    score: float = -1.0
    p: float | None = None
    previous_tool: str = ""
    tools: list[int] = []
    uses: dict[int, Use] = {}
    votes: dict[int, Vote] = {}
    peak_bits: float = -1.0
    peak_value: int = 0
    peak_argument: int = 0
    snapshots: dict[int, UseSnapshot] = {}
    alerted: bool = False
    sources: dict[str, list[int]] = {}
    peak_unexplained: bool = False


class EarlySession(Struct, array_like=True):
    """One of the first sessions of a role, in the form in which it was learned.

    Attributes
    ----------
    number
        Number of its cluster.
    ungated
        Whether it was learned without the gate.
    waiting
        Values with their argument that were not learned, because they wait for more sessions.
    session_votes
        Its votes for novelty, unless `RetainedVotes` holds them already.
    """

    number: int
    last_us: int
    ungated: bool
    tools: list[int]
    waiting: list[int]
    uses: list[tuple[Use, UseSnapshot]]
    session_votes: SessionVotes | None

    @property
    def familiar(self) -> bool:
        """Whether it counts towards the familiarity of its cluster."""
        return self.ungated and not self.waiting
