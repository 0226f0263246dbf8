"""What the register of configurations and the reader of a store ask of a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable


class Connection(Protocol):
    """One connection to the tables, safe to use from any thread, one at a time.

    Statements mark values by ``?``.

    Attributes
    ----------
    path
        Where it leads, fit to be shown.
    """

    path: str
    read_only: bool

    def rows(self, statement: str, values: Iterable[Any] = ()) -> list[Any]:
        """Give all rows of a query."""

    def row(self, statement: str, values: Iterable[Any] = ()) -> Any:
        """Give the first row of a query, None without any."""

    def run(self, statement: str, values: Iterable[Any] = ()) -> int:
        """Run one statement."""

    def transaction(self) -> Any:
        """Write everything inside or nothing."""

    def close(self) -> None:
        """Close it."""
