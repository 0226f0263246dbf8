"""Log which detectors fail, once each: a detector may fail on every event."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter

    from models.baseline.agent_state import AgentState
    from models.detectors.panel import Failure, Panel
    from models.event import Event
    from models.result import Result

_log = logging.getLogger(__name__)


class LoggedPanel:
    """A panel of detectors whose failures are counted, and logged once for each detector.

    Parameters
    ----------
    panel
        The detectors.
    """

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._logged: set[str] = set()

    def consider(
        self, event: Event, result: Result, agent_state: AgentState, count: Counter[str]
    ) -> None:
        """Add the opinions on an event to its reasons; count the failures."""
        for failure in self._panel.consider(event, result, agent_state):
            count["failed_detector_" + failure.detector] += 1
            self._log_first(failure)

    def dump(self) -> list[tuple[str, bytes]]:
        """Give the changed state of the detectors."""
        rows, failures = self._panel.dump()
        for failure in failures:
            self._log_first(failure)
        return rows

    def _log_first(self, failure: Failure) -> None:
        if failure.detector not in self._logged:
            self._logged.add(failure.detector)
            detail = {name: value for name, value in failure._asdict().items() if value is not None}
            _log.warning("detector_failed", extra=detail)
