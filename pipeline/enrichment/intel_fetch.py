"""Download IP lists: bounded, verified and atomic."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from models.errors import ConfigError, HabitusError
from pipeline.enrichment.intel import META, load_list
from pipeline.files.named_output import write
from pipeline.files.toml_file import read_toml
from pipeline.plain_http import is_safe

if TYPE_CHECKING:
    from pipeline.enrichment.intel import IntelList

SHIPPED = Path(__file__).parents[1] / "data" / "intel_sources.toml"
LARGEST = 64 << 20
_TIMEOUT_SECONDS = 30


class ListSource(Struct, frozen=True, forbid_unknown_fields=True):
    """Download address of one list."""

    name: str
    url: str
    licence: str
    sha256: str | None = None
    default: bool = True


def list_sources(path: Path = SHIPPED) -> list[ListSource]:
    """Read the table of published lists.

    >>> [source.name for source in list_sources()][:2]
    ['vpn_ipv4.txt', 'vpn_ipv6.txt']
    """
    try:
        table = read_toml(path)
        return msgspec.convert(table.get("source", []), list[ListSource])
    except (OSError, ValueError) as error:
        raise ConfigError(f"table of IP list sources {path} cannot be read: {error}") from error


def fetch(
    url: str, folder: Path, name: str, sha256: str | None = None, *, licence: str = "not stated"
) -> IntelList:
    """Download a list into a folder.

    Parameters
    ----------
    url
        ``https://…``; plain http is accepted only for loopback addresses.
    folder
        Folder of the lists; created if missing.
    name
        File name of the list, which contains its kind.
    sha256
        Expected digest of the content, in hex; None accepts any content.
    licence
        Licence stated by the publisher.

    Returns
    -------
    IntelList
        The loaded list. The file ``NAME.meta.json`` beside it holds source, version and licence.

    Raises
    ------
    HabitusError
        The download fails, is longer than 64 MiB, does not match `sha256`, or holds no list. An
        existing file stays unchanged.
    """
    if Path(name).name != name or name.startswith(".") or name.endswith(META):
        raise ConfigError(f"{name!r} is not a file name for a list")
    content = _download(url)
    digest = hashlib.sha256(content).hexdigest()
    if sha256 is not None and digest != sha256.lower():
        raise HabitusError(f"{url} has sha256 {digest}, expected {sha256.lower()}")
    folder.mkdir(parents=True, exist_ok=True)
    meta = {"source": url, "version": digest[:12], "sha256": digest, "licence": licence}
    return _keep(folder / name, content, msgspec.json.format(msgspec.json.encode(meta)))


def _keep(path: Path, content: bytes, meta: bytes) -> IntelList:
    # A separate folder on the same disk: the file keeps its name, which holds its kind, and a
    # rename is atomic.
    part = path.parent / f".fetch-{os.getpid()}"
    part.mkdir(exist_ok=True)
    try:
        new, new_meta = part / path.name, part / (path.name + META)
        write(new, content, shown=path)
        write(new_meta, meta + b"\n", shown=path.with_name(path.name + META))
        loaded = load_list(new)
        if not loaded.entries:
            raise HabitusError(f"the download for {path.name} holds no list entry")
        new.replace(path)
        new_meta.replace(path.with_name(path.name + META))
    finally:
        for left in part.iterdir():
            left.unlink()
        part.rmdir()
    return loaded


def _download(url: str) -> bytes:
    _check(url)
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310  # _check allows https, and http on loopback
            _check(answer.url)
            content: bytes = answer.read(LARGEST + 1)
    except (OSError, urllib.error.URLError) as error:
        raise HabitusError(f"cannot fetch {url}: {error}") from error
    if len(content) > LARGEST:
        raise HabitusError(f"{url} is longer than {LARGEST} bytes")
    return content


def _check(url: str) -> None:
    if not is_safe(url):
        raise ConfigError(f"expected https://…, got {url!r}")
