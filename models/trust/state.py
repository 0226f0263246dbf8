"""Stored state of trust of an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct, field

from models.event import rfc3339
from models.trust.ledger import Item, Ledger
from models.trust.levels import LEVELS, Gate, LevelState

if TYPE_CHECKING:
    from collections.abc import Sequence

State = Literal["active", "learning", "relearning"]


class TrustState(Struct, kw_only=True, array_like=True):
    """Stored state of trust of one agent in one mode.

    Attributes
    ----------
    agent_id, mode
        Agent and mode. An agent that acts in two modes has two states.
    role, owner
        From the inventory, else from the first claim of the agent or an announced change. None
        without any (`models.baseline.identity`).
    version
        Last reported version, None without one.
    state
        ``active`` once its baseline is known, else ``learning`` or ``relearning``.
    registered
        Whether the inventory lists it. None without an inventory.
    claims
        Unproven role, owner and team that an agent outside the inventory claims.
    first_seen_us, last_seen_us, events
        First and last event in microseconds of event time, and the number of events.
    ledger, level_state
        Evidence, and the stored level and gate.
    config_version
        Configuration that wrote the state.
    """

    agent_id: str
    mode: str
    role: str | None = None
    owner: str | None = None
    version: str | None = None
    state: State = "learning"
    registered: bool | None = None
    first_seen_us: int = 0
    last_seen_us: int = 0
    events: int = 0
    ledger: Ledger = field(default_factory=Ledger)
    level_state: LevelState = field(default_factory=LevelState)
    config_version: str = ""
    claims: dict[str, str] = field(default_factory=dict)


def registered_of(states: Sequence[TrustState]) -> bool | None:
    """Tell whether the inventory lists an agent, from its states in all modes.

    >>> registered_of([TrustState(agent_id="a", mode="unknown")])
    """
    known = {state.registered for state in states}
    return True if True in known else False if False in known else None


def seen_of(states: Sequence[TrustState]) -> dict[str, str | None]:
    """Give the first and the last time an agent was seen; None where it has only security events.

    >>> seen_of([TrustState(agent_id="a", mode="unknown", first_seen_us=1_500_000)])
    {'first_seen': None, 'last_seen': None}
    """
    seen = [state for state in states if state.last_seen_us]
    first_us = min((state.first_seen_us for state in seen), default=None)
    last_us = max((state.last_seen_us for state in seen), default=None)
    return {
        "first_seen": None if first_us is None else rfc3339(first_us),
        "last_seen": None if last_us is None else rfc3339(last_us),
    }


class _Stored(Struct, array_like=True):
    """Stored form of a state: without agent and mode, words by their indices.

    `registered` is 0 without an inventory and 1 for a listed agent. For an unlisted agent it holds
    the claims.
    """

    role: str | None
    owner: str | None
    version: str | None
    state: int
    registered: int | dict[str, str]
    first_seen_us: int
    duration_us: int
    events: int
    days: dict[int, int]
    items: dict[str, Item]
    level: int
    above_since_us: tuple[int | None, int | None, int | None]
    gate: int
    config_version: str


def trust_bytes(state: TrustState) -> bytes:
    """Write a state without its agent and mode.

    >>> state = TrustState(agent_id="a", mode="unknown", events=3)
    >>> trust_of(trust_bytes(state), "a", "unknown") == state
    True
    """
    ledger, level_state = state.ledger, state.level_state
    return _encode(
        _Stored(
            state.role, state.owner, state.version, _STATES.index(state.state),
            state.claims if state.registered is False else int(state.registered or 0),
            state.first_seen_us, state.last_seen_us - state.first_seen_us, state.events,
            ledger.days, ledger.items, LEVELS.index(level_state.level), level_state.above_since_us,
            _GATES.index(level_state.gate), state.config_version,
        )
    )  # fmt: skip


def trust_of(raw: bytes, agent_id: str, mode: str) -> TrustState:
    """Read a state as `trust_bytes` writes it."""
    stored = _decode(raw)
    return TrustState(
        agent_id=agent_id,
        mode=mode,
        role=stored.role,
        owner=stored.owner,
        version=stored.version,
        state=_STATES[stored.state],
        registered=_registered(stored.registered),
        first_seen_us=stored.first_seen_us,
        last_seen_us=stored.first_seen_us + stored.duration_us,
        events=stored.events,
        ledger=Ledger(stored.days, stored.items),
        level_state=LevelState(LEVELS[stored.level], stored.above_since_us, _GATES[stored.gate]),
        config_version=stored.config_version,
        claims=stored.registered if isinstance(stored.registered, dict) else {},
    )


def _registered(stored: int | dict[str, str]) -> bool | None:
    if isinstance(stored, dict):
        return False
    return True if stored else None


# In the order of the stored indices.
_STATES: tuple[State, ...] = ("active", "learning", "relearning")
_GATES: tuple[Gate, ...] = ("open", "quarantined")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored).decode
