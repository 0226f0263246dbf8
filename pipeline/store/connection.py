"""Interface of a connection for the configuration register and the store reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable


class Connection(Protocol):
    """One thread-safe connection to the tables; calls run one at a time.

    Placeholders in statements are ``?``.

    Attributes
    ----------
    path
        Address of the store without secrets, for display.
    """

    path: str
    read_only: bool

    def rows(self, statement: str, values: Iterable[Any] = ()) -> list[Any]:
        """Give all rows of a query."""

    def row(self, statement: str, values: Iterable[Any] = ()) -> Any:
        """Give the first row of a query, or None."""

    def run(self, statement: str, values: Iterable[Any] = ()) -> int:
        """Run one statement."""

    def transaction(self) -> Any:
        """Make all writes inside atomic."""

    def close(self) -> None:
        """Close it."""
