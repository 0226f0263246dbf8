"""What one burst leaves among peers does not hide the next: a new score of a metric has a bound."""

from __future__ import annotations

import os

import msgspec
import pytest

from models.calibration.score_window import FURTHER, STEP, UNBOUNDED, ScoreWindow
from models.config import ModelConfig
from models.features.extraction import FEATURES
from models.kernel import native_kernel
from models.peers import groups as reference
from models.peers.group import FLEET
from models.ranked import STATISTICS, WINDOWS

KEY = b"0123456789abcdef"
HIGH = 100 * STEP
FIRST_METRIC = len(STATISTICS) + len(FEATURES)
decode, encode = msgspec.msgpack.decode, msgspec.msgpack.encode
NATIVE = native_kernel("native" if os.environ.get("CI") == "true" else "auto")
KERNELS = [kernel for kernel in (reference, NATIVE) if kernel is not None]


def published(kernel, *rounds):
    """Publish scores, each a cell and how often, in every window; give the fleet's top cells."""
    groups = kernel.Groups(ModelConfig(pool_minimum=100), KEY)
    for cell, times in rounds:
        groups.load_pending(encode(([], [[FLEET, [[cell, times] for _ in range(WINDOWS)]]], times)))
        groups.publish(1)
    windows = decode(groups.dump_group(FLEET))[1]
    return [max([*window[1][0], *window[2][0]]) for window in windows]


@pytest.mark.parametrize("kernel", KERNELS, ids=["python", "native"][: len(KERNELS)])
@pytest.mark.parametrize(
    ("before", "top"),
    [
        ([(0, 99)], HIGH),  # little is known yet
        ([(0, 200)], UNBOUNDED),
        ([(0, 200), (UNBOUNDED, 10)], UNBOUNDED),
        ([(0, 200), (UNBOUNDED, 11)], UNBOUNDED + FURTHER),
    ],
)
def test_a_burst_moves_the_tail_of_a_metric_by_a_little(kernel, before, top):
    tops = published(kernel, *before, (HIGH, 1))
    assert set(tops[:FIRST_METRIC]) == {HIGH}
    assert set(tops[FIRST_METRIC:]) == {top}


@pytest.mark.parametrize(("bounded", "rare"), [(True, True), (False, False)])
def test_one_burst_after_the_other_stays_rare_where_scores_have_a_bound(bounded, rare):
    window = ScoreWindow(size=10_000)
    window.add_cell(0, 5_000)
    rarities = []
    for _ in range(4):
        rarities.append(window.rarity(40.0))
        maximum = window.reach() if bounded else HIGH
        for cell in range(6 * STEP, 40 * STEP, 2 * STEP):
            window.add_cell(min(cell, maximum))
    assert (min(rarities) > 16.0) is rare
