"""Parameters that the model no longer has: they are ignored, and one warning names them."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

from models.config import RETIRED

if TYPE_CHECKING:
    from collections.abc import Iterable

_log = logging.getLogger(__name__)


def retired_among(names: Iterable[str]) -> tuple[str, ...]:
    """Give the names that are those of retired parameters, in order.

    >>> retired_among(["idle_minutes", "gate", "daily_cap"])
    ('daily_cap', 'gate')
    """
    return tuple(sorted(RETIRED.intersection(names)))


@cache
def warn_of_retired(where: str, names: tuple[str, ...]) -> None:
    """Warn once that a file, variable or promotion names retired parameters; none is no warning."""
    if names:
        _log.warning(
            "%s: ignored, as this version has no such parameter: %s", where, ", ".join(names)
        )
