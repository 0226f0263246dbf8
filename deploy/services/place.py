"""Where the services live, and the one way in which one can be missing."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(__file__).resolve().parent
HOME = SOURCES.parents[1] / ".services"  # ignored by git; may be deleted when all is down


class Absent(Exception):
    """A component cannot be had on this machine; the message says why."""


@contextmanager
def alone() -> Iterator[None]:
    """Hold the folder for one program at a time, so that two starts do not make two brokers."""
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
