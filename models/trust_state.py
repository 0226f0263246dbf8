"""What is kept of an agent to answer for its trust."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from models.ledger import Ledger
from models.levels import Standing


class TrustState(Struct, kw_only=True):
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
