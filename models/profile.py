"""What is remembered of one agent in one mode; to and from bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, field

from models import habits as reference
from models.baseline import AgentBaseline
from models.errors import StateError
from models.quantity import QUANTITIES, Level
from models.watch.state import Watch

if TYPE_CHECKING:
    from models.config import ModelConfig
    from models.habits import Habits

VERSION = 3
_encode = msgspec.msgpack.Encoder().encode


class CredentialUse(Struct, array_like=True):
    """Where and when a credential was last used."""

    place: str
    time_us: int


class Facts(Struct, array_like=True):
    """The plain part of a profile.

    Attributes
    ----------
    opened, learn_until
        Sessions opened, and the number of the last one that belongs to (re)learning.
    per_day, day_events
        Usual events a day, and those of the current day.
    day_bits, day_learned
        Bits and number of the events learned on the current day.
    daily
        Mean bits of the events of the last days: `models.drifting`.
    hour, sums
        The open hour and its running sums, in the order of `QUANTITIES`; -1 is no observation.
    credentials, versions
        Recently used credentials by digest, and the versions the agent has run as.
    watch
        What the detectors of `models.watch` remember.
    waiting
        Days on which a held value was seen, for values that were never alerted on.
    """

    agent_id: str
    mode: str
    role: str = ""
    version: str | None = None
    first_us: int = 0
    last_us: int = 0
    events: int = 0
    opened: int = 0
    learn_until: int = 0
    per_day: float = 0.0
    day_events: int = 0
    utc_hour: int = -1
    day_bits: float = 0.0
    day_learned: int = 0
    daily: list[float] = []
    hour: int = -1
    sums: list[int] = field(default_factory=lambda: [-1] * len(QUANTITIES))
    credentials: dict[str, CredentialUse] = {}
    versions: list[str] = []
    announced: str | None = None
    waiting: dict[int, list[int]] = {}
    voted: bool = False
    vote_version: int = -1
    drifted_us: int = 0
    published: tuple[int, int, str, str, str] | None = None
    watch: Watch = field(default_factory=Watch)


class _Stored(Struct, array_like=True):
    version: int
    facts: Facts
    levels: list[tuple[str, int, float, float]]
    habits: bytes


class Profile:
    """One agent in one mode: plain facts, and the baseline with its habits.

    Parameters
    ----------
    facts, baseline
        Its parts.

    Examples
    --------
    >>> from models.config import ModelConfig
    >>> profile = Profile.new("billing-7", "delegated", ModelConfig())
    >>> Profile.load(profile.dump(), ModelConfig()).facts.agent_id
    'billing-7'
    """

    __slots__ = ("baseline", "facts")

    def __init__(self, facts: Facts, baseline: AgentBaseline) -> None:
        self.facts = facts
        self.baseline = baseline

    @classmethod
    def new(
        cls, agent_id: str, mode: str, config: ModelConfig, kernel: Any | None = None
    ) -> Profile:
        """Start the profile of an agent not seen before, in the compiled kernel if one is given."""
        facts = Facts(agent_id, mode, learn_until=config.learning_sessions)
        habits = (kernel or reference).Habits(config)
        return cls(facts, AgentBaseline.of(habits, config, {}))

    @property
    def habits(self) -> Habits:
        """Counts, votes and past scores."""
        return self.baseline.habits

    def use(self, kernel: Any | None, config: ModelConfig) -> None:
        """Bring the habits into a kernel, where they are in the other one."""
        wanted = (kernel or reference).Habits
        if not isinstance(self.baseline.habits, wanted):
            self.baseline.habits = wanted.load(self.baseline.habits.dump(), config)

    def state(self) -> str:
        """Give ``learning``, ``relearning`` or ``active``."""
        if self.facts.opened > self.facts.learn_until:
            return "active"
        return "relearning" if self.facts.voted else "learning"

    def dump(self) -> bytes:
        """Write the profile; the same profile gives the same bytes."""
        levels = [(name, *level.state()) for name, level in sorted(self.baseline.levels.items())]
        return _encode(_Stored(VERSION, self.facts, levels, self.baseline.habits.dump()))

    @classmethod
    def load(cls, raw: bytes, config: ModelConfig, kernel: Any | None = None) -> Profile:
        """Read a profile into a kernel; call only with bytes whose keyed digest holds.

        Raises
        ------
        StateError
            The profile was written by another version.
        """
        try:
            stored = _decode(raw)
            if stored.version == VERSION:
                habits = (kernel or reference).Habits.load(stored.habits, config)
        except ValueError as error:
            raise StateError(
                f"profile has another layout than version {VERSION}: {error}; "
                "move the store away to learn anew"
            ) from error
        if stored.version != VERSION:
            raise StateError(
                f"profile of agent {stored.facts.agent_id!r} was written by version "
                f"{stored.version}, this is {VERSION}; "
                "upgrade, or move the store away to learn anew"
            )
        levels = {name: Level.of(n, mean, square) for name, n, mean, square in stored.levels}
        return cls(stored.facts, AgentBaseline.of(habits, config, levels))


_decode = msgspec.msgpack.Decoder(_Stored).decode
