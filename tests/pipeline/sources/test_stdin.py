"""Standard input: handed on as it comes, to its end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipeline.sources.stdin import Stdin

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    os.close(read)


def test_lines_are_handed_on_while_the_other_side_pauses(pipe: tuple[int, int]) -> None:
    read, write = pipe
    batches = Stdin(batch_size=10, clock_us=lambda: 5, descriptor=read).batches()
    os.write(write, b"one\ntw")
    first = next(batches)
    assert [(r.value, r.offset, r.source, r.arrived_us) for r in first.records] == [
        (b"one", 1, "stdin", 5)
    ]
    assert first.positions == {"stdin": "1"}
    assert not next(batches).records
    os.write(write, b"o\nthree")
    assert [record.value for record in next(batches).records] == [b"two"]
    os.close(write)
    assert [r.value for batch in batches for r in batch.records] == [b"three"]


def test_batches_are_bounded(pipe: tuple[int, int]) -> None:
    read, write = pipe
    os.write(write, b"x\n" * 25)
    os.close(write)
    batches = Stdin(batch_size=10, clock_us=lambda: 0, descriptor=read).batches()
    assert [len(batch.records) for batch in batches if batch.records] == [10, 10, 5]


def test_an_empty_input_ends_at_once(pipe: tuple[int, int]) -> None:
    read, write = pipe
    os.close(write)
    source = Stdin(batch_size=10, clock_us=lambda: 0, descriptor=read)
    assert [record for batch in source.batches() for record in batch.records] == []
