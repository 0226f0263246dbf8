"""Live sources, and the time of the last event of each.

A source is ``live`` or ``batch``. If all agents of a live source are silent, that is reported; a
batch source is a recording that ends. Only event time counts: old events that arrive today do not
make a source fresh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from pipeline.sources import source_of
from pipeline.store.batch import LastEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.settings import Settings
    from pipeline.store.batch import FeedKind, PipelineStatus

HTTP = "http"
"""Name of the source of events received over HTTP."""


class Feeds:
    """The sources of one loop, and the newest event of each.

    Parameters
    ----------
    known
        Sources that the store knows from earlier runs.
    kinds
        Configured sources by name. The first event of one of them removes all other live sources;
        until then they are kept.
    http_alone
        Whether HTTP is the only source of events: then it is live before its first event.
    newest_us
        Time of the newest event in the store.

    Attributes
    ----------
    last_events, newest_us
        Values to store.

    Examples
    --------
    >>> known = {"http": LastEvent("live", 5, 6), "file": LastEvent("batch", 7, 8)}
    >>> feeds = Feeds(known, {"http": "live"})
    >>> feeds.note("http", 30, 20)  # ahead of its arrival: capped at the arrival time
    >>> feeds.note("http", 3, 21)  # late: the source does not become fresh
    >>> feeds.last_events
    {'http': LastEvent(kind='live', event_us=20, arrived_us=21)}
    """

    def __init__(
        self,
        known: Mapping[str, LastEvent],
        kinds: Mapping[str, FeedKind],
        *,
        http_alone: bool = False,
        newest_us: int | None = None,
    ) -> None:
        self.newest_us = newest_us
        self._kinds = dict(kinds)
        stored = {name: one for name, one in known.items() if one.event_us is not None}
        self._before = {
            name: one for name, one in stored.items() if one.kind == "live" and name not in kinds
        }
        self.last_events: dict[str, LastEvent] = self._before | {
            name: replace(stored[name], kind=kind) if name in stored else LastEvent(kind)
            for name, kind in kinds.items()
            # HTTP without posts is not a live source, and a recording is never live.
            if name in stored or (kind == "live" and (name != HTTP or http_alone))
        }

    def note(self, name: str, event_us: int, now_us: int) -> None:
        """Note the newest event of a batch of a source; 0 if the batch has no event."""
        if not event_us or name not in self._kinds:
            return
        before = self.last_events.get(name)
        newest = min(event_us, now_us)
        self.newest_us = max(self.newest_us or 0, newest)
        if before is not None and before.event_us is not None:
            newest = max(newest, before.event_us)
        self.last_events[name] = LastEvent(self._kinds[name], newest, now_us)
        for replaced in self._before:
            del self.last_events[replaced]
        self._before = {}


def feeds_of(
    settings: Settings,
    stored_status: PipelineStatus,
    *,
    drain: bool = False,
    http: bool = True,
    reads: bool = True,
) -> Feeds:
    """Give the sources of the settings.

    Parameters
    ----------
    stored_status
        Status of the pipeline from the store.
    http
        Whether events received over HTTP are a source of their own.
    reads
        Whether the configured source is read. If it is neither read nor live, HTTP is the only
        source.
    """
    kinds: dict[str, FeedKind] = {}
    if settings.source:
        name, kind = source_of(settings.source, drain=drain)
        kinds[name] = kind
    http_alone = not reads and "live" not in kinds.values()
    if http:
        kinds[HTTP] = settings.http_feed
    return Feeds(
        stored_status.last_events, kinds, http_alone=http_alone, newest_us=stored_status.newest_us
    )
