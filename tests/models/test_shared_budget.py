"""Each type of anomaly has one part of the budget, however much looks for it."""

from __future__ import annotations

from collections import defaultdict
from math import log2

import pytest

from models.calibration.score_window import bin_of
from models.config import ModelConfig
from models.features.extraction import BY_METRIC, FEATURES, LEAK, METRICS
from models.peers.group import FLEET
from models.peers.groups import Groups
from models.ranked import PARTS, SHARED_BITS, STATISTICS

HOUR = [one.name for one in FEATURES].index("hour")
RATE, ASTRAY = (len(FEATURES) + METRICS.index(name) for name in ("rate", "astray"))


@pytest.fixture
def view():
    """A fleet of 20,000 acts, of which ten were far from usual by hour, rate and request."""
    groups = Groups(ModelConfig(), b"0123456789abcdef")
    for channel in (HOUR, RATE, ASTRAY):
        window = groups.group(FLEET).windows[len(STATISTICS) + channel]
        window.add_cell(0, 19_990)
        window.add_cell(bin_of(12.0), 10)
    return groups.view(FLEET)


def test_what_tells_of_one_type_takes_one_part_together():
    parts = defaultdict(float)
    for channel, one in enumerate(FEATURES):
        if one.alone:
            parts[one.anomaly] += 2.0 ** -SHARED_BITS[channel]
    for metric, name in enumerate(METRICS):
        if metric != LEAK:
            parts[BY_METRIC[name]] += 2.0 ** -SHARED_BITS[len(FEATURES) + metric]
    assert dict(parts) == pytest.approx(dict.fromkeys(parts, 1.0) | PARTS)


def test_an_hour_stands_out_more_than_a_rate_as_rare_that_three_windows_look_for(view):
    assert view.rarity(HOUR, 12.0) == view.rarity(RATE, 12.0) > 8
    assert view.weighted(HOUR, 12.0) == view.rarity(HOUR, 12.0) + log2(PARTS["time.unusual"])
    assert view.weighted(RATE, 12.0) == view.rarity(RATE, 12.0) - log2(3)


def test_a_session_that_strays_has_several_parts_as_it_does_so_once(view):
    assert view.weighted(ASTRAY, 12.0) == view.rarity(ASTRAY, 12.0) + log2(PARTS["goal.drift"] / 2)
    assert min(PARTS.values()) > 2


def test_what_is_hardly_rare_is_not_less_than_ordinary(view):
    window = view.fleet.windows[len(STATISTICS) + RATE]
    window.add_cell(bin_of(12.0), 25_000)
    assert view.weighted(RATE, 6.0) == 0.0 < view.rarity(RATE, 6.0)
