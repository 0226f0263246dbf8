"""Short-lived credentials: rotated every four hours, at a different minute for each agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.simulation.fleet.world.draw import mix, word
from models.event import Credential, instant
from models.units import HOUR_US

if TYPE_CHECKING:
    from lab.simulation.fleet.personas import Persona

TURN_US = 4 * HOUR_US
GRACE_US = HOUR_US
"""A credential is used for four hours and expires an hour later, after its sessions have ended."""

_CREDENTIAL = word("credential")


def credential(persona: Persona, at_us: int) -> Credential:
    """Give the credential of an agent at a time.

    >>> from lab.simulation.fleet.personas import persona
    >>> one = credential(persona(7, 0), 0)
    >>> one.expires_at - one.issued_at
    datetime.timedelta(seconds=18000)
    """
    offset_us = (persona.key & 0xFFFF) * (TURN_US >> 16)
    turn = (at_us - offset_us) // TURN_US
    issued_us = turn * TURN_US + offset_us
    return Credential(
        id=f"cr-{mix(persona.key, _CREDENTIAL, turn):016x}",
        issued_at=instant(issued_us),
        expires_at=instant(issued_us + TURN_US + GRACE_US),
        scopes=list(persona.world.role.scopes),
    )
