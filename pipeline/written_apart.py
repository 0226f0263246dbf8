"""Before work begins: whether what it writes has a place, and takes none of what it reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.adapters.files import find

if TYPE_CHECKING:
    from collections.abc import Iterable


def refuse_to_overwrite(outputs: Iterable[str | None], inputs: Iterable[str | None]) -> None:
    """Refuse files to write that are read as well, are folders, or have no folder.

    Parameters
    ----------
    outputs, inputs
        Paths, inputs also patterns and folders; ``-`` and None are none.

    Raises
    ------
    ConfigError
        One of the outputs is no place to write to.

    Examples
    --------
    >>> refuse_to_overwrite(["-", None], ["*.jsonl"])
    >>> refuse_to_overwrite(["."], [])
    Traceback (most recent call last):
    models.errors.ConfigError: '.' is a folder, expected a file to write
    """
    named = (name for name in inputs if name not in ("-", None))
    read = {path.resolve() for name in named for path in find(str(name))}
    for out in outputs:
        if out is None or out == "-":
            continue
        path = Path(out).resolve()
        if path.is_dir():
            raise ConfigError(f"{out!r} is a folder, expected a file to write")
        if not path.parent.is_dir():
            raise ConfigError(f"no folder to write {out!r} to")
        if path in read:
            raise ConfigError(f"{out!r} is read as well and would be lost; write to another file")
