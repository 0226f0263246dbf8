"""What is kept of an agent to answer for its trust."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct, field

from models.ledger import Item, Ledger
from models.levels import LEVELS, Gate, Standing

State = Literal["active", "learning", "relearning"]


class TrustState(Struct, kw_only=True, array_like=True):
    """What is kept of one agent in one mode to answer for its trust.

    Attributes
    ----------
    agent_id, mode
        Whose state; an agent acting for a person and by itself has two.
    role, owner, version
        As last reported, None where never.
    state
        Whether its habits are known (``active``), still or again being learnt.
    registered
        Whether the inventory names it.
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
    registered: bool = False
    first_seen_us: int = 0
    last_seen_us: int = 0
    events: int = 0
    ledger: Ledger = field(default_factory=Ledger)
    standing: Standing = field(default_factory=Standing)
    config_version: str = ""


class _Kept(Struct, array_like=True):
    """What is written of a state: not whose it is, words by their places."""

    role: str | None
    owner: str | None
    version: str | None
    state: int
    registered: bool
    first_seen_us: int
    lasted_us: int
    events: int
    days: dict[int, int]
    items: dict[str, Item]
    level: int
    above_since_us: tuple[int | None, int | None, int | None]
    gate: int
    config_version: str


class _KeptBefore(_Kept, array_like=True):
    """The same when it said where in the stream it stood, too, in the place before the last."""

    last: str


def trust_bytes(state: TrustState) -> bytes:
    """Write a state; whose it is, its reader has to know.

    >>> state = TrustState(agent_id="a", mode="unknown", events=3)
    >>> trust_of(trust_bytes(state), "a", "unknown") == state
    True
    """
    ledger, standing = state.ledger, state.standing
    return _encode(
        _Kept(
            state.role, state.owner, state.version, _STATES.index(state.state), state.registered,
            state.first_seen_us, state.last_seen_us - state.first_seen_us, state.events,
            ledger.days, ledger.items, LEVELS.index(standing.level), standing.above_since_us,
            _GATES.index(standing.gate), state.config_version,
        )
    )  # fmt: skip


def trust_of(raw: bytes, agent_id: str, mode: str) -> TrustState:
    """Read a state as `trust_bytes` writes it, or as it was before: with the names of its parts."""
    if raw[0] & 0xF0 == _SMALL_MAP or raw[0] == _MAP:
        return _named(raw)
    if raw[0] == _WITH_POSITION:
        before = _decode_before(raw)
        before.config_version = before.last
        kept: _Kept = before
    else:
        kept = _decode(raw)
    return TrustState(
        agent_id=agent_id,
        mode=mode,
        role=kept.role,
        owner=kept.owner,
        version=kept.version,
        state=_STATES[kept.state],
        registered=kept.registered,
        first_seen_us=kept.first_seen_us,
        last_seen_us=kept.first_seen_us + kept.lasted_us,
        events=kept.events,
        ledger=Ledger(kept.days, kept.items),
        standing=Standing(LEVELS[kept.level], kept.above_since_us, _GATES[kept.gate]),
        config_version=kept.config_version,
    )


def _named(raw: bytes) -> TrustState:
    named = msgspec.msgpack.decode(raw)
    for part, names in _PARTS.items():
        named[part] = [named[part][name] for name in names]
    return msgspec.convert([named[name] for name in TrustState.__struct_fields__], TrustState)


# In the order of the places that are written.
_STATES: tuple[State, ...] = ("active", "learning", "relearning")
_GATES: tuple[Gate, ...] = ("open", "quarantined")
_SMALL_MAP, _MAP = 0x80, 0xDE
_WITH_POSITION = 0x9F  # an array of fifteen
_PARTS = {"ledger": Ledger.__struct_fields__, "standing": Standing.__struct_fields__}
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Kept).decode
_decode_before = msgspec.msgpack.Decoder(_KeptBefore).decode
