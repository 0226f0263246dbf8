"""What is kept of an agent to answer for its trust."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct, field

from models.ledger import Ledger
from models.levels import Standing


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
    position
        Where in the stream this state stands.
    config_version
        Configuration the state was written under.
    """

    agent_id: str
    mode: str
    role: str | None = None
    owner: str | None = None
    version: str | None = None
    state: Literal["active", "learning", "relearning"] = "learning"
    registered: bool = False
    first_seen_us: int = 0
    last_seen_us: int = 0
    events: int = 0
    ledger: Ledger = field(default_factory=Ledger)
    standing: Standing = field(default_factory=Standing)
    position: str = ""
    config_version: str = ""


def trust_of(raw: bytes) -> TrustState:
    """Read a state as msgspec encodes it now, or as it did before: with the names of its parts.

    >>> encode = msgspec.msgpack.encode
    >>> trust_of(encode(TrustState(agent_id="a", mode="unknown", events=3))).events
    3
    """
    if raw[0] & 0xF0 != _SMALL_MAP and raw[0] != _MAP:
        return _decode(raw)
    named = msgspec.msgpack.decode(raw)
    for part, names in _PARTS.items():
        named[part] = [named[part][name] for name in names]
    return msgspec.convert([named[name] for name in TrustState.__struct_fields__], TrustState)


_SMALL_MAP, _MAP = 0x80, 0xDE
_PARTS = {"ledger": Ledger.__struct_fields__, "standing": Standing.__struct_fields__}
_decode = msgspec.msgpack.Decoder(TrustState).decode
