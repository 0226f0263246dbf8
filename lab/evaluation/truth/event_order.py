"""Whether a recording is in order of event time."""

from __future__ import annotations

from models.errors import ConfigError
from models.units import HOUR_US

_LATE_US, _MAX_LATE = HOUR_US, 0.05


class EventOrder:
    """Counts events that follow a much later one."""

    def __init__(self) -> None:
        self._events = self._late = self._newest_us = 0

    def note(self, time_us: int) -> None:
        """Count an event."""
        self._events += 1
        self._newest_us = max(self._newest_us, time_us)
        self._late += self._newest_us - time_us > _LATE_US

    def refuse(self) -> None:
        """Raise a `ConfigError` if too many events were late."""
        if self._late > _MAX_LATE * self._events:
            raise ConfigError(
                f"the recording must be in order of event time: {self._late} of {self._events} "
                "events follow one that is an hour or more later"
            )
