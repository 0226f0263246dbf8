"""What came with names is learned, missed and stored by the compiled kernel as by the reference."""

from __future__ import annotations

import msgspec
import pytest

from models.content.scene import OTHER
from models.errors import StateError
from tests.native.both import CARRIER, DAY, MINUTE, Both, needs_native

pytestmark = needs_native


def test_what_always_came_with_a_name_is_missed_alike():
    both, levels = Both(), set()
    cities = ("Oslo", "New York", "Rio de Janeiro")
    for number in range(120):
        city = cities[number % 3]
        session = both.open(f"Book trip {number} to {city} for Ines.", at_us=number * MINUTE)
        other = number > 60 and number % 10 == 0
        code = f"HOTEL-{99 if other else number % 3}"
        found = {"hotel": [(code, ["result:hotels"]), (f"{number}.50", ["result:hotels"])]}
        *_, carrier = both.score(session, "hotel.book", found)
        levels.add(carrier and carrier[CARRIER.index("value_level")])
        both.close(session, None if number < 40 else (number * 0.37) % 1)
        if number % 33 == 32:
            both.reload()
    assert OTHER in levels
    both.whole()


def test_a_role_of_before_there_were_names_is_read_alike():
    both = Both()
    for number in range(8):
        session = both.open("Pay Ines", at_us=number * MINUTE)
        both.score(session, "bank.pay", {"payee": [("DE7", ["result:web"])]})
        both.close(session)
    both.dump()
    role = msgspec.msgpack.decode(both.shared["role:clerk"])
    names, *later = [role[5].pop() for _ in range(3)][::-1]
    assert names
    assert all(later)
    both.shared["role:clerk"] = msgspec.msgpack.encode(role)
    for kernel in both.kernels:
        kernel.load(both.shared)
    session = both.open("Pay Ines", at_us=DAY)
    *_, carrier = both.score(session, "bank.pay", {"payee": [("DE8", ["result:web"])]})
    assert carrier[CARRIER.index("value_level")] < OTHER
    stored = msgspec.msgpack.decode(both.bytes_of(session))
    assert [(vote.pop(), vote.pop()) for vote in stored[18].values()] == [(False, 0)]
    assert [(use.pop(), use.pop()) for use in stored[17].values()] == [(0, True)]
    back = [kernel.load_session(msgspec.msgpack.encode(stored)) for kernel in both.kernels]
    both.close(back)
    both.whole()
    both.shared["role:clerk"] = msgspec.msgpack.encode([*role[:5], role[5][1:], *role[6:]])
    for kernel in both.kernels:
        with pytest.raises(StateError):
            kernel.load(both.shared)
