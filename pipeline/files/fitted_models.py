"""Files of fitted models: a header in JSON, which is checked before anything else is read.

A folder of them is named by ``HABITUS_OFFLINE_MODELS``. Nothing in a file can run code.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from models.detectors.fitted.isolation_forest import FittedForest
from models.detectors.fitted.peer_groups import PeerGroups
from models.errors import ConfigError
from pipeline.files.named_output import write
from pipeline.text.quoted import LONGEST_PATH, quoted

if TYPE_CHECKING:
    from models.detectors.fitted.fitted_detector import FittedDetector

FORMAT = 1
SUFFIX = ".model.json"
MAX_BYTES = 64 * 2**20
_KINDS: dict[str, type[PeerGroups | FittedDetector]] = {
    kind.KIND: kind for kind in (PeerGroups, FittedForest)
}


class _Header(Struct, frozen=True):
    """First bytes of every file.

    Attributes
    ----------
    format
        Layout of the file.
    kind, name
        Kind of the model, and its displayed name.
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


class _File(Struct, frozen=True):
    header: _Header
    body: msgspec.Raw


def save_fitted(model: PeerGroups | FittedDetector, folder: Path | str) -> Path:
    """Write a model into a folder, which is made if it is not there; give its file."""
    raw, columns = model.to_bytes(), list(model.columns)
    digest = _digest_of(model.KIND, model.name, columns, raw)
    header = _Header(FORMAT, model.KIND, model.name, columns, digest)
    path = Path(folder) / f"{model.name}{SUFFIX}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, msgspec.json.encode(_File(header, msgspec.Raw(raw))))
    return path


def load_fitted(folder: Path | str) -> tuple[PeerGroups | None, list[FittedDetector]]:
    """Load every model of a folder.

    Raises
    ------
    ConfigError
        A model is damaged, of another version or shape, or there are two tables of peer groups, or
        there is no model.
    """
    models = [_load(path) for path in sorted(Path(folder).glob(f"*{SUFFIX}"))]
    if not models:
        raise ConfigError(
            f"no model in {quoted(str(folder), LONGEST_PATH)}, expected files *{SUFFIX}; leave "
            "HABITUS_OFFLINE_MODELS empty to have none"
        )
    groups = [model for model in models if isinstance(model, PeerGroups)]
    if len(groups) > 1:
        raise ConfigError(
            f"{len(groups)} tables of peer groups in {str(folder)!r}, expected one at most"
        )
    detectors = [model for model in models if not isinstance(model, PeerGroups)]
    return (groups[0] if groups else None), detectors


def _load(path: Path) -> PeerGroups | FittedDetector:
    file = _read(path)
    header, raw = file.header, bytes(file.body)
    if header.kind not in _KINDS:
        raise ConfigError(
            f"{path.name} holds a model of kind {header.kind!r}, expected {' or '.join(_KINDS)}; "
            "fit it again"
        )
    if header.digest != _digest_of(header.kind, header.name, header.features, raw):
        raise ConfigError(f"{path.name} does not match its digest; fit it again")
    try:
        return _KINDS[header.kind].from_bytes(header.name, header.features, raw)
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}") from error


def _read(path: Path) -> _File:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ConfigError(
                f"the model {path.name} has {size} bytes, expected {MAX_BYTES} at most"
            )
        file = msgspec.json.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise ConfigError(f"cannot read the model {path.name}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path.name} is no fitted model: {error}; fit it again") from error
    if file.header.format != FORMAT:
        raise ConfigError(
            f"{path.name} is of format {file.header.format}, this is {FORMAT}; fit it again"
        )
    return file


def _digest_of(kind: str, name: str, columns: list[str], body: bytes) -> str:
    return sha256(msgspec.json.encode([kind, name, columns]) + body).hexdigest()
