"""What a payload of another format holds, for the answer to who sends it."""

from __future__ import annotations

from msgspec import Struct

SHOWN = 3
"""Most faults of one payload that an answer names."""


class Examined(Struct, frozen=True):
    """Result of reading a payload before it is stored.

    Attributes
    ----------
    records
        Number of its records.
    faults
        Of each record that cannot be used: its index, and what was expected; never a value.
    signals
        Kinds of telemetry that it holds; empty for formats with one kind.

    Examples
    --------
    >>> Examined(5, ["1: no id", "3: no id", "4: no id"]).detail
    '1: no id; 3: no id; 4: no id'
    """

    records: int
    faults: list[str]
    signals: frozenset[str] = frozenset()

    @property
    def rejected(self) -> int:
        """Number of records that cannot be used."""
        return len(self.faults)

    @property
    def detail(self) -> str:
        """What is wrong with the first of these."""
        return "; ".join(self.faults[:SHOWN])
