"""The compiled kernel learns, compares and stores entity bindings like the reference."""

from __future__ import annotations

from models.provenance.call_scoring import OTHER_ENTITY
from tests.native.both import MINUTE, TAINTED, Both, needs_native

pytestmark = needs_native


def test_violated_binding_is_detected_alike():
    both, levels = Both(), set()
    cities = ("Oslo", "New York", "Rio de Janeiro")
    for number in range(120):
        city = cities[number % 3]
        session = both.open(f"Book trip {number} to {city} for Ines.", at_us=number * MINUTE)
        other = number > 60 and number % 10 == 0
        code = f"HOTEL-{99 if other else number % 3}"
        found = {"hotel": [(code, ["result:hotels"]), (f"{number}.50", ["result:hotels"])]}
        *_, tainted = both.score(session, "hotel.book", found)
        levels.add(tainted and tainted[TAINTED.index("value_level")])
        both.close(session, None if number < 40 else (number * 0.37) % 1)
        if number % 33 == 32:
            both.reload()
    assert OTHER_ENTITY in levels
    both.whole()
