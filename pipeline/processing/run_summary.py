"""Summary of a run: events, rejected records and anomalies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline.publishing.rejected import FirstRejected, rejected_by

if TYPE_CHECKING:
    from collections import Counter

_READ = {"duplicate_id"}  # rejection reasons of readable records


class RunSummary(Struct, frozen=True):
    """Summary of a run.

    >>> RunSummary(0, {"bad_value": 2}, 0).unreadable
    True
    >>> RunSummary(0, {"bad_value": 2, "duplicate_id": 1}, 0).unreadable
    False
    """

    events: int
    rejected_by: dict[str, int]
    anomalies: int
    first_rejected: FirstRejected | None = None

    @property
    def rejected(self) -> int:
        """Number of rejected records."""
        return sum(self.rejected_by.values())

    @property
    def unreadable(self) -> bool:
        """Whether there was input, and no record could be read."""
        return not self.events and bool(self.rejected) and not _READ & self.rejected_by.keys()


def summary_of(counters: Counter[str], first: FirstRejected | None) -> RunSummary:
    """Summarise the counters."""
    anomalies = sum(n for name, n in counters.items() if name.startswith("anomalies_"))
    return RunSummary(counters["events"], rejected_by(counters), anomalies, first)
