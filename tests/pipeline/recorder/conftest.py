"""Recorders that write to a file, and their events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.recorder import Recorder
from tests.pipeline.tap.conftest import answering  # noqa: F401  # a fixture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAIT_S = 60.0


class Recorded:
    """A recorder and the file that it writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recorder = Recorder("billing-bot", to=f"file:{path}", version="1.4")

    def events(self) -> list[dict[str, Any]]:
        """Give the events so far."""
        assert self.recorder.flush(WAIT_S)
        return lines_of(self.path)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Recorded]:
    one = Recorded(tmp_path / "events.jsonl")
    yield one
    one.recorder.close()
