"""Short-lived credentials: rotated every four hours, at a different minute for each agent."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from models.event import Credential, instant
from models.units import HOUR_US, MINUTE_US

TURN_US = 4 * HOUR_US
GRACE_US = TURN_US // 16
"""A credential is used for four hours and expires a quarter of an hour after its successor."""


def credential(agent_id: str, at_us: int, scopes: tuple[str, ...]) -> Credential:
    """Give the credential of an agent at a time.

    >>> one, two = (credential("a", turn * TURN_US, ("erp",)) for turn in (10, 11))
    >>> one.id == two.id, one.expires_at > two.issued_at
    (False, True)
    """
    return _issued(agent_id, (at_us - _offset_us(agent_id)) // TURN_US, scopes)


@lru_cache(16_384)
def _offset_us(agent_id: str) -> int:
    return int.from_bytes(sha256(agent_id.encode()).digest()[:2]) * (TURN_US >> 16)


@lru_cache(16_384)
def _issued(agent_id: str, turn: int, scopes: tuple[str, ...]) -> Credential:
    issued_us = turn * TURN_US + _offset_us(agent_id)
    issued_us -= issued_us % MINUTE_US
    return Credential(
        id="cr-" + sha256(f"{agent_id}/{turn}".encode()).hexdigest()[:8],
        issued_at=instant(issued_us),
        expires_at=instant(issued_us + TURN_US + GRACE_US),
        scopes=list(scopes),
    )
