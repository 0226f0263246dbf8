"""TOML files written with any editor."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def read_toml(path: Path) -> dict[str, Any]:
    """Read a file, with or without a byte order mark.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The file is not TOML; the message has line and column, and no content except a key.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "habitus.toml")
    ...     _ = file.write_text("batch_size = 500", encoding="utf-8-sig")
    ...     read_toml(file)
    {'batch_size': 500}
    """
    return tomllib.loads(path.read_text(encoding="utf-8-sig"))
