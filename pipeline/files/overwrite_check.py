"""Before work begins: whether what it writes has a place, and takes none of what it reads."""

from __future__ import annotations

import os
from errno import ENOENT, ENOTDIR
from pathlib import Path
from stat import S_ISREG
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.sources.files import find
from pipeline.text.quoted import LONGEST_PATH, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FORCE = "--force"
_NOWHERE = (ENOENT, ENOTDIR)


def refuse_to_overwrite(
    outputs: Iterable[tuple[str, str | None]],
    inputs: Iterable[str | Path | None],
    *,
    installed: Mapping[Path, str],
    force: bool,
) -> None:
    """Refuse files to write that cannot be written, are read as well, or would be lost.

    Parameters
    ----------
    outputs
        The option that names a file, and its path.
    inputs
        Paths, also patterns and folders. ``-`` and None are none, here and there.
    installed
        Files of the installation, with what each is: no output is one of them
        (`pipeline.files.installed_files`).
    force
        Whether files that are there may be replaced: results in a folder that is read, but no
        recording in it.

    Raises
    ------
    ConfigError
        One of the outputs is no place to write to.

    Examples
    --------
    >>> refuse_to_overwrite([("--out", "-")], ["*.jsonl"], installed={}, force=False)
    >>> refuse_to_overwrite([("--out", ".")], [], installed={}, force=True)
    Traceback (most recent call last):
    models.errors.ConfigError: --out '.' cannot be written: it is a folder, expected a file
    """
    named = (name for name in inputs if name not in ("-", None))
    read = {file for name in named for path in find(str(name)) for file in _names_of(path)}
    own = {name: what for path, what in installed.items() for name in _names_of(path)}
    for option, out in outputs:
        if out is None or out == "-":
            continue
        path, told = Path(out), f"{option} {quoted(out, LONGEST_PATH)}"
        names = _names_of(path)
        if what := next((own[name] for name in names if name in own), None):
            raise ConfigError(f"{told} is a file of this installation ({what}); write elsewhere")
        if not read.isdisjoint(names) and path.stat().st_size:
            raise ConfigError(f"{told} is read as well and would be lost; write to another file")
        if fault := file_fault(path):
            raise ConfigError(f"{told} cannot be written: {fault}")
        if path.is_file() and not force:
            raise ConfigError(f"{told} exists already; {FORCE} replaces it")


def _names_of(path: Path) -> list[Path | tuple[int, int]]:
    """Give what tells a file from others: where it is, and its device and number if it is there.

    Two hard links of a file are at two places.
    """
    place = path.resolve()
    try:
        there = place.stat()
    except OSError:
        return [place]
    return [place, (there.st_dev, there.st_ino)] if S_ISREG(there.st_mode) else [place]


def refuse_folder(option: str, folder: str | Path | None, replaced: str = "") -> None:
    """Refuse a folder to write files into that is none, and where none can be made.

    Parameters
    ----------
    replaced
        A pattern of files that must not be in it, as they could be replaced.

    Examples
    --------
    >>> refuse_folder("--png", ".", "*.png")
    >>> refuse_folder("--png", f"{__file__}/charts")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    models.errors.ConfigError: --png '...' cannot be written: ... is a file, expected a folder
    """
    if folder is None:
        return
    told = f"{option} {quoted(str(folder), LONGEST_PATH)}"
    if fault := _folder_fault(Path(folder)):
        raise ConfigError(f"{told} cannot be written: {fault}")
    there = next(Path(folder).glob(replaced), None) if replaced else None
    if there is not None:
        name = quoted(there.name, LONGEST_PATH)
        raise ConfigError(f"{told} holds {name} already; {FORCE} replaces what is there")


def file_fault(path: Path) -> str:
    """Say why nothing can be written to a path, nothing where it can be.

    A new file is tried in its folder, without a name: none is left by who is ended meanwhile.
    """
    try:
        if path.is_dir():
            return "it is a folder, expected a file"
        if path.exists():
            return "" if os.access(path, os.W_OK) else "permission denied"
        folder = path.resolve().parent  # where a link leads that leads nowhere yet
        TemporaryFile(dir=folder).close()
    except OSError as error:
        if error.errno in _NOWHERE and not path.parent.is_dir():
            return f"there is no folder {quoted(str(path.parent), LONGEST_PATH)}"
        return _said(error)
    return ""


def _folder_fault(path: Path) -> str:
    """Say why nothing can be written into a folder; what is missing of it would be made."""
    try:
        there = next(one for one in (path, *path.parents) if one.exists())
        if not there.is_dir():
            return f"{quoted(str(there), LONGEST_PATH)} is a file, expected a folder"
        TemporaryFile(dir=there).close()
    except OSError as error:
        return _said(error)
    return ""


def _said(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
