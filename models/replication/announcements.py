"""Announcements of one engine to the others of its stream.

`models.replication.exchange` sends them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from models.learning.shared import Contribution


class Announcements(Protocol):
    """Collects announcements for the other engines."""

    def session_finished(self, blob: bytes) -> None:
        """Announce a finished session."""

    def agent_seen(self, agent_id: str, mode: str, hour: int) -> None:
        """Announce that an agent was active in an hour since 1970."""

    def snapshot(self, own: Contribution) -> list[Contribution]:
        """Announce what the engine adds to a snapshot; give what the others have added."""
