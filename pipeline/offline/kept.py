"""How a fitted model is kept: a header in JSON that is checked before anything else is read."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from models.errors import ConfigError
from pipeline.files.named_output import write

FORMAT = 1
VERSION_DIGITS = 12
SUFFIX = ".model.json"


class Header(Struct, frozen=True):
    """What every kept model begins with.

    Attributes
    ----------
    format
        Layout of the file.
    kind, name
        What it is, and the word under which it is shown.
    features
        Names of the columns that it was fitted on, in their order.
    digest
        SHA-256 of the rest.
    """

    format: int
    kind: str
    name: str
    features: list[str]
    digest: str

    @property
    def version(self) -> str:
        """Twelve digits that change whenever the model does."""
        return self.digest[:VERSION_DIGITS]


class _File(Struct, frozen=True):
    header: Header
    body: msgspec.Raw


def keep(folder: Path | str, kind: str, name: str, features: list[str], body: Struct) -> Path:
    """Write a model into a folder, which is made if it is not there; give its file."""
    raw = msgspec.json.encode(body)
    header = Header(FORMAT, kind, name, features, digest_of(kind, name, features, raw))
    path = Path(folder) / f"{name}{SUFFIX}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, msgspec.json.encode(_File(header, msgspec.Raw(raw))))
    return path


def header_of(path: Path) -> Header:
    """Read the header of a model; `ConfigError` if there is none of this format."""
    return _read(path).header


def kept(path: Path, kind: str) -> tuple[Header, bytes]:
    """Read a model: its header and its body, whose digest holds.

    Raises
    ------
    ConfigError
        It is none, of another kind or format, or was changed since it was written.
    """
    file = _read(path)
    header, raw = file.header, bytes(file.body)
    if header.kind != kind:
        raise ConfigError(f"{path.name} holds a model of kind {header.kind!r}, expected {kind!r}")
    if header.digest != digest_of(header.kind, header.name, header.features, raw):
        raise ConfigError(f"{path.name} does not match its digest; fit it again")
    return header, raw


def _read(path: Path) -> _File:
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise ConfigError(f"cannot read the model {path.name}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path.name} is no fitted model: {error}") from error
    if file.header.format != FORMAT:
        raise ConfigError(
            f"{path.name} is of format {file.header.format}, this is {FORMAT}; fit it again"
        )
    return file


def digest_of(kind: str, name: str, features: list[str], body: bytes) -> str:
    """Give the SHA-256 of all that makes a model what it is."""
    return sha256(msgspec.json.encode([kind, name, features]) + body).hexdigest()
