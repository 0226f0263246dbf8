"""How long a credential lives, as a category."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from models.event import Credential, Event

UNSTATED = "not stated"
"""Lifetime of a credential without a start and an end."""
ENDLESS = "without an end"


def lifetime_of(credential: Credential, event: Event) -> str:
    """Name the lifetime of the credential of an event."""
    begun, ends = credential.issued_at, credential.expires_at
    if begun is None and ends is None:
        return UNSTATED
    return lifetime(begun or event.time, ends)


def lifetime(issued: datetime, expires: datetime | None) -> str:
    """Name how long a credential lives, in powers of four.

    >>> from datetime import datetime, timedelta, UTC
    >>> at = datetime(2026, 1, 5, tzinfo=UTC)
    >>> lifetime(at, at + timedelta(hours=5)), lifetime(at, None)
    ('under 18 hours', 'without an end')
    """
    if expires is None:
        return ENDLESS
    seconds = int((expires - issued).total_seconds())
    return _lifetime_name(max(0, seconds).bit_length() // 2)


@lru_cache(maxsize=64)
def _lifetime_name(step: int) -> str:
    seconds = 4 ** (step + 1)
    if seconds < 60:
        return f"under {seconds} seconds"
    if seconds < 2 * 3_600:
        return f"under {seconds // 60} minutes"
    return f"under {seconds // 3_600} hours"
