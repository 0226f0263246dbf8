"""Stored profile of one agent in one mode, to and from bytes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import Struct, field

from models.baseline import frequency_model as reference
from models.baseline.online_baseline import AgentBaseline
from models.baseline.volume_baseline import QUANTITIES, VolumeBaseline
from models.codec.compact_reader import Reader
from models.codec.compact_writer import Writer
from models.errors import StateError
from models.watch.state import Watch

if TYPE_CHECKING:
    from models.baseline.frequency_model import FrequencyModel
    from models.codec.hashing import Hasher
    from models.config import ModelConfig
    from models.features.feature_slots import FeatureSlot
    from models.peers.fleet import GroupView

VERSION = 5
_FIRST = bytes((VERSION,))
_END = 16  # versions that may follow; other first bytes are not a profile
_encode = msgspec.msgpack.Encoder().encode


class CredentialUse(Struct, array_like=True):
    """Location and time of the last use of a credential."""

    location: str
    time_us: int


class Facts(Struct, array_like=True):
    """The plain part of a profile.

    Attributes
    ----------
    opened, learn_until
        Sessions opened, and the number of the last one that belongs to (re)learning.
    per_day, day_events
        Mean events a day, and the events of the current day.
    hour, sums
        The open hour and its running sums, in the order of `QUANTITIES`; -1 is no observation.
    credentials, versions
        Recently used credentials by digest, and the versions the agent has run as.
    watch
        State of the detectors of `models.watch`.
    contributed_us
        Time of the last event below the gate that entered the peers' windows unchanged.
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
    hour: int = -1
    sums: list[int] = field(default_factory=lambda: [-1] * len(QUANTITIES))
    credentials: dict[str, CredentialUse] = {}
    versions: list[str] = []
    announced: str | None = None
    waiting: dict[int, list[int]] = {}
    voted: bool = False
    vote_version: int = -1
    published: tuple[int, int, str, str, str] | None = None
    watch: Watch = field(default_factory=Watch)
    contributed_us: int = -1


class Profile:
    """One agent in one mode: plain facts and the baseline.

    Parameters
    ----------
    facts, baseline
        Its parts. None while the kernel holds them.
    agent
        The whole profile while the compiled kernel holds it, else None.
    config
        Parameters of the model, needed to unpack the parts from the kernel.

    Examples
    --------
    >>> from models.config import ModelConfig
    >>> profile = Profile.new("billing-7", "delegated", ModelConfig())
    >>> key = profile.facts.agent_id, profile.mode
    >>> Profile.load(profile.dump(), key, ModelConfig()).facts.agent_id
    'billing-7'
    """

    __slots__ = ("_baseline", "_config", "_facts", "_peers", "agent")

    def __init__(
        self,
        facts: Facts | None,
        baseline: AgentBaseline | None,
        *,
        agent: Any | None = None,
        config: ModelConfig | None = None,
    ) -> None:
        self._facts = facts
        self._baseline = baseline
        self._config = config
        self._peers: tuple[Hasher, tuple[FeatureSlot, ...], GroupView] | None = None
        self.agent = agent

    @classmethod
    def new(
        cls, agent_id: str, mode: str, config: ModelConfig, kernel: Any | None = None
    ) -> Profile:
        """Start the profile of an agent not seen before, in the compiled kernel if one is given."""
        facts = Facts(agent_id, mode, learn_until=config.learning_sessions)
        frequency_model = (kernel or reference).FrequencyModel(config)
        return cls(facts, AgentBaseline.of(frequency_model, config, {}))

    @property
    def facts(self) -> Facts:
        """The plain part."""
        if self.agent is not None:
            self._unpack()
        return self._facts  # type: ignore[return-value]  # there unless the kernel holds them

    @property
    def baseline(self) -> AgentBaseline:
        """Frequency model and volume baselines."""
        if self.agent is not None:
            self._unpack()
        return self._baseline  # type: ignore[return-value]  # the same

    @property
    def frequency_model(self) -> FrequencyModel:
        """Counts, votes and past scores."""
        return self.baseline.frequency_model

    @property
    def role(self) -> str:
        """Role of the agent, empty without one."""
        return cast("str", self.agent.role) if self.agent is not None else self.facts.role

    @property
    def mode(self) -> str:
        """Mode the profile is of."""
        return cast("str", self.agent.mode) if self.agent is not None else self.facts.mode

    def use(self, kernel: Any | None, config: ModelConfig) -> None:
        """Convert the frequency model to a kernel, unless it is there already."""
        wanted = (kernel or reference).FrequencyModel
        if not isinstance(self.baseline.frequency_model, wanted):
            self.baseline.frequency_model = wanted.load(
                self.baseline.frequency_model.dump(), config
            )

    def attach(self, hasher: Hasher, slots: tuple[FeatureSlot, ...], view: GroupView) -> None:
        """Join a fleet: its key for hashes and the view of its peers."""
        self._peers = hasher, slots, view
        if self.agent is None:
            self.baseline.attach(hasher, slots, view)
        else:
            self.agent.join(view.view, view.name)

    def pack(self, kernel: Any) -> Any:
        """Give the whole profile as an agent of the compiled kernel.

        From now on the kernel holds it. Access to `facts` or `baseline` unpacks it again.
        """
        if self.agent is None:
            assert self._peers is not None  # noqa: S101 - engine.pack attaches first
            baseline, view = self.baseline, self._peers[2]
            volumes = [(name, *volume.state()) for name, volume in baseline.volumes.items()]
            agent = kernel.Agent(_encode(self._facts), volumes, baseline.frequency_model)
            agent.join(view.view, view.name)
            self.agent = agent
            self._facts, baseline.volumes = None, {}  # the kernel has them; two copies are too many
        return self.agent

    def _unpack(self) -> None:
        agent, self.agent = self.agent, None
        assert agent is not None  # noqa: S101 - asked by the callers
        raw, rows = agent.unpack()
        self._facts = _decode_facts(raw)
        volumes = {name: VolumeBaseline.of(n, mean, square) for name, n, mean, square in rows}
        if self._baseline is None:
            assert self._config is not None  # noqa: S101 - set by `load`
            self._baseline = AgentBaseline.of(agent.frequency_model, self._config, volumes)
        else:
            self._baseline.volumes = volumes
        if self._peers is not None:
            self._baseline.attach(*self._peers)

    def state(self) -> str:
        """Give ``learning``, ``relearning`` or ``active``."""
        if self.agent is not None:
            return cast("str", self.agent.state())
        if self.facts.opened > self.facts.learn_until:
            return "active"
        return "relearning" if self.facts.voted else "learning"

    def dump(self) -> bytes:
        """Write the profile; the same profile gives the same bytes."""
        if self.agent is not None:
            return cast("bytes", self.agent.dump())
        volumes = [
            (name, *volume.state()) for name, volume in sorted(self.baseline.volumes.items())
        ]
        out = Writer(_FIRST)
        facts = msgspec.to_builtins(self.facts)
        facts[:2] = "", ""  # the reader knows agent and mode
        out.value([facts, volumes, self.baseline.frequency_model.dump()])
        return bytes(out.out)

    @classmethod
    def load(
        cls, raw: bytes, key: tuple[str, str], config: ModelConfig, kernel: Any | None = None
    ) -> Profile:
        """Read a profile into a kernel; call only with bytes whose keyed digest holds.

        Parameters
        ----------
        key
            Agent and mode.

        Raises
        ------
        StateError
            The profile was written by another version than this one.
        """
        if raw and 0 < raw[0] < _END and raw[0] != VERSION:
            todo = "upgrade, or " if raw[0] > VERSION else ""
            raise StateError(
                f"profile was written by version {raw[0]}, this is {VERSION}; "
                f"{todo}move the store away to learn from scratch"
            )
        if kernel is not None:
            with suppress(ValueError):  # the check below reports the error
                agent = kernel.Agent.load(raw, *key, config)
                return cls(None, None, agent=agent, config=config)
        try:
            facts, rows, frequency_model = _parts(raw)
            loaded = reference.FrequencyModel.load(frequency_model, config)
            if kernel is not None:
                loaded = kernel.FrequencyModel.load(loaded.dump(), config)
        except ValueError as error:
            raise StateError(
                f"profile has another layout than version {VERSION}: {error}; "
                "move the store away to learn from scratch"
            ) from error
        facts.agent_id, facts.mode = key
        volumes = {name: VolumeBaseline.of(n, mean, square) for name, n, mean, square in rows}
        return cls(facts, AgentBaseline.of(loaded, config, volumes))


def _parts(raw: bytes) -> tuple[Facts, list[_Level], bytes]:
    """Give facts, volume baselines and frequency model."""
    if raw[:1] != _FIRST:
        raise ValueError("it does not begin with a version")
    reader = Reader(raw, 1)
    facts, volumes, frequency_model = msgspec.convert(reader.value(), _Parts)
    reader.end()
    return facts, volumes, frequency_model


_Level = tuple[str, int, float, float]
_Parts = tuple[Facts, list[_Level], bytes]
_decode_facts = msgspec.msgpack.Decoder(Facts).decode
