"""The detectors and fitted models that settings name, as objects."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from models.detectors.detector import Detector
from models.detectors.registry import DETECTORS
from models.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.detectors.fitted.peer_groups import PeerGroups
    from pipeline.settings import Settings


def registered_detectors(settings: Settings) -> tuple[list[Detector], PeerGroups | None]:
    """Make the registered and fitted detectors, and load the fitted peer groups, if any.

    Raises
    ------
    ConfigError
        A detector cannot be made, or a fitted model is invalid.
    """
    detectors = detectors_named(settings.detectors)
    if settings.offline_models is None:
        return detectors, None
    from pipeline.files.fitted_models import load_fitted  # importing scikit-learn takes a second

    groups, fitted = load_fitted(settings.offline_models)
    return [*detectors, *fitted], groups


def detectors_named(names: Sequence[str]) -> list[Detector]:
    """Make the detectors of these names: registered ones, or ``module:Class`` of an installed one.

    Raises
    ------
    ConfigError
        The name is unknown, or the object is not a detector.

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
        except Exception as error:  # foreign code
            raise ConfigError(f"detector {name!r} cannot be loaded: {_described(error)}") from error
    try:
        made = make() if callable(make) else None
    except Exception as error:  # foreign code
        raise ConfigError(f"detector {name!r} cannot be made: {_described(error)}") from error
    if not isinstance(made, Detector):
        raise ConfigError(
            f"{name!r} makes no detector, expected a models.detectors.detector.Detector"
        )
    return made


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
