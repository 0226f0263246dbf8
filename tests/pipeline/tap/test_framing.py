"""Streams are cut into messages in the same way, however their bytes arrive."""

from __future__ import annotations

import zlib
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.tap.recording import framing
from pipeline.tap.recording.framing import Events, Lines, decompressor

STREAM = st.lists(
    st.sampled_from([b"data: {}", b"data:x", b"event: e", b": c", b"", b"id: 1", b"data"])
)
END = st.sampled_from([b"\n", b"\r\n", b"\r"])


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


@given(STREAM, st.lists(END, min_size=40, max_size=40), st.lists(st.integers(0, 999)))
def test_events_do_not_depend_on_the_pieces(
    parts: list[bytes], ends: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(part + end for part, end in zip(parts, ends, strict=False))
    # A carriage return and a line feed of two lines are the end of one.
    whole, cut = Events(), Events()
    expected = list(whole.feed(data))
    assert [one for piece in pieces(data, cuts) for one in cut.feed(piece)] == expected


@given(st.binary(), st.lists(st.integers(0, 999)))
def test_lines_do_not_depend_on_the_pieces(data: bytes, cuts: list[int]) -> None:
    lines = Lines()
    found = [line for piece in pieces(data, cuts) for line in lines.feed(piece)]
    assert b"\n".join([*found, lines.rest()]) == data


def test_messages_without_an_end_take_bounded_memory(monkeypatch) -> None:
    monkeypatch.setattr(framing, "MAX_MESSAGE", 100)
    lines, events = Lines(), Events()
    for _ in range(50):
        assert list(lines.feed(b"x" * 10)) == []
        assert list(events.feed(b"data: " + b"x" * 10)) == []
    assert list(lines.feed(b"\nshort\n")) == [b"", b"short"]
    assert list(events.feed(b"\n\ndata: short\n\n")) == [("", b"short")]
    assert (lines.too_long, events.too_long) == (1, 1)


def test_deflate_is_undone() -> None:
    found = decompressor("deflate")
    assert found is not None
    assert found.decompress(zlib.compress(b"text")) == b"text"
