"""Read and replace a settings file of a person: whole, with a copy of before, and only there.

Beside the file are a copy of before and a record of what was written, until the change is taken
back. With both, the file comes back to the letter, and what was made for it goes away again.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from models.errors import ConfigError

BEFORE = ".before-habitus"
"""What the name of the copy of before ends with."""
RECORD = ".connected-by-habitus"
"""What the name of the record ends with."""
_MOST_BYTES = 16 << 20
_BOM = b"\xef\xbb\xbf"


class Record(Struct, frozen=True):
    """What was written.

    Attributes
    ----------
    written
        SHA-256 of the file; empty where somebody else changed it since the copy.
    made
        How many folders were made for the file; None where the file was there before.
    """

    written: str = ""
    made: int | None = None


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

    @property
    def record_path(self) -> Path:
        """Where the record is."""
        return self.path.with_name(self.path.name + RECORD)

    def read(self) -> str:
        """Give the text; empty where there is no file."""
        return _text(_bytes(self.path), self.path)

    def read_copy(self) -> str:
        """Give the text of before the change; empty where none is kept."""
        return _text(_bytes(self.copy), self.copy)

    def record(self) -> Record | None:
        """Give the record; None where there is none."""
        try:
            return msgspec.json.decode(_bytes(self.record_path) or b"", type=Record)
        except msgspec.MsgspecError:
            return None

    def is_known(self) -> bool:
        """Return whether a record or a copy of before is kept."""
        return self.record() is not None or _bytes(self.copy) is not None

    def is_as_written(self) -> bool:
        """Return whether nobody has changed the file, and what was before is known."""
        record = self.record()
        if record is None or record.written != _digest(_bytes(self.path)):
            return False
        return record.made is not None or _bytes(self.copy) is not None

    def replace(self, expected: str, text: str, *, keep: bool) -> None:
        """Replace the file as a whole, with the rights that it had; a new one is the person's own.

        Parameters
        ----------
        expected
            Text that the file must have still.
        keep
            Whether it is connected by this for the first time, so that what was before is kept.

        Raises
        ------
        ConfigError
            Somebody changed the file meanwhile, or it cannot be written.
        """
        self._check(expected)
        made = self._made_folders()
        try:
            self._replace(text, made, keep=keep)
        except ConfigError:
            if keep:
                self.forget()
            self._remove_folders(made)
            raise

    def _replace(self, text: str, made: int, *, keep: bool) -> None:
        before, is_ours = _bytes(self.path), self.is_as_written()
        new = (_BOM if (before or b"").startswith(_BOM) else b"") + text.encode()
        record = self.record()
        if keep:
            self.forget()
            record = Record(made=made) if before is None else Record()
            if before is not None:
                _write(self.copy, before, like=self.path)
        if record is not None:
            written = _digest(new) if keep or is_ours else ""
            record = Record(written=written, made=record.made)
            _write(self.record_path, msgspec.json.encode(record), like=None)
        _write(self.path, new, like=self.path)  # last: a failure before it changes nothing

    def restore(self, expected: str) -> None:
        """Bring back what was before the change: the same bytes, or no file."""
        copy = _bytes(self.copy)
        if copy is None:
            self.remove(expected)
            return
        self._check(expected)
        _write(self.path, copy, like=self.path)
        self.forget()

    def remove(self, expected: str) -> None:
        """Remove a file that was made, and the folders that were made for it and are empty."""
        self._check(expected)
        record = self.record()
        self.path.unlink(missing_ok=True)
        self.forget()
        self._remove_folders((record.made or 0) if record else 0)

    def finish(self, expected: str, text: str) -> None:
        """Write a text that is not connected any more."""
        self._check(expected)
        bom = _BOM if (_bytes(self.path) or b"").startswith(_BOM) else b""
        _write(self.path, bom + text.encode(), like=self.path)
        self.forget()

    def forget(self) -> None:
        """Remove the copy and the record."""
        self.copy.unlink(missing_ok=True)
        self.record_path.unlink(missing_ok=True)

    def _check(self, expected: str) -> None:
        if self.read() != expected:
            raise ConfigError(f"{self.path} has changed meanwhile; nothing was written")

    def _remove_folders(self, made: int) -> None:
        """Remove the folders that were made for the file, up to one that is not empty."""
        with contextlib.suppress(OSError):
            for folder in [self.path.parent, *self.path.parent.parents][:made]:
                folder.rmdir()

    def _made_folders(self) -> int:
        """Make the folders of the file; give how many were missing."""
        folders = [self.path.parent, *self.path.parent.parents]
        missing = sum(not folder.exists() for folder in folders)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigError(
                f"{self.path.parent} cannot be made: {error.strerror}; nothing was written"
            ) from None
        return missing


def _followed(path: Path) -> Path:
    """Follow links, but not out of the home folder, or out of the folder of another file."""
    path = path.expanduser().absolute()
    found = path.resolve()
    within = Path.home() if path.is_relative_to(Path.home()) else path.parent
    if not found.is_relative_to(within.resolve()):
        raise ConfigError(f"{path} leads to {found}, outside of {within}; nothing was changed")
    return found


def _bytes(path: Path) -> bytes | None:
    """Give the content; None where there is no file, or a link instead of one."""
    if path.is_symlink():
        return None
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    if len(raw) > _MOST_BYTES:
        raise ConfigError(f"{path} has more than {_MOST_BYTES >> 20} MiB; nothing was changed")
    return raw


def _text(raw: bytes | None, path: Path) -> str:
    try:
        return (raw or b"").removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        line = (raw or b"").count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}, line {line}: expected text in UTF-8; nothing was changed"
        ) from None


def _digest(raw: bytes | None) -> str:
    return sha256(raw or b"").hexdigest()


def _write(path: Path, content: bytes, *, like: Path | None) -> None:
    """Write a new file in the place of another one, with the owner and rights of a file."""
    known = like.stat() if like is not None and like.exists() else None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    made = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
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
