"""The registered detectors, by the word that names each in ``HABITUS_DETECTORS``.

A detector is a class and one line in `DETECTORS`, or one call of `register`. It raises cases as the
built-in detectors do. So measure it first, alone (`lab.detector_evaluation`) and in the product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.detectors.detector import Detector

DETECTORS: dict[str, Callable[[], Detector]] = {}
"""From the word in ``HABITUS_DETECTORS`` to what makes the detector."""


def register(name: str, make: Callable[[], Detector]) -> None:
    """Register a detector; one that is registered under this name is replaced.

    Raises
    ------
    ConfigError
        The name is empty, or has a colon or a comma.

    Examples
    --------
    >>> register("a,b", lambda: None)
    Traceback (most recent call last):
    models.errors.ConfigError: a detector's name must be a word without colon or comma, got 'a,b'
    """
    if not name or set(name) & set(":,") or name != name.strip():
        raise ConfigError(f"a detector's name must be a word without colon or comma, got {name!r}")
    DETECTORS[name] = make
