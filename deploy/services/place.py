"""Folder of the services, and the error for a missing component."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(__file__).resolve().parent
FETCHED = SOURCES.parents[1] / ".services"  # ignored by git; may be deleted when all are stopped
# Data, logs and addresses of the servers; another folder gives other servers.
HOME = Path(os.environ.get("HABITUS_TEST_SERVICES") or FETCHED)


class Absent(Exception):
    """A component is unavailable on this machine; the message has the reason."""


@contextmanager
def alone() -> Iterator[None]:
    """Lock the folder for one program, so that two starts do not make two brokers."""
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
