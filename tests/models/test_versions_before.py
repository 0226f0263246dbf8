"""What versions before have stored is read still, by both kernels."""

from __future__ import annotations

import msgspec
import pytest

from models import groups as reference
from models.config import ModelConfig
from models.exchange import _together
from models.group import FLEET
from models.kernel import native_kernel
from models.peer_levels import PeerLevels
from models.peers import Head, Peers, Pending
from models.ranked import WINDOWS

KEY = b"0123456789abcdef"
decode, encode = msgspec.msgpack.decode, msgspec.msgpack.encode
MISSING = [1, 2]
"""How much less was counted: no excess, and before that no changes of a memory."""
KERNELS = [kernel for kernel in (reference, native_kernel("auto")) if kernel is not None]


@pytest.fixture(params=KERNELS, ids=["python", "native"][: len(KERNELS)])
def kernel(request):
    return request.param


def scored(kernel):
    """Groups in which one act has been scored by every window."""
    groups = kernel.Groups(ModelConfig(), KEY)
    if kernel is reference:
        groups.score(FLEET, [(at, 8) for at in range(WINDOWS)])
    else:
        pending = [FLEET, [[8, 1] for _ in range(WINDOWS)]]
        groups.load_pending(encode(([], [pending], 1)))
    return groups


def without_last(raw, cut):
    """Leave out what is counted last."""
    parts = decode(raw)
    cut(parts)
    return encode(parts)


def cut(counted, fewer):
    """Leave the last of a list out."""
    del counted[-fewer:]


@pytest.mark.parametrize("fewer", MISSING)
def test_a_group_has_windows_more(kernel, fewer):
    groups = scored(kernel)
    groups.publish(3)
    before = without_last(groups.dump_group(FLEET), lambda parts: cut(parts[1], fewer))
    again = kernel.Groups(ModelConfig(), KEY)
    again.load_group(FLEET, before)
    windows = decode(again.dump_group(FLEET))[1]
    assert windows[:-fewer] == decode(before)[1]
    for begun in windows[-fewer:]:
        assert begun[0] == ModelConfig().peer_window
        assert begun[1][2] == begun[2][2] == 0


def test_a_group_of_no_version_is_refused(kernel):
    groups = scored(kernel)
    groups.publish(3)
    raw = groups.dump_group(FLEET)
    for many in (MISSING[-1] + 1, WINDOWS):
        short = without_last(raw, lambda parts, many=many: cut(parts[1], many))
        with pytest.raises(ValueError, match="windows"):
            kernel.Groups(ModelConfig(), KEY).load_group(FLEET, short)


@pytest.mark.parametrize("fewer", MISSING)
def test_scores_that_wait_have_lists_more(kernel, fewer):
    groups = scored(kernel)
    raw = groups.dump_pending()
    again = kernel.Groups(ModelConfig(), KEY)
    again.load_pending(without_last(raw, lambda parts: cut(parts[1][0][1], fewer)))
    assert len(decode(again.dump_pending())[1][0][1]) == WINDOWS
    again.publish(1)


@pytest.mark.parametrize("fewer", MISSING)
def test_what_shards_of_both_versions_tell_comes_together(fewer):
    now = [], [(FLEET, [[8, 1] for _ in range(WINDOWS)])], 1
    before = [], [(FLEET, [[8, 1] for _ in range(WINDOWS - fewer)])], 1
    for parts in ([now, before], [before, now]):
        _, ((_, statistics),), size = _together(parts)
        assert statistics == [[8, 2]] * (WINDOWS - fewer) + [[8, 1]] * fewer
        assert size == 2


def test_what_waits_was_stored_whole_with_its_levels_in_the_head(kernel):
    levels = [("clerk/delegated", "bytes_in_hour", 7.0), ("", "cost", 2.5)]
    head = Head(published_us=1, pending=Pending(levels))
    old = {"peers": encode(head), "pending": scored(kernel).dump_pending()}
    native = (PeerLevels if kernel is reference else kernel.PeerLevels)()
    peers = Peers(ModelConfig(), kernel.Groups(ModelConfig(), KEY), levels=native)
    peers.load(old)
    assert peers.groups.dump_pending() == old["pending"]
    assert peers.levels.pending() == levels
    assert peers.levels.pending(1) == levels[1:]
    (_, now), waiting = peers.dump()  # the head has no levels any more: so what waits goes with it
    assert decode(now, type=Head).pending == Pending()
    assert decode(waiting[1])[1:] == [old["pending"], [list(one) for one in levels]]
