"""Both kernels give the same scores, signals and results, and store the same bytes."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from lab.simulation.sample.fleet import fleet_events
from models.config import ModelConfig
from models.detectors.detector import Detector
from models.event import Event, Origin
from pipeline.formats import FORMATS, event_of
from pipeline.processing.stream_types import RawRecord
from tests.native.both import needs_native
from tests.native.scoring.events import START, events, ordinary, places, steps
from tests.native.scoring.streams import InStep

PAST_DAYS = 14
FLEET_EVENTS = 1_000
pytestmark = needs_native


@pytest.fixture(scope="module")
def past():
    """Judge an ordinary past once; each test goes on from its stored bytes."""
    both = InStep()
    for number, event in enumerate(ordinary(PAST_DAYS)):
        both.judge(event)
        if number % 100 == 99:
            both.dump()
    both.dump(whole=True)
    return both


def further(past: InStep, **options) -> InStep:
    both = InStep(**options)
    both.start(past)
    return both


@given(data=st.data(), start=st.sampled_from((0, PAST_DAYS)))
@settings(deadline=None)
def test_any_stream_of_events_is_the_same_to_both(past, data, start):
    both = further(past) if start else InStep()
    at: datetime = START + timedelta(days=start, hours=9)
    for _ in range(data.draw(st.integers(1, 12))):
        at += data.draw(steps)
        event = data.draw(events(at))
        both.judge(event, data.draw(places), conflict=data.draw(st.integers(0, 9)) == 9)
        match data.draw(st.integers(0, 5)):
            case 4:
                both.dump(whole=data.draw(st.booleans()))
            case 5:
                both.reload()
    both.dump(whole=True)


def test_events_before_1970_are_the_same_to_both():
    both = InStep()
    for number, event in enumerate(ordinary(2)):
        both.judge(replace(event, time=event.time - timedelta(days=20_500 - number)))
    both.reload()
    both.dump(whole=True)


def test_a_past_is_known_to_both(past):
    assert past.sides[0].engine.shared.calibrated
    assert past.sides[0].engine.shared.known_days > 100


def test_families_that_are_left_out_are_left_out_of_both(past):
    both = further(past, without=frozenset({"act", "breadth", "size"}))
    for event in ordinary(1):
        both.judge(event)
    session = both.sides[1].scores.at.session
    assert session.rarities
    assert not {"act", "breadth", "size"} & session.rarities.keys()


class Longest(Detector):
    """Scores the length of the longest field, and says nothing of some tools."""

    name, title = "longest", "A field that is long"

    def __init__(self):
        self.seen = 0

    def score_one(self, x):
        if x["tool"] == "shell":
            return None
        if x["tool"] == "memory.write":
            raise ValueError("a detector that fails")
        return float(max(len(str(one)) for one in x.values())) + x.get("session_calls", 0.0)

    def learn_one(self, x):
        self.seen += len(x)

    def dump(self):
        return str(self.seen).encode()

    def load(self, raw):
        self.seen = int(raw)


class Keys(Detector):
    """Scores the order in which the fields of an event come."""

    name = "keys"

    def score_one(self, x):
        return float(crc32(repr(list(x.items())).encode()) % 1_000)


@given(data=st.data())
@settings(deadline=None)
def test_registered_detectors_are_asked_alike(data):
    both = InStep(detectors=(Longest, Keys))
    for event in ordinary(1):
        both.judge(event)
    at = START + timedelta(days=1)
    for _ in range(data.draw(st.integers(1, 8))):
        at += data.draw(steps)
        both.judge(data.draw(events(at)), data.draw(places))
        if data.draw(st.integers(0, 3)) == 3:
            both.reload()
    both.dump(whole=True)
    failures = [side.engine.panel.take_failures() for side in both.sides]
    both.same(failures)


def test_a_trusted_history_is_learned_alike(past):
    both = further(past, config=ModelConfig(held_days=1))
    for side in both.sides:
        side.engine.trusted_history = True
    for event in ordinary(3, agents=20):
        both.judge(event)
    for side in both.sides:
        side.engine.finish_recording()
    both.dump(whole=True)


@pytest.mark.parametrize("bits", [0.0, 1e-9, 0.3, 1.0, 7.5, 79.6, 1e6])
def test_expected_amounts_have_the_same_bits(past, bits):
    found = []
    for side in past.sides:
        state = side.agents["billing-3", "unknown"]
        number = next(iter(side.scores.at.session.amounts))
        expected = side.engine.shared.expected(state.profile, number)
        found.append((expected.typical.hex(), expected.spread.hex(), expected.bits(bits).hex()))
    past.same(found)


def test_a_simulated_fleet_is_the_same_to_both():
    both = InStep()
    for number, line in enumerate(islice(fleet_events(3, 12), FLEET_EVENTS)):
        event = event_of(RawRecord(line, "test", 1, 0), FORMATS["native"])
        both.judge(event, _origin(event))
        if number % 250 == 249:
            both.reload()
    both.dump(whole=True)


def _origin(event: Event) -> Origin:
    network = event.network
    if network is None:
        return Origin()
    return Origin(network.egress or "unknown", network.asn, network.country, "event")
