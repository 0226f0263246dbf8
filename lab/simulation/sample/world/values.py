"""Synthetic values of requests and tool results, and their random draws.

Only integer and exactly rounded arithmetic is used (no `exp`, `log` or `gauss`), so a seed gives
the same bytes on every platform.
"""

from __future__ import annotations

import zlib
from random import Random
from typing import TYPE_CHECKING

from lab.simulation.sample.world.vocabulary import ATTRIBUTES, CHOICES, ENTITIES, SERIALS
from models.event import instant
from models.units import DAY_US

if TYPE_CHECKING:
    from collections.abc import Mapping


def entity(
    kind: str, name: str, attributes: Mapping[str, tuple[str, str]] = ATTRIBUTES
) -> dict[str, str]:
    """Give the fixed values of a named entity, by slot.

    Parameters
    ----------
    attributes
        Slot -> (kind, pattern).

    Examples
    --------
    >>> entity("vendor", "Alder Paper")["vendor_mail"]
    'billing@alder-paper.example.com'
    """
    low = name.lower()
    words = {
        "name": name,
        "slug": low.replace(" ", "-"),
        "dots": low.replace(" ", "."),
        "under": low.replace(" ", "_"),
        "code": zlib.crc32(name.encode()) % 10_000_000,
    }
    values = {slot: text.format(**words) for slot, (of, text) in attributes.items() if of == kind}
    return values | {kind: name}


_KNOWN = {kind: [entity(kind, name) for name in names] for kind, names in ENTITIES.items()}


def source(*parts: object) -> Random:
    """Give a random source that depends only on `parts`.

    >>> source(7, "a").random() == source(7, "a").random()
    True
    """
    return Random("/".join(map(str, parts)))  # noqa: S311 - made-up data, nothing secret


class KnownValues:
    """The values of one session, drawn on first access.

    Parameters
    ----------
    rng
        Random source of new values.
    at_us
        Start of the session; dates of journeys are one to four weeks later.
    given
        Fixed values by slot.

    Examples
    --------
    >>> facts = KnownValues(source(1), 0, {"vendor": "Alder Paper"})
    >>> facts["vendor"], facts["invoice"] == facts["invoice"]
    ('Alder Paper', True)
    """

    def __init__(self, rng: Random, at_us: int, given: Mapping[str, str] | None = None) -> None:
        self._rng = rng
        self._at_us = at_us
        self._values: dict[str, str] = {}
        for slot, value in (given or {}).items():
            self._values.update(entity(slot, value) if slot in ENTITIES else {})
            self._values[slot] = value

    def __getitem__(self, slot: str) -> str:
        """Give the value of a slot, constant within the session."""
        if slot not in self._values:
            kind = ATTRIBUTES[slot][0] if slot in ATTRIBUTES else slot
            if kind in _KNOWN:
                # The square prefers the front of the list: some partners are frequent, some rare.
                pick = self._rng.random() * self._rng.random()
                drawn = _KNOWN[kind][int(pick * len(_KNOWN[kind]))]
                self._values = drawn | self._values
            else:
                self._values[slot] = self.draw(slot)
        return self._values[slot]

    def put(self, slot: str, value: str) -> None:
        """Replace the value of a slot from now on."""
        self._values[slot] = value

    def draw(self, slot: str) -> str:
        """Draw a new value without keeping it; entities and their values stay."""
        if slot in SERIALS:
            pattern, low, high = SERIALS[slot]
            return pattern.format(low + int(self._rng.random() * (high - low + 1)))
        if slot in CHOICES:
            return CHOICES[slot][int(self._rng.random() * len(CHOICES[slot]))]
        if slot == "date":
            day = instant(self._at_us + (7 + int(self._rng.random() * 21)) * DAY_US)
            return day.strftime("%Y-%m-%d")
        return self[slot]
