"""What is kept of an agent to answer for its trust."""

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
    """What is kept of one agent in one mode to answer for its trust.

    Attributes
    ----------
    agent_id, mode
        Whose state; an agent acting for a person and by itself has two.
    role, owner
        As the inventory says, else as the agent said first or a change announced; None where
        nobody did (`models.baseline.identity`).
    version
        As last reported, None where never.
    state
        Whether its habits are known (``active``), still or again being learnt.
    registered
        Whether the inventory names it; None where no inventory was loaded.
    claims
        What an agent outside the inventory says of its role, owner and team; nothing proves it.
    first_seen_us, last_seen_us, events
        Microseconds of event time, and how many events.
    ledger, standing
        Evidence, and the level and gate kept along.
    config_version
        Configuration the state was written under.
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
    """Tell whether the inventory names an agent, out of its states in all modes.

    >>> registered_of([TrustState(agent_id="a", mode="unknown")])
    """
    said = {state.registered for state in states}
    return True if True in said else False if False in said else None


class _Kept(Struct, array_like=True):
    """What is written of a state: not whose it is, words by their places.

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
    """Write a state; whose it is, its reader has to know.

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


# In the order of the places that are written.
_STATES: tuple[State, ...] = ("active", "learning", "relearning")
_GATES: tuple[Gate, ...] = ("open", "quarantined")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Kept).decode
