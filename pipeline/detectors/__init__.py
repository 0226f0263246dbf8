"""Second opinions: detectors of one's own, and models fitted on history, beside the product's.

A detector is a class and one line in `DETECTORS`, or one call of `register`. What it says joins the
reasons of an event that is worth a look; it moves no p-value, alert or trust, and what is learned
does not depend on it. Measure it first (`lab.detector_evaluation`): a detector that raises
detection at the budget belongs into the model, with a calibration of its own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.detectors.detector import Act, Detector
from pipeline.detectors.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["DETECTORS", "Act", "Detector", "Panel", "detectors_named", "register"]

DETECTORS: dict[str, Callable[[], Detector]] = {}
"""From the word in ``HABITUS_DETECTORS`` to what makes the detector."""


def register(name: str, make: Callable[[], Detector]) -> None:
    """Put a detector on offer; a name that is taken is given to the new one.

    Raises
    ------
    ConfigError
        The name is empty, or has a colon or a comma.
    """
    if not name or set(name) & set(":,") or name != name.strip():
        raise ConfigError(f"a detector's name must be a word without colon or comma, got {name!r}")
    DETECTORS[name] = make


def detectors_named(names: Sequence[str]) -> list[Detector]:
    """Make the detectors of these names: registered ones, or ``module:Class`` of an installed one.

    Raises
    ------
    ConfigError
        There is none of such a name, or what is there is no detector.

    Examples
    --------
    >>> detectors_named(["frst_pair"])
    Traceback (most recent call last):
    models.errors.ConfigError: no detector 'frst_pair', expected module:Class, or a registered one \
(there is none)
    """
    return [_made(name) for name in names]


def _made(name: str) -> Detector:
    make = DETECTORS.get(name)
    if make is None:
        module, colon, attribute = name.partition(":")
        if not colon:
            known = ", ".join(sorted(DETECTORS)) or "there is none"
            raise ConfigError(
                f"no detector {name!r}, expected module:Class, or a registered one ({known})"
            )
        try:
            make = getattr(import_module(module), attribute)
        except Exception as error:  # it is not our code
            raise ConfigError(f"detector {name!r} cannot be loaded: {_told(error)}") from error
    try:
        made = make() if callable(make) else None
    except Exception as error:  # it is not our code
        raise ConfigError(f"detector {name!r} cannot be made: {_told(error)}") from error
    if not isinstance(made, Detector):
        raise ConfigError(f"{name!r} makes no detector, expected a pipeline.detectors.Detector")
    return made


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
