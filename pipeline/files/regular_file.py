"""Read regular files of bounded size without blocking, for files that are read repeatedly."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def read_regular(path: Path, largest: int) -> bytes:
    """Read a whole file; pipes and devices are refused without blocking.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The file is not regular, or has more than `largest` bytes.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "keys.json")
    ...     _ = file.write_bytes(b"[]")
    ...     read_regular(file, 100)
    b'[]'
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is no regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            raw = file.read(largest + 1)
    finally:
        os.close(descriptor)
    if len(raw) > largest:
        raise ValueError(f"it has more than {largest} bytes")
    return raw
