"""What an engine tells others of, where it is one of several: `models.exchange` passes it on."""

from __future__ import annotations

from typing import Protocol


class Telling(Protocol):
    """Takes note of what the others must know."""

    def finished(self, blob: bytes) -> None:
        """Tell of a finished session."""

    def pooled(self, role: str, score: float) -> None:
        """Tell of the highest score of a finished session."""

    def publishing(self) -> None:
        """Tell what goes into a snapshot now, and let what others told go into it as well."""
