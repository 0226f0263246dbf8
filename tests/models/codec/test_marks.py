"""A sender cannot choose a name whose mark is that of another name."""

from __future__ import annotations

from hashlib import sha256
from itertools import count
from zlib import crc32

from models.event import Network
from tests.models.places import HOME, MINUTES_OF_DAY


def colliding(write, prefix):
    """Find two texts that have the same CRC-32 behind a prefix."""
    seen, texts = {}, map(write, count())
    while (text := next(texts)) == (
        other := seen.setdefault(crc32(f"{prefix}{text}".encode()), text)
    ):
        pass
    return other, text


def test_definition_with_the_crc_of_a_known_definition_is_reported(a_stream, an_event):
    old, new = colliding(lambda number: sha256(b"%d" % number).hexdigest(), "mail.read\n")
    stream = a_stream(learning_sessions=1)
    stream.judge(an_event(attributes={"tool_digest": old}, session="s-0"))
    assert stream.judge(an_event(at=1, attributes={"tool_digest": old})).anomaly is None
    changed = stream.judge(an_event(at=2, attributes={"tool_digest": new}))
    assert changed.anomaly == "tool.definition_changed"


def test_call_of_a_tool_named_after_a_definition_does_not_announce_it(a_stream, an_event):
    stream = a_stream(learning_sessions=1)
    stream.judge(an_event(attributes={"tool_digest": "old"}, session="s-0"))
    for separator in "\n\x1f":
        named = an_event(at=1, tool=f"mail.read{separator}new", attributes={"tool_digest": "x"})
        stream.judge(named)
    changed = stream.judge(an_event(at=2, attributes={"tool_digest": "new"}))
    assert changed.anomaly == "tool.definition_changed"


def test_peer_with_the_crc_of_a_known_peer_is_reported(a_stream, an_event):
    known, other = colliding(
        lambda number: f"{sha256(b'%d' % number).hexdigest()[:12]}.example.com", "unverified "
    )
    stream = a_stream(learning_sessions=1)
    unproven = {"peer_verified": False}

    def anomaly(day, peer):
        network = Network(destination=peer)
        event = an_event(at=day * MINUTES_OF_DAY, network=network, attributes=unproven)
        return stream.judge(event, HOME).anomaly

    stream.engine.trusted_history = True
    for day in range(3):
        anomaly(day, known)
    stream.engine.trusted_history = False
    assert anomaly(3, known) is None
    assert anomaly(4, other) == "peer.unverified"


def test_marks_of_different_kinds_differ(an_engine):
    engine = an_engine()
    lowest = min(place.base for place in engine._slots if place.extends < 0)
    assert all(engine.ways._mark(f"unverified {number}") < lowest for number in range(1_000))
