"""Levels of the peers are learned, stored and bounded by the compiled kernel alike."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.peers.baselines import PeerBaselines
from models.watch.sizes import size_name
from tests.native.both import native, needs_native

pytestmark = needs_native

GROUPS = ("", "clerk/delegated", "auditor/autonomous")
WINDOWS = ("bytes_in_hour", "bytes_out_hour", "records_hour", "cost", "bytes_out_day")
NAMES = (*WINDOWS, *(size_name(slot, tool) for slot in (0, 1) for tool in (0, 7, 65_535)))
values = st.floats(0, 1e12)
contributions = st.lists(st.tuples(st.sampled_from(GROUPS), st.sampled_from(NAMES), values))


def same(kernels):
    """Compare all that both tell; give the rows of each group."""
    assert kernels[0].pending() == kernels[1].pending()
    rows = [{group: baselines.rows(group) for group in GROUPS} for baselines in kernels]
    assert rows[0] == rows[1]
    for group in GROUPS:
        for name in NAMES:
            one, other = (baselines.volume(group, name) for baselines in kernels)
            assert (one is None) == (other is None)
            assert one is None or one.state() == other.state()
    return rows[0]


@given(st.lists(contributions, max_size=4))
def test_both_kernels_give_the_same_levels_for_any_contributions(rounds):
    kernels = PeerBaselines(), native.PeerBaselines()
    for given_ in rounds:
        for baselines in kernels:
            for one in given_:
                baselines.add(*one)
        same(kernels)
        assert kernels[0].publish() == kernels[1].publish()
        stored = same(kernels)
        fresh = PeerBaselines(), native.PeerBaselines()
        for baselines in fresh:
            for group, rows in stored.items():
                baselines.load(group, rows)
        assert same(fresh) == stored


def test_tools_are_bounded_and_windows_are_always_learned():
    kernels = PeerBaselines(), native.PeerBaselines()
    for baselines in kernels:
        for tool in range(300):
            baselines.add("clerk/delegated", size_name(tool % 2, tool), 500.0)
        baselines.add("clerk/delegated", "cost", 7.0)
        baselines.publish()
        assert baselines.volume("clerk/delegated", size_name(1, 299)) is None
    rows = same(kernels)["clerk/delegated"]
    assert len(rows) == 256 + 1
    assert "cost" in [name for name, *_ in rows]


def test_unknown_names_of_amounts_are_dropped():
    baselines = native.PeerBaselines()
    for name in ("magic", "magic:7", "cost:65536", "cost:-1", "records_hour:7"):
        baselines.add("clerk/delegated", name, 7.0)
    assert baselines.pending() == []
