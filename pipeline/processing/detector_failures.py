"""Log which detectors fail, once each: a detector may fail on every event."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter

    from models.detectors.panel import Panel

_log = logging.getLogger(__name__)


class DetectorFailures:
    """Counts the failures of registered detectors, and logs one of each detector.

    Parameters
    ----------
    panel
        The detectors.
    """

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._logged: set[str] = set()

    def note(self, count: Counter[str] | None = None) -> None:
        """Count the failures since the last call, and log a detector that fails for the first time.

        Parameters
        ----------
        count
            Counters of the batch; None for failures outside of one.
        """
        for failure in self._panel.take_failures():
            if count is not None:
                count["failed_detector_" + failure.detector] += 1
            if failure.detector in self._logged:
                continue
            self._logged.add(failure.detector)
            detail = {name: value for name, value in failure._asdict().items() if value is not None}
            _log.warning("detector_failed", extra=detail)
