"""Output files whose write errors contain the file name, which a full disk error lacks."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

from pipeline.text.quoted import LONGEST_PATH, quoted

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Buffer  # in collections.abc from Python 3.12 on


class _Named(io.FileIO):
    """A file whose write errors contain its name."""

    def __init__(self, path: str | Path, shown: str) -> None:
        super().__init__(path, "wb")
        self._shown = shown

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            error.filename = self._shown
            raise


def create(path: str | Path, shown: str | Path | None = None) -> BinaryIO:
    """Open a file for writing from its beginning.

    Parameters
    ----------
    shown
        File name in errors; by default the path.

    Raises
    ------
    OSError
        Raised here, and with the name if a write, flush or close fails.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, create(f"{folder}/new") as out:
    ...     out.write(b"one line")
    8
    """
    return io.BufferedWriter(_Named(path, str(path if shown is None else shown)))


def write(path: str | Path, content: bytes, shown: str | Path | None = None) -> None:
    """Write a whole file; parameters and errors as for `create`."""
    with create(path, shown) as out:
        out.write(content)


def fault_of(error: OSError) -> str:
    """Describe an error with its file.

    >>> fault_of(OSError(28, "No space left on device", "out.jsonl"))
    "'out.jsonl': no space left on device"
    >>> fault_of(OSError("timed out"))
    'timed out'
    """
    if error.filename is None or not error.strerror:
        return str(error)
    return f"{quoted(str(error.filename), LONGEST_PATH)}: {error.strerror.lower()}"
