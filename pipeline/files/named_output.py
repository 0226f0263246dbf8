"""Files to write that say which they are when writing fails: a full disk names no file itself."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

from pipeline.text.quoted import LONGEST_PATH, quoted

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Buffer  # in collections.abc from Python 3.12 on


class _Named(io.FileIO):
    """A file whose failing writes carry its name."""

    def __init__(self, path: str | Path, told: str) -> None:
        super().__init__(path, "wb")
        self._told = told

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            error.filename = self._told
            raise


def create(path: str | Path, told: str | Path | None = None) -> BinaryIO:
    """Open a file to write from its beginning.

    Parameters
    ----------
    told
        The name that errors give; by default that of the file.

    Raises
    ------
    OSError
        Here, and with its name whenever a write, a flush or closing it fails.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, create(f"{folder}/new") as out:
    ...     out.write(b"one line")
    8
    """
    return io.BufferedWriter(_Named(path, str(path if told is None else told)))


def write(path: str | Path, content: bytes, told: str | Path | None = None) -> None:
    """Write a whole file; parameters and errors as of `create`."""
    with create(path, told) as out:
        out.write(content)


def fault_of(error: OSError) -> str:
    """Say what went wrong with which file.

    >>> fault_of(OSError(28, "No space left on device", "out.jsonl"))
    "'out.jsonl': no space left on device"
    >>> fault_of(OSError("timed out"))
    'timed out'
    """
    if error.filename is None or not error.strerror:
        return str(error)
    return f"{quoted(str(error.filename), LONGEST_PATH)}: {error.strerror.lower()}"
