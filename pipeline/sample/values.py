"""Made-up things that requests and tool results speak of, and how one session draws them.

Only integer and exactly rounded arithmetic is used (no `exp`, `log` or `gauss`), so that a seed
gives the same bytes on every platform.
"""

from __future__ import annotations

import zlib
from random import Random
from typing import TYPE_CHECKING

from models.event import instant

if TYPE_CHECKING:
    from collections.abc import Mapping

DAY_US = 86_400_000_000

ENTITIES: dict[str, tuple[str, ...]] = {
    "vendor": (
        "Alder Paper",
        "Birch Tools",
        "Cobalt Print",
        "Dune Logistics",
        "Elm Catering",
        "Fjord Energy",
        "Grove Cleaning",
        "Harbor Lines",
        "Iris Design",
        "Juniper Legal",
        "Kestrel Security",
        "Lumen Lighting",
        "Maple Furniture",
        "Nimbus Hosting",
        "Orchard Foods",
        "Pine Packaging",
        "Quarry Stone",
        "Reef Charter",
        "Sable Media",
        "Thistle Garden",
    ),
    "customer": (
        "Aster Clinic",
        "Beacon School",
        "Cedar Hotel",
        "Delta Bakery",
        "Ember Studio",
        "Falcon Cycles",
        "Garnet Opera",
        "Hazel Pharmacy",
        "Indigo Yoga",
        "Jade Museum",
        "Kite Rentals",
        "Linden Library",
        "Mosaic Tiles",
        "Nutmeg Cafe",
        "Onyx Optics",
        "Poplar Dental",
        "Quill Books",
        "Robin Nursery",
        "Summit Gym",
        "Tulip Florist",
        "Umber Pottery",
        "Violet Salon",
        "Walnut Piano",
        "Yarrow Farm",
    ),
    "employee": (
        "Ada Lindt",
        "Carla Nunn",
        "Hanna Voss",
        "Ivo Brandt",
        "Jonas Weil",
        "Lea Santos",
        "Maren Holt",
        "Mila Ferro",
        "Nora Quist",
        "Olga Finn",
        "Pia Okoro",
        "Rui Tanaka",
        "Sven Adler",
        "Tomas Reyes",
        "Edda Moor",
        "Felix Arndt",
        "Gita Rowe",
        "Yara Lund",
    ),
    "dataset": (
        "daily orders",
        "customer core",
        "web sessions",
        "stock levels",
        "price history",
        "supplier terms",
        "parcel events",
        "returns",
        "newsletter",
        "store visits",
        "budget lines",
        "sensor feed",
        "loyalty points",
        "product texts",
    ),
    "city": (
        "Lisbon",
        "Oslo",
        "Vienna",
        "Ghent",
        "Turin",
        "Krakow",
        "Lyon",
        "Aarhus",
        "Porto",
        "Basel",
        "Tallinn",
        "Bilbao",
    ),
}
"""Names by kind; a session speaks of at most one of each kind."""

ATTRIBUTES: dict[str, tuple[str, str]] = {
    "account": ("vendor", "AC-{code:07d}"),
    "vendor_mail": ("vendor", "billing@{slug}.example.com"),
    "site": ("vendor", "https://{slug}.example.com/invoices"),
    "customer_mail": ("customer", "hello@{slug}.example.com"),
    "employee_mail": ("employee", "{dots}@example.com"),
    "table": ("dataset", "core.{under}"),
    "owner_mail": ("dataset", "{slug}-owner@example.com"),
    "hotel": ("city", "Hotel {name} Park"),
}
"""Values that belong to an entity and never change: slot -> (kind, pattern)."""

SERIALS: dict[str, tuple[str, int, int]] = {
    "invoice": ("INV-{}", 10_000, 99_999),
    "po": ("PO-{}", 10_000, 99_999),
    "msg": ("m-{}", 1_000, 9_999),
    "case": ("CASE-{}", 10_000, 99_999),
    "order": ("ORD-{}", 10_000, 99_999),
    "parcel": ("PX{}", 100_000, 999_999),
    "payment": ("PAY-{}", 10_000, 99_999),
    "entry": ("LE-{}", 10_000, 99_999),
    "report": ("rep-{}", 100, 999),
    "article": ("KB-{}", 100, 180),
    "run": ("run-{}", 1_000, 9_999),
    "file": ("out-{}", 1_000, 9_999),
    "ticket": ("DT-{}", 1_000, 9_999),
    "trip": ("TRIP-{}", 1_000, 9_999),
    "flight": ("QX{}", 100, 999),
    "train": ("EC {}", 10, 99),
    "booking": ("BK{}", 10_000, 99_999),
    "amount": ("{}.50", 40, 4_000),
}
"""Values that are new each time: slot -> (pattern, lowest, highest)."""

CHOICES: dict[str, tuple[str, ...]] = {
    "topic": (
        "a late parcel",
        "damaged goods",
        "an invoice copy",
        "a lost password",
        "the warranty",
        "a wrong size",
        "a gift card",
        "the loyalty programme",
    ),
    "segment": ("north", "south", "east", "west", "business"),
    "column": ("order_id", "amount", "created_at", "status", "region", "currency"),
    "~note": ("done as asked", "please confirm", "short summary", "follow-up", "for information"),
}
"""Values out of a short list; `~note` is the agent's own wording."""


def entity(kind: str, name: str) -> dict[str, str]:
    """Give the fixed values of a named thing, by slot.

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
    values = {slot: text.format(**words) for slot, (of, text) in ATTRIBUTES.items() if of == kind}
    return values | {kind: name}


_KNOWN = {kind: [entity(kind, name) for name in names] for kind, names in ENTITIES.items()}


def source(*parts: object) -> Random:
    """Give a random source that depends on `parts` alone.

    >>> source(7, "a").random() == source(7, "a").random()
    True
    """
    return Random("/".join(map(str, parts)))  # noqa: S311 - made-up data, nothing secret


class Facts:
    """The values one session speaks of, drawn when first asked for.

    Parameters
    ----------
    rng
        Where new values come from.
    at_us
        Start of the session; dates of journeys lie one to four weeks later.
    given
        Values that are fixed beforehand, by slot.

    Examples
    --------
    >>> facts = Facts(source(1), 0, {"vendor": "Alder Paper"})
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
        """Give the value of a slot, the same one throughout the session."""
        if slot not in self._values:
            kind = ATTRIBUTES[slot][0] if slot in ATTRIBUTES else slot
            if kind in _KNOWN:
                # The square prefers the front of the list: some partners are daily, some rare.
                pick = self._rng.random() * self._rng.random()
                drawn = _KNOWN[kind][int(pick * len(_KNOWN[kind]))]
                self._values = drawn | self._values
            else:
                self._values[slot] = self.draw(slot)
        return self._values[slot]

    def put(self, slot: str, value: str) -> None:
        """Let the session speak of another value from here on."""
        self._values[slot] = value

    def draw(self, slot: str) -> str:
        """Draw a value afresh without keeping it; entities and their values stay as they are."""
        if slot in SERIALS:
            pattern, low, high = SERIALS[slot]
            return pattern.format(low + int(self._rng.random() * (high - low + 1)))
        if slot in CHOICES:
            return CHOICES[slot][int(self._rng.random() * len(CHOICES[slot]))]
        if slot == "date":
            day = instant(self._at_us + (7 + int(self._rng.random() * 21)) * DAY_US)
            return day.strftime("%Y-%m-%d")
        return self[slot]
