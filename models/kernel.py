"""The compiled kernel, where it is installed; without it `models/` itself does the work.

Both give the same numbers, bit for bit: what is written here in Python is the reference, and what
a machine without the compiled package runs.
"""

from __future__ import annotations

import importlib
from typing import Any

from models.errors import ConfigError

KERNELS = ("auto", "native", "python")


def native_kernel(choice: str) -> Any | None:
    """Give the compiled kernel under a choice, None where the Python one is to be used.

    Parameters
    ----------
    choice
        ``auto``: compiled where installed; ``native``: compiled or an error; ``python``: never.

    Raises
    ------
    ConfigError
        An unknown choice, or ``native`` where it is not installed.

    Examples
    --------
    >>> native_kernel("python") is None
    True
    """
    if choice not in KERNELS:
        raise ConfigError(f"kernel is {choice!r}, expected one of {', '.join(KERNELS)}")
    if choice == "python":
        return None
    try:
        return importlib.import_module("habitus_native")
    except ImportError as error:
        if choice == "native":
            raise ConfigError("kernel is 'native', but habitus-native is not installed") from error
        return None
