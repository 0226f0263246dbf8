"""Stored state of trust of an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct, field

from models.trust.ledger import Item, Ledger
from models.trust.levels import LEVELS, Gate, Standing

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
    ledger, standing
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
    standing: Standing = field(default_factory=Standing)
    config_version: str = ""
    claims: dict[str, str] = field(default_factory=dict)


def registered_of(states: Sequence[TrustState]) -> bool | None:
    """Tell whether the inventory lists an agent, from its states in all modes.

    >>> registered_of([TrustState(agent_id="a", mode="unknown")])
    """
    said = {state.registered for state in states}
    return True if True in said else False if False in said else None


class _Kept(Struct, array_like=True):
    """Stored form of a state: without agent and mode, words by their indices.

    `registered` is 0 where no inventory was loaded, 1 where it names the agent, else what the agent
    claims.
    """

    role: str | None
    owner: str | None
    version: str | None
    state: int
    registered: int | dict[str, str]
    first_seen_us: int
    lasted_us: int
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
    ledger, standing = state.ledger, state.standing
    return _encode(
        _Kept(
            state.role, state.owner, state.version, _STATES.index(state.state),
            state.claims if state.registered is False else int(state.registered or 0),
            state.first_seen_us, state.last_seen_us - state.first_seen_us, state.events,
            ledger.days, ledger.items, LEVELS.index(standing.level), standing.above_since_us,
            _GATES.index(standing.gate), state.config_version,
        )
    )  # fmt: skip


def trust_of(raw: bytes, agent_id: str, mode: str) -> TrustState:
    """Read a state as `trust_bytes` writes it."""
    kept = _decode(raw)
    return TrustState(
        agent_id=agent_id,
        mode=mode,
        role=kept.role,
        owner=kept.owner,
        version=kept.version,
        state=_STATES[kept.state],
        registered=_registered(kept.registered),
        first_seen_us=kept.first_seen_us,
        last_seen_us=kept.first_seen_us + kept.lasted_us,
        events=kept.events,
        ledger=Ledger(kept.days, kept.items),
        standing=Standing(LEVELS[kept.level], kept.above_since_us, _GATES[kept.gate]),
        config_version=kept.config_version,
        claims=kept.registered if isinstance(kept.registered, dict) else {},
    )


def _registered(said: int | dict[str, str]) -> bool | None:
    if isinstance(said, dict):
        return False
    return True if said else None


# In the order of the stored indices.
_STATES: tuple[State, ...] = ("active", "learning", "relearning")
_GATES: tuple[Gate, ...] = ("open", "quarantined")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Kept).decode
