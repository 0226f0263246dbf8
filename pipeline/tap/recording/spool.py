"""Records that the target could not take, in a file of their own."""

from __future__ import annotations

import os
import secrets
import tempfile
from errno import ENOSPC
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from pipeline.tap.recording.record import Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_BYTES = 256 << 20
"""Largest spool file; what follows is lost, and counted."""
_BATCH = 500


class _Agent(Struct):
    agent: str


def default_folder() -> Path:
    """Give the folder of spool files: below the user's state, else that for temporary files."""
    state = os.environ.get("XDG_STATE_HOME")
    home = os.environ.get("HOME")
    if state:
        return Path(state) / "habitus" / "tap"
    if home:
        return Path(home) / ".local" / "state" / "habitus" / "tap"
    return Path(tempfile.gettempdir()) / f"habitus-tap-{os.getuid()}"


class Spool:
    """A file of records, one a line, which only its user may read.

    Parameters
    ----------
    folder
        Made where it does not exist.
    kind
        Names what the records are for: a later process for the same target takes over the files
        of processes that have ended.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     spool = Spool(Path(folder), "file-1")
    ...     spool.add([Line("bot", b'{"n":1}')])
    ...     [[line.data for line in lines] for lines in spool.batches()], spool.waiting
    ([[b'{"n":1}']], 1)
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder, self._kind = folder, kind
        self._name = f"{kind}.{os.getpid()}.{secrets.token_hex(4)}"
        self.path = folder / f"{self._name}.jsonl"
        self.waiting = 0
        self._size = 0

    @property
    def where(self) -> str:
        """Path of the file."""
        return str(self.path)

    def rest(self) -> str:
        """Say what is left for a later process."""
        return f"{self.waiting} records are left in {self.path}"

    def take_over(self) -> None:
        """Take over what processes for the same target left; raise `OSError` if that fails."""
        for number, left in enumerate(sorted(self._folder.glob(f"{self._kind}.*.jsonl"))):
            size = left.stat().st_size
            if _is_in_use(left) or self._size + size > MAX_BYTES:
                continue
            claimed = self._folder / f"{self._name}-{number}.jsonl"
            left.rename(claimed)  # of two processes, one succeeds
            data = claimed.read_bytes()
            if append(self.path, data) == size:
                claimed.unlink()
                self._size += size
                self.waiting += data.count(b"\n")

    def add(self, lines: Sequence[Line]) -> None:
        """Append records; raise `OSError` if the file cannot take them."""
        data = b"".join(line.data + b"\n" for line in lines)
        if self._size + len(data) > MAX_BYTES:
            raise OSError(f"the spool file has {self._size} bytes, at most {MAX_BYTES} are kept")
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        written = append(self.path, data)
        if written < len(data):
            os.truncate(self.path, self._size)
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        self._size += len(data)
        self.waiting += len(lines)

    def batches(self) -> Iterator[list[Line]]:
        """Give the records in order, some at a time."""
        with self.path.open("rb") as file:
            lines: list[Line] = []
            for data in file:
                lines.append(Line(_agent_of(data), data.rstrip(b"\n")))
                if len(lines) == _BATCH:
                    yield lines
                    lines = []
            if lines:
                yield lines

    def clear(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)
        self.waiting = self._size = 0


def _is_in_use(path: Path) -> bool:
    """Tell whether the process that wrote a spool file may still run."""
    process = path.name.split(".")[-3]
    if not process.isdecimal() or int(process) == os.getpid():
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _agent_of(data: bytes) -> str:
    try:
        return msgspec.json.decode(data, type=_Agent).agent
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


def append(path: Path, data: bytes) -> int:
    """Append to a file in one step; a new file only its user may read.

    Several processes may append to one file.

    Returns
    -------
    int
        Bytes written: fewer than given where the disk is full.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return os.write(descriptor, data)
    finally:
        os.close(descriptor)
