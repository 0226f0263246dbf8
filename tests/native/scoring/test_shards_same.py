"""Engines of either kernel tell each other the same, in every mixture of kernels."""

from __future__ import annotations

from itertools import islice

import pytest

from lab.simulation.sample.fleet import fleet_events
from models.replication.exchange import Exchange
from pipeline.formats import FORMATS, event_of
from pipeline.processing.stream_types import RawRecord
from tests.native.both import needs_native
from tests.native.scoring.streams import CONFIG, OFFICE, Side

pytestmark = needs_native
EVENTS, CHUNK = 1_200, 100


def a_fleet():
    lines = islice(fleet_events(3, 12), EVENTS)
    return [event_of(RawRecord(line, "test", 1, 0), FORMATS["native"]) for line in lines]


def told_by(kernels: tuple[str, str]):
    """Let two shards judge halves of a fleet, and tell each other after each chunk of time."""
    sides = [Side(kernel, CONFIG) for kernel in kernels]
    exchanges = [Exchange(side.engine) for side in sides]
    events = a_fleet()
    names = sorted({event.agent.id for event in events})
    found = []
    for start in range(0, EVENTS, CHUNK):
        chunk = events[start : start + CHUNK]
        found += [sides[names.index(one.agent.id) % 2].judge(one, OFFICE) for one in chunk]
        told = [exchange.contribution() for exchange in exchanges]
        found.append(told)
        for blob, other in zip(told, exchanges[::-1], strict=True):
            if blob is not None:
                other.take(blob)
        found += [exchange.dump() for exchange in exchanges]
    for side in sides:
        side.engine.publish()
        found.append(side.dump(whole=True))
    return found


@pytest.fixture(scope="module")
def reference():
    return told_by(("python", "python"))


@pytest.mark.parametrize("kernels", [("native", "native"), ("native", "python")])
def test_shards_tell_each_other_the_same(reference, kernels):
    assert told_by(kernels) == reference


def test_shards_send_contributions(reference):
    told = [one for one in reference if isinstance(one, list) and isinstance(one[0], bytes)]
    assert len(told) > 3
