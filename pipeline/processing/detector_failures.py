"""Log which detectors fail, once each: a detector may fail on every event."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.detectors.panel import Failure

_log = logging.getLogger(__name__)


class FailureLog:
    """Remembers the detectors whose failure is in the log."""

    def __init__(self) -> None:
        self._logged: set[str] = set()

    def add(self, failure: Failure) -> None:
        """Log the first failure of a detector."""
        if failure.detector not in self._logged:
            self._logged.add(failure.detector)
            detail = {name: value for name, value in failure._asdict().items() if value is not None}
            _log.warning("detector_failed", extra=detail)
