"""Lines come out whole, numbered, in bounded memory, wherever the chunks end."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from pipeline.processing.stream_types import KEPT_OF_LONG, MAX_VALUE
from pipeline.sources.lines import LineBatch, Lines

if TYPE_CHECKING:
    from collections.abc import Callable


def in_pieces(content: bytes, size: int) -> Callable[[int], bytes]:
    stream = io.BytesIO(content)
    return lambda asked: stream.read(min(size, asked))


Line = tuple[int, bytes, int]
"""Number, bytes, and the full length of a line that was cut, else 0."""


def each(batch: LineBatch) -> list[Line]:
    records = batch.records("stdin", 0)
    return [(one.offset, one.value, one.full_length) for one in records]


def everything(lines: Lines, count: int = 3) -> list[Line]:
    found: list[Line] = []
    while more := lines.take(count, 1 << 30, last=True):
        found += each(more)
    return found


@given(st.lists(st.binary(max_size=30)), st.integers(1, 50), st.booleans())
def test_lines_do_not_depend_on_chunk_sizes(parts: list[bytes], size: int, ended: bool) -> None:
    content = b"\n".join(parts) + (b"\n" if ended else b"")
    expected = [
        (number, line.removesuffix(b"\r"), 0)
        for number, line in enumerate(content.split(b"\n"), 1)
        if line.removesuffix(b"\r") and not line.isspace()
    ]
    lines = Lines(in_pieces(content, size))
    batch = everything(lines)
    assert batch == [(n, line.removeprefix(b"\xef\xbb\xbf") if n == 1 else line, 0)
                     for n, line, _ in expected if n > 1 or line != b"\xef\xbb\xbf"]  # fmt: skip


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1), st.integers(1, 9))
def test_reading_of_lines_resumes_after_any_batch(parts: list[bytes], count: int) -> None:
    content = b"".join(part.replace(b"\n", b"x") + b"\n" for part in parts)
    whole = everything(Lines(in_pieces(content, 7)))
    first = Lines(in_pieces(content, 7))
    begun = each(first.take(count, 1 << 30, last=False))
    rest = Lines(in_pieces(content[first.byte :], 7), line=first.line, byte=first.byte)
    assert begun + everything(rest) == whole
    assert rest.byte == len(content)


def test_a_line_beyond_the_bound_is_cut_and_the_next_one_is_whole() -> None:
    long = b"x" * (3 * MAX_VALUE)
    lines = Lines(in_pieces(b"a\n" + long + b"\nb\n", 100_000))
    assert each(lines.take(9, 1 << 30, last=False)) == [
        (1, b"a", 0),
        (2, long[:KEPT_OF_LONG], len(long)),
        (3, b"b", 0),
    ]
    assert lines.byte == 2 + len(long) + 1 + 2


def test_a_line_as_long_as_the_bound_is_whole() -> None:
    longest = b"x" * MAX_VALUE
    lines = Lines(in_pieces(longest + b"\n" + longest + b"\n", 100_000))
    assert everything(lines) == [(1, longest, 0), (2, longest, 0)]


def test_a_line_beyond_the_bound_without_end_is_cut_too() -> None:
    lines = Lines(in_pieces(b"x" * (MAX_VALUE + 5), 70_000))
    assert not lines.take(9, 1 << 30, last=False)
    assert each(lines.take(9, 1 << 30, last=True)) == [(1, b"x" * KEPT_OF_LONG, MAX_VALUE + 5)]


def test_memory_stays_bounded_on_an_endless_line() -> None:
    asked = 0

    def endless(size: int) -> bytes:
        nonlocal asked
        asked += size
        return b"x" * size if asked < 64 * MAX_VALUE else b""

    lines = Lines(endless)
    assert not lines.take(1, 1 << 30, last=False)
    assert len(lines._rest) <= KEPT_OF_LONG


def test_a_batch_ends_at_its_bytes() -> None:
    lines = Lines(in_pieces(b"12345\n" * 10, 1000))
    assert len(lines.take(100, 12, last=True)) == 3


def test_byte_order_mark_and_carriage_returns_are_dropped() -> None:
    lines = Lines(in_pieces(b"\xef\xbb\xbf{}\r\n\r\n  \n[]\r\n", 1000))
    assert everything(lines) == [(1, b"{}", 0), (4, b"[]", 0)]
