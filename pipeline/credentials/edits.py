"""Edits of the credential file: atomic, one writer at a time, validated before writing."""

from __future__ import annotations

import contextlib
import difflib
import fcntl
import os
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import tomlkit

from models.errors import ConfigError
from pipeline.credentials.entries import (
    FILE,
    CredentialEntry,
    decode_entries,
    is_toml,
    parse_credentials,
    read_bytes,
)
from pipeline.files.atomic import replace_file
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_WAIT_S = 5.0
_PAUSE_S = 0.05
_KEPT_MODE = 0o644  # only the owner may write


class _Json:
    """The file as JSON: a list of objects."""

    def __init__(self, raw: bytes) -> None:
        self._entries: list[dict[str, Any]] = msgspec.json.decode(raw) if raw.strip() else []

    def add(self, entry: CredentialEntry) -> None:
        self._entries.append(msgspec.to_builtins(entry))

    def revoke(self, key_id: str, at: datetime) -> None:
        next(one for one in self._entries if one["id"] == key_id)["revoked"] = at

    def dump(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self._entries), indent=2) + b"\n"


class _Toml:
    """The file as TOML; keeps comments and order."""

    def __init__(self, raw: bytes) -> None:
        text = raw.decode("utf-8-sig").rstrip()
        self._document = tomlkit.parse(f"{text}\n\n" if text else "")

    def add(self, entry: CredentialEntry) -> None:
        table = tomlkit.table()
        for name, value in msgspec.to_builtins(entry, builtin_types=(datetime,)).items():
            table[name] = list(value) if isinstance(value, tuple) else value
        if "key" not in self._document:
            self._document["key"] = tomlkit.aot()
        tables: Any = self._document["key"]
        tables.append(table)

    def revoke(self, key_id: str, at: datetime) -> None:
        tables: Any = self._document["key"]
        next(one for one in tables if one["id"] == key_id)["revoked"] = at

    def dump(self) -> bytes:
        return tomlkit.dumps(self._document).encode()


def add_entry(path: Path, entry: CredentialEntry) -> None:
    """Add an entry; create the file if it is missing.

    Raises
    ------
    ConfigError
        The id exists, or the file cannot be read or written, or is invalid.
    """
    with _locked(path):
        raw = read_bytes(path) if path.exists() else b""
        if any(one.id == entry.id for one in entries_of(path, raw)):
            raise ConfigError(f"{FILE} already has a credential {quoted(entry.id)}")
        _edit(path, raw, lambda document: document.add(entry))


def revoke_entry(path: Path, key_id: str, at: datetime) -> bool:
    """Revoke an entry from `at` on; it stays in the file, so that later use can be logged.

    Returns
    -------
    bool
        False if it was already revoked.

    Raises
    ------
    ConfigError
        There is no such entry, or the file cannot be read or written, or is invalid.
    """
    with _locked(path):
        raw = read_bytes(path)
        entry = _found(entries_of(path, raw), key_id)
        if entry.revoked is not None and entry.revoked <= at:
            return False
        _edit(path, raw, lambda document: document.revoke(key_id, at))
    return True


def entries_of(path: Path, raw: bytes) -> list[CredentialEntry]:
    """Parse the entries of the file; none for an empty file; raise `ConfigError`."""
    return decode_entries(raw, toml=is_toml(path)) if raw.strip() else []


def _found(entries: list[CredentialEntry], key_id: str) -> CredentialEntry:
    for entry in entries:
        if entry.id == key_id:
            return entry
    near = difflib.get_close_matches(key_id, [entry.id for entry in entries], n=1)
    meant = f", did you mean {quoted(near[0])}?" if near else ""
    raise ConfigError(f"{FILE} has no credential {quoted(key_id)}{meant}")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Exclude other writers; the folder is locked, because the file is replaced."""
    try:
        folder = os.open(path.resolve().parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _unwritable(error) from None
    try:
        end = time.monotonic() + _WAIT_S
        while True:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise ConfigError(
                        f"{FILE} is being edited by another process for more than {_WAIT_S:.0f} s"
                    ) from None
                time.sleep(_PAUSE_S)
        yield
    finally:
        os.close(folder)  # releases the lock


def _edit(path: Path, raw: bytes, change: Callable[[_Json | _Toml], None]) -> None:
    toml = is_toml(path)
    document = _Toml(raw) if toml else _Json(raw)
    change(document)
    content = document.dump()
    parse_credentials(content, toml=toml)  # never write a file that a start would refuse
    try:
        replace_file(path, content, kept_mode=_KEPT_MODE)
    except OSError as error:
        raise _unwritable(error) from None


def _unwritable(error: OSError) -> ConfigError:
    return ConfigError(f"{FILE} cannot be written: {(error.strerror or str(error)).lower()}")
