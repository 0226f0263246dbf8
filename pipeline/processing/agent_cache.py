"""The agents in memory: some unpacked, more of them packed; all others are in the store.

A packed agent has the bytes of the store, a tenth of the memory. Unpacking takes a hundredth of a
millisecond, without a query and without a digest check.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, get_args

from models.baseline.agent_state import AgentState
from models.baseline.identity import fill
from models.baseline.profile import is_before
from models.event import Mode
from models.trust.agent_evidence import has_agent_wide_evidence
from models.trust.levels import quarantine
from models.trust.state import TrustState, trust_bytes, trust_of
from pipeline.casework.gates import is_quarantined
from pipeline.processing.stream_types import has_other_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from models.baseline.profile import Profile
    from models.config import ModelConfig
    from models.native_scoring import Profiles
    from pipeline.processing.batch_state import BatchState, Key
    from pipeline.store.protocol import Store

MODES: tuple[str, ...] = get_args(Mode)


class Agents(OrderedDict["Key", AgentState]):
    """Agents by (agent, mode), the most recently used last.

    Parameters
    ----------
    store
        Holds all other agents.
    config
        Configuration of the model.
    profiles
        Makes and reads their profiles.
    maximum, packed
        Number of agents that stay unpacked after a batch, and of further agents that stay packed.

    Attributes
    ----------
    aliases_of
        Gives the identifiers that are judged as an agent.
    """

    def __init__(
        self,
        store: Store,
        config: ModelConfig,
        profiles: Profiles,
        maximum: int,
        packed: int = 0,
    ) -> None:
        super().__init__()
        self._store = store
        self._profiles = profiles
        self._config_version = config.version  # the property computes it at each call
        self._most = maximum
        self._most_packed = packed
        self._packed: OrderedDict[Key, bytes] = OrderedDict()
        self._modes: dict[str, tuple[str, ...]] = {}
        self._same: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._accused: set[str] = set()
        self.aliases_of: Callable[[str], Sequence[str]] = lambda _: ()

    def shards_of_others(self, agents: Iterable[str]) -> dict[str, str]:
        """Give the agents that another worker judges, each with its partition."""
        return self._store.shards_of_others(sorted(one for one in agents if not self._is_here(one)))

    def misrouted(self, batch: BatchState) -> set[str]:
        """Give the unknown agents of a batch whose first record has another key.

        With several workers, this record may be in another partition than the agent's later
        records. The agent would then belong to a worker that receives none of them.
        """
        if not self._store.shard:
            return set()
        candidates = {
            agent_id
            for agent_id, at in batch.firsts().items()
            if not self._is_here(agent_id) and has_other_key(batch.events.records[at], agent_id)
        }
        if not candidates:
            return candidates
        known = self._store.profiles(sorted(candidates))
        return candidates - {agent_id for agent_id, _ in known}

    def _is_here(self, agent_id: str) -> bool:
        keys = [(agent_id, mode) for mode in MODES]
        return any(key in self or key in self._packed for key in keys)

    def note_agent_wide_evidence(self, agent_id: str) -> None:
        """Note that a mode of an agent has evidence that applies to all its modes."""
        self._accused.add(agent_id)

    def has_agent_wide_evidence(self, agent_id: str) -> bool:
        """Return whether an agent in memory has evidence that applies to all its modes."""
        return agent_id in self._accused

    def _others(self, key: Key) -> list[TrustState]:
        if key[0] not in self._accused:
            return []
        return [one.trust for one in self.in_all_modes(key[0]) if one.trust.mode != key[1]]

    def load(self, keys: set[Key]) -> None:
        """Load these agents from the packed ones or the store, where they exist."""
        missing = []
        for key in sorted(key for key in keys if key not in self):
            packed = self._packed.pop(key, None)
            if packed is None:
                missing.append(key)
                continue
            start = 4 + int.from_bytes(packed[:4])
            self._unpack(key, packed[4:start], packed[start:])
        if missing:
            self._read(missing)

    def _read(self, missing: list[Key]) -> None:
        """Read agents from the store, and note their agent-wide evidence."""
        agents, wanted = sorted({agent_id for agent_id, _ in missing}), set(missing)
        found = self._store.profiles(agents)
        modes: dict[str, set[str]] = {
            agent_id: {mode for mode in MODES if (agent_id, mode) in self} for agent_id in agents
        }
        for key, (profile, trust) in found.items():
            modes[key[0]].add(key[1])
            if key in wanted:
                self._unpack(key, profile, trust)
            elif has_agent_wide_evidence(trust_of(trust, *key)):
                self.note_agent_wide_evidence(key[0])
        for agent_id, known in modes.items():
            self._note_modes(agent_id, known)

    def _note_modes(self, agent_id: str, modes: Iterable[str]) -> tuple[str, ...]:
        ordered = tuple(sorted(modes))
        self._modes[agent_id] = self._same.setdefault(ordered, ordered)
        return ordered

    def _unpack(self, key: Key, profile: bytes, trust: bytes) -> None:
        state = trust_of(trust, *key)
        if has_agent_wide_evidence(state):
            self.note_agent_wide_evidence(key[0])
        agent_state = AgentState(self._profile(profile, key), state)
        self._put(key, agent_state)
        self._keep(agent_state, profile)

    def _profile(self, raw: bytes, key: Key) -> Profile:
        """Read a profile; one of the judge before is learned again."""
        return self._profiles.new(*key) if is_before(raw) else self._profiles.read(raw, *key)

    def _put(self, key: Key, agent_state: AgentState) -> None:
        agent_state.others = partial(self._others, key)
        self[key] = agent_state

    def dump(self, agent_state: AgentState) -> bytes:
        """Serialise the profile of a changed agent for the store."""
        profile = agent_state.profile.dump()
        self._keep(agent_state, profile)
        return profile

    def _keep(self, agent_state: AgentState, profile: bytes) -> None:
        """Keep the serialised profile with an agent, so that packing is free."""
        if self._most_packed:
            agent_state.stored = profile

    def known(self, key: Key) -> AgentState | None:
        """Give an agent in memory and mark it as recently used; None if it is not in memory."""
        agent_state = self.get(key)
        if agent_state is not None:
            self.move_to_end(key)
        return agent_state

    def agent_state(self, key: Key) -> AgentState:
        """Give an agent; a new one if it has no state yet. A shut gate is shut in a new mode."""
        agent_state = self.known(key)
        if agent_state is not None:
            return agent_state
        trust = TrustState(agent_id=key[0], mode=key[1], config_version=self._config_version)
        others = [one.trust.level_state for one in self.in_all_modes(key[0])]
        names = () if others else (key[0], *self.aliases_of(key[0]))
        if any(one.gate == "quarantined" for one in others) or any(map(self.is_shut, names)):
            trust.level_state = quarantine(trust.level_state)
        agent_state = AgentState(self._profiles.new(*key), trust)
        self._put(key, agent_state)
        if key[0] in self._modes:
            self._note_modes(key[0], {*self._modes[key[0]], key[1]})
        return agent_state

    def has_acted(self, agent_id: str) -> bool:
        """Return whether an agent has state, here or in the store."""
        return self._is_here(agent_id) or bool(self._store.states(agent_id))

    def is_shut(self, agent_id: str) -> bool:
        """Return whether the gate of an agent is shut, here or in the store.

        That of an agent without states is shut by a quarantine that a person set before it began.
        """
        here = [self[agent_id, mode].trust for mode in MODES if (agent_id, mode) in self]
        states = (*here, *self._store.states(agent_id))
        if not states:
            return is_quarantined(self._store.audit, agent_id)
        return any(one.level_state.gate == "quarantined" for one in states)

    def fill(self, trust: TrustState) -> None:
        """Copy role and owner from the agent's other modes."""
        others = [one.trust for one in self.in_all_modes(trust.agent_id)]
        fill(trust, [one for one in others if one.mode != trust.mode])

    def modes(self, agent_id: str) -> tuple[str, ...]:
        """Give the modes that an agent acts in; the store is queried once per agent."""
        modes = self._modes.get(agent_id)
        if modes is None:
            states = self._store.states(agent_id)
            if any(map(has_agent_wide_evidence, states)):
                self.note_agent_wide_evidence(agent_id)
            here = {mode for mode in MODES if (agent_id, mode) in self}
            modes = self._note_modes(agent_id, here.union(state.mode for state in states))
        return modes

    def has_only(self, key: Key) -> bool:
        """Return whether an agent is known to act in this mode only, without a query."""
        return self._modes.get(key[0]) == (key[1],)

    def in_all_modes(self, agent_id: str) -> Iterator[AgentState]:
        """Give an agent in each of its modes; modes that are not in memory are loaded."""
        modes = self.modes(agent_id)
        if any((agent_id, mode) not in self for mode in modes):
            self.load({(agent_id, mode) for mode in modes})
        for mode in modes:
            yield self[agent_id, mode]

    def trim(self) -> None:
        """Pack the least recently used agents above the limit; drop the oldest packed ones.

        Call this after all changes were serialised (`dump`): dropped agents are read from the
        store.
        """
        while len(self) > self._most:
            key, agent_state = self.popitem(last=False)
            if self._most_packed:
                profile = agent_state.stored or agent_state.profile.dump()
                self._packed[key] = b"".join(
                    (len(profile).to_bytes(4), profile, trust_bytes(agent_state.trust))
                )
            else:
                self._forget(key[0])
        while len(self._packed) > self._most_packed:
            self._forget(self._packed.popitem(last=False)[0][0])

    def _forget(self, agent_id: str) -> None:
        """Forget an agent's modes and evidence note if none of its modes is in memory."""
        if not self._is_here(agent_id):
            self._modes.pop(agent_id, None)
            self._accused.discard(agent_id)
