"""What is remembered of one agent in one mode; to and from bytes."""

from __future__ import annotations

import pickle
import zlib
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, field
from river import drift

from models.baseline import AgentBaseline
from models.calibration import ScoreWindow
from models.counts import AgentCounts
from models.errors import StateError
from models.features import FEATURES
from models.peers import STATISTICS

if TYPE_CHECKING:
    from models.config import ModelConfig

VERSION = 1
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
    usual
        Mean bits of each feature, in the order of `FEATURES`: what is ordinary for this agent.
    hour, sums
        The open hour and its running sums, in the order of `QUANTITIES`; -1 is no observation.
    credentials, versions
        Recently used credentials by digest, and the versions the agent has run as.
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
    usual: list[float] = field(default_factory=lambda: [0.0] * len(FEATURES))
    hour: int = -1
    sums: list[int] = field(default_factory=lambda: [-1, -1, -1])
    credentials: dict[str, CredentialUse] = {}
    versions: list[str] = []
    announced: str | None = None
    waiting: dict[int, list[int]] = {}
    voted: bool = False
    vote_version: int = -1
    drifted_us: int = 0
    published: tuple[int, int, str, str, str] | None = None


class _Stored(Struct, array_like=True):
    version: int
    facts: Facts
    counts: dict[int, int]
    today: dict[int, int]
    day: int
    votes: dict[int, int]
    pending: dict[int, int]
    windows: list[ScoreWindow]
    river: bytes


class Profile:
    """One agent in one mode: plain facts, the baseline, and its own score windows.

    Examples
    --------
    >>> from models.config import ModelConfig
    >>> profile = Profile.new("billing-7", "delegated", ModelConfig())
    >>> Profile.load(profile.dump(), ModelConfig()).facts.agent_id
    'billing-7'
    """

    __slots__ = ("baseline", "drift", "facts", "windows")

    def __init__(
        self, facts: Facts, baseline: AgentBaseline, windows: list[ScoreWindow], watch: drift.ADWIN
    ) -> None:
        self.facts = facts
        self.baseline = baseline
        self.windows = windows
        self.drift = watch

    @classmethod
    def new(cls, agent_id: str, mode: str, config: ModelConfig) -> Profile:
        """Start the profile of an agent not seen before."""
        facts = Facts(agent_id, mode, learn_until=config.learning_sessions)
        windows = [ScoreWindow(size=config.agent_window) for _ in STATISTICS]
        baseline = AgentBaseline(config.half_life_days, config.daily_cap)
        return cls(facts, baseline, windows, drift.ADWIN())

    def state(self) -> str:
        """Give ``learning``, ``relearning`` or ``active``."""
        if self.facts.opened > self.facts.learn_until:
            return "active"
        return "relearning" if self.facts.voted else "learning"

    def dump(self) -> bytes:
        """Write the profile; the same profile gives the same bytes."""
        baseline = self.baseline
        stored = _Stored(
            VERSION,
            self.facts,
            baseline.counts.counts,
            baseline.counts.today,
            baseline.counts.day,
            baseline.votes,
            baseline.pending,
            self.windows,
            pickle.dumps((sorted(baseline.levels.items()), self.drift), protocol=5),
        )
        return zlib.compress(_encode(stored), 1)

    @classmethod
    def load(cls, raw: bytes, config: ModelConfig) -> Profile:
        """Read a profile; call only with bytes whose keyed digest holds.

        Raises
        ------
        StateError
            The profile was written by another version.
        """
        try:
            stored = msgspec.msgpack.decode(zlib.decompress(raw), type=_Stored)
        except (msgspec.DecodeError, zlib.error) as error:
            raise StateError(
                f"profile has another layout than version {VERSION}; "
                "move the store away to learn anew"
            ) from error
        if stored.version != VERSION:
            raise StateError(
                f"profile of agent {stored.facts.agent_id!r} was written by version "
                f"{stored.version}, this is {VERSION}; "
                "upgrade, or move the store away to learn anew"
            )
        baseline = AgentBaseline(config.half_life_days, config.daily_cap)
        baseline.counts = AgentCounts(stored.counts, stored.today, stored.day)
        baseline.votes, baseline.pending = stored.votes, stored.pending
        levels, watch = pickle.loads(stored.river)  # noqa: S301 - digest checked by the store
        baseline.levels = dict(levels)
        return cls(stored.facts, baseline, stored.windows, watch)
