"""A sender cannot choose a name whose mark is that of another name."""

from __future__ import annotations

from hashlib import sha256
from itertools import count
from zlib import crc32

import pytest

from models.baseline.profile import LOW32
from models.codec.hashing import Hasher
from models.features.families import FAMILIES
from models.features.plan import FEATURES
from tests.models.fleets import DAYS, TYPICAL, a_day, at_day


def colliding(write, prefix):
    """Find two texts that have the same CRC-32 behind a prefix."""
    seen, texts = {}, map(write, count())
    while (text := next(texts)) == (
        other := seen.setdefault(crc32(f"{prefix}{text}".encode()), text)
    ):
        pass
    return other, text


@pytest.fixture(scope="module")
def known(a_known_stream):
    """Six agents whose tools have one definition for twenty days."""
    return lambda: a_known_stream(with_definition, alerts_per_day=0.2, explain_all=True)


OLD, NEW = colliding(
    lambda number: sha256(b"%d" % number).hexdigest(), "definition\x1fcrm.read\x1f"
)


def with_definition(an_event):
    for day in range(DAYS):
        yield from a_day(an_event, day, attributes={"tool_digest": OLD})


def told(stream, an_event, minute, **fields):
    """Judge a call; give the features that are new."""
    at = at_day(DAYS, minutes=minute)
    fields = TYPICAL | {"session": f"n-{minute}"} | fields
    return {one.feature for one in stream.judge(an_event("agent-0", at, **fields)).reasons}


def test_a_definition_with_the_crc_of_a_known_definition_is_reported(known, an_event):
    stream = known()
    assert crc32(f"definition\x1fcrm.read\x1f{OLD}".encode()) == crc32(
        f"definition\x1fcrm.read\x1f{NEW}".encode()
    )
    assert "definition" not in told(stream, an_event, 0, attributes={"tool_digest": OLD})
    assert "definition" in told(stream, an_event, 1, attributes={"tool_digest": NEW})


def test_a_call_of_a_tool_named_after_a_definition_does_not_announce_it(known, an_event):
    stream = known()
    stream.engine.trusted_history = True
    for minute, separator in enumerate("\n\x1f"):
        named = {"tool": f"crm.read{separator}new", "attributes": {"tool_digest": "x"}}
        told(stream, an_event, minute, **named)
    stream.engine.trusted_history = False
    assert "definition" in told(stream, an_event, 5, attributes={"tool_digest": "new"})


def test_marks_of_one_value_differ_by_feature_and_installation():
    names = [feature.name for feature in FEATURES]
    marks = {Hasher(key).of(f"{name}\x1fvalue") & LOW32 for name in names for key in KEYS}
    assert len(marks) == len(names) * len(KEYS)


def test_families_and_features_have_one_name_each():
    assert len({feature.name for feature in FEATURES}) == len(FEATURES)
    assert {feature.family for feature in FEATURES} <= set(FAMILIES)


KEYS = (b"0123456789abcdef", b"another key 0000")
