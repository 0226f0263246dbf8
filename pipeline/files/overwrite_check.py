"""Check output files before work begins: they must be writable and must not replace inputs."""

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
    """Refuse outputs that cannot be written, are also inputs, or would replace a file.

    Parameters
    ----------
    outputs
        Option name and path of each output.
    inputs
        Paths, patterns and folders. In both lists ``-`` and None are ignored.
    installed
        Files of the installation with their descriptions, which outputs must not replace
        (`pipeline.files.installed_files`).
    force
        Whether existing files may be replaced. Results in an input folder may be, but recordings
        may not.

    Raises
    ------
    ConfigError
        An output is refused.

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
        path, shown = Path(out), f"{option} {quoted(out, LONGEST_PATH)}"
        names = _names_of(path)
        if what := next((own[name] for name in names if name in own), None):
            raise ConfigError(f"{shown} is a file of this installation ({what}); write elsewhere")
        if not read.isdisjoint(names) and path.stat().st_size:
            raise ConfigError(f"{shown} is also an input and would be lost; write to another file")
        if fault := file_fault(path):
            raise ConfigError(f"{shown} cannot be written: {fault}")
        if path.is_file() and not force:
            raise ConfigError(f"{shown} already exists; {FORCE} replaces it")


def _names_of(path: Path) -> list[Path | tuple[int, int]]:
    """Give the identities of a file: its path, and device and inode if it exists.

    Two hard links of a file have different paths.
    """
    place = path.resolve()
    try:
        there = place.stat()
    except OSError:
        return [place]
    return [place, (there.st_dev, there.st_ino)] if S_ISREG(there.st_mode) else [place]


def refuse_folder(option: str, folder: str | Path | None, replaced: str = "") -> None:
    """Refuse an output folder that is no folder, or cannot be created.

    Parameters
    ----------
    replaced
        Pattern of files that must not exist in the folder.

    Examples
    --------
    >>> refuse_folder("--png", ".", "*.png")
    >>> refuse_folder("--png", f"{__file__}/charts")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    models.errors.ConfigError: --png '...' cannot be written: ... is a file, expected a folder
    """
    if folder is None:
        return
    shown = f"{option} {quoted(str(folder), LONGEST_PATH)}"
    if fault := _folder_fault(Path(folder)):
        raise ConfigError(f"{shown} cannot be written: {fault}")
    there = next(Path(folder).glob(replaced), None) if replaced else None
    if there is not None:
        name = quoted(there.name, LONGEST_PATH)
        raise ConfigError(f"{shown} already contains {name}; {FORCE} replaces existing files")


def file_fault(path: Path) -> str:
    """Give the reason why a path cannot be written; empty if it can.

    For a new file, an unnamed file is created in the folder, which leaves nothing behind after a
    kill.
    """
    try:
        if path.is_dir():
            return "it is a folder, expected a file"
        if path.exists():
            return "" if os.access(path, os.W_OK) else "permission denied"
        folder = path.resolve().parent  # target folder of a dangling link
        TemporaryFile(dir=folder).close()
    except OSError as error:
        if error.errno in _NOWHERE and not path.parent.is_dir():
            return f"there is no folder {quoted(str(path.parent), LONGEST_PATH)}"
        return _reason(error)
    return ""


def _folder_fault(path: Path) -> str:
    """Give the reason why a folder cannot be written; missing folders would be created."""
    try:
        there = next(one for one in (path, *path.parents) if one.exists())
        if not there.is_dir():
            return f"{quoted(str(there), LONGEST_PATH)} is a file, expected a folder"
        TemporaryFile(dir=there).close()
    except OSError as error:
        return _reason(error)
    return ""


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
