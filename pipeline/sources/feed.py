"""Whether a source is live or a batch."""

from __future__ import annotations

from typing import get_args

from models.errors import ConfigError
from pipeline.store.batch import FeedKind
from pipeline.text.quoted import quoted


def check_feed(feed: str | None) -> None:
    """Raise `ConfigError` for an unknown kind of source; None is accepted."""
    if feed is not None and feed not in get_args(FeedKind):
        raise ConfigError(f"feed must be live or batch, got {quoted(feed)}")
