"""At most one writer per store, across processes; the system frees the lock of a killed one."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from models.errors import ConfigError


class WriterLock:
    """Exclusive lock for judging into a store: a lock on ``PATH.lock``, released at exit.

    Parameters
    ----------
    path
        File of the store; ``:memory:`` is private and needs no lock.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> first, second = (WriterLock(f"{folder.name}/habitus.db") for _ in range(2))
    >>> first.acquire(), second.acquire()
    (True, False)
    >>> first.release()
    >>> second.acquire()
    True
    >>> second.release()
    >>> folder.cleanup()
    """

    def __init__(self, path: str) -> None:
        self._path = None if path == ":memory:" else Path(f"{Path(path).resolve()}.lock")
        self._file: int | None = None

    def acquire(self) -> bool:
        """Acquire the lock; return False if it is held, also within this process."""
        if self._path is None or self._file is not None:
            return True
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(f"cannot open {str(self._path)!r}: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Release the lock; the file stays, as removing it would allow two holders."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
