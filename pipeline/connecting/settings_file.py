"""Read and replace a settings file of a person: whole, with a copy of before, and only there."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from models.errors import ConfigError

BEFORE = ".before-habitus"
"""What the name of the copy of before ends with."""
_MOST_BYTES = 16 << 20


class SettingsFile:
    """A settings file.

    A link is followed only within the home folder of the person, or within the folder of the file.

    Raises
    ------
    ConfigError
        The path leads elsewhere, or to something that is no file.
    """

    def __init__(self, path: Path) -> None:
        self.path = _followed(path)
        if self.path.exists() and not self.path.is_file():
            raise ConfigError(f"{path} is no file; nothing was changed")

    @property
    def copy(self) -> Path:
        """Where the content of before the change is kept."""
        return self.path.with_name(self.path.name + BEFORE)

    def read(self) -> str:
        """Give the text; empty where there is no file."""
        return _read(self.path)

    def read_copy(self) -> str:
        """Give the text of before the change; empty where none is kept."""
        return "" if self.copy.is_symlink() else _read(self.copy)

    def replace(self, expected: str, text: str, *, keep: bool) -> None:
        """Replace the file as a whole, with the rights that it had; a new one is the person's own.

        Parameters
        ----------
        expected
            Text that the file must have still.
        keep
            Whether the text of before is kept in a copy.

        Raises
        ------
        ConfigError
            Somebody changed the file meanwhile.
        """
        folder = self.path.parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.read() != expected:
            raise ConfigError(f"{self.path} has changed meanwhile; nothing was written")
        if keep and self.path.exists():
            _write(self.copy, expected, like=self.path)
        _write(self.path, text, like=self.path)


def _followed(path: Path) -> Path:
    """Follow links, but not out of the home folder, or out of the folder of another file."""
    path = path.expanduser().absolute()
    found = path.resolve()
    within = Path.home() if path.is_relative_to(Path.home()) else path.parent
    if not found.is_relative_to(within.resolve()):
        raise ConfigError(f"{path} leads to {found}, outside of {within}; nothing was changed")
    return found


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    if len(raw) > _MOST_BYTES:
        raise ConfigError(f"{path} has more than {_MOST_BYTES >> 20} MiB; nothing was changed")
    try:
        return raw.decode("utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is no text in UTF-8; nothing was changed") from None


def _write(path: Path, text: str, *, like: Path) -> None:
    """Write a new file in the place of another one, with the owner and rights of a file."""
    known = like.stat() if like.exists() else None
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    made = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        if known is not None:
            made.chmod(stat.S_IMODE(known.st_mode))
            if (known.st_uid, known.st_gid) != (made.stat().st_uid, made.stat().st_gid):
                os.chown(made, known.st_uid, known.st_gid)
        made.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        made.unlink(missing_ok=True)
