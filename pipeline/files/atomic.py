"""Replace a file as a whole: a reader sees the old or the new content, also after a crash."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

_NEW_MODE = 0o600


def replace_file(
    path: Path, content: bytes, new_mode: int = _NEW_MODE, kept_mode: int = 0o777
) -> None:
    """Replace a file, and keep its owner and permissions.

    Parameters
    ----------
    path
        A link stays, and its target is replaced.
    new_mode
        Permissions of a file that did not exist.
    kept_mode
        Permissions that an existing file may keep.

    Raises
    ------
    OSError
        The file cannot be written; the old content stays.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     replace_file(Path(folder, "a"), b"1")
    ...     replace_file(Path(folder, "a"), b"2")
    ...     Path(folder, "a").read_bytes(), len(os.listdir(folder))
    (b'2', 1)
    """
    path = path.resolve()
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, new_mode)
            if path.exists():
                before = path.stat()
                if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(descriptor, before.st_uid, before.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(before.st_mode) & kept_mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
