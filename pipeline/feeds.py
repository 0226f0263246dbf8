"""Sources that should be live, and when the last event of each happened.

A source is ``live``, so that silence of all its agents is worth saying, or ``batch``: a recording
that ends. Only event time counts: old events that come in today do not make a source fresh.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args
from urllib.parse import parse_qsl, urlsplit

from msgspec.structs import replace

from models.errors import ConfigError
from pipeline.quoted import quoted
from pipeline.store.batch import FeedKind, LastEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.settings import Settings

HTTP = "http"
"""Name of the source of events that come in over HTTP."""

_FILE_QUERY = re.compile(r"\?(?P<query>(follow|feed)=[^?&=]*(&(follow|feed)=[^?&=]*)*)$")


def file_query(url: str) -> tuple[str, dict[str, str]]:
    """Give the URL of files without its parameters, and the parameters.

    Raises
    ------
    ConfigError
        A parameter has another value than it may have.

    Examples
    --------
    >>> file_query("file:events.jsonl?follow=1&feed=batch")
    ('file:events.jsonl', {'follow': '1', 'feed': 'batch'})
    >>> file_query("file:what?.jsonl")
    ('file:what?.jsonl', {})
    """
    found = _FILE_QUERY.search(url)
    if found is None:
        return url, {}
    query = dict(parse_qsl(found["query"], keep_blank_values=True))
    if query.get("follow", "0") not in ("0", "1"):
        raise ConfigError(f"follow must be 0 or 1, got {quoted(query['follow'])}")
    check_feed(query.get("feed"))
    return url[: found.start()], query


def check_feed(feed: str | None) -> None:
    """Raise `ConfigError` for what is no kind of source; None, where none is named, is fine."""
    if feed is not None and feed not in get_args(FeedKind):
        raise ConfigError(f"feed must be live or batch, got {quoted(feed)}")


def source_of(url: str, *, drain: bool = False) -> tuple[str, FeedKind]:
    """Give the name of a source, and whether it should be live.

    Parameters
    ----------
    url
        As of `pipeline.adapters.open_source`.
    drain
        Whether reading ends with what is there now: then nothing is expected to follow.

    Examples
    --------
    >>> source_of("kafka://127.0.0.1:9092/agent.actions?group=habitus")
    ('kafka:agent.actions', 'live')
    >>> source_of("file:events.jsonl?follow=1"), source_of("file:events.jsonl"), source_of("-")
    (('file', 'live'), ('file', 'batch'), ('stdin', 'batch'))
    >>> source_of("-?feed=live"), source_of("-?feed=live", drain=True)
    (('stdin', 'live'), ('stdin', 'batch'))
    """
    usual: FeedKind = "batch"
    if url.startswith("kafka:"):
        parts = urlsplit(url)
        name, usual = f"kafka:{parts.path.strip('/')}", "live"
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
    elif url.startswith("file:"):
        name, query = "file", file_query(url)[1]
        usual = "live" if query.get("follow") == "1" else "batch"
    else:
        name, query = "stdin", dict(parse_qsl(url.partition("?")[2], keep_blank_values=True))
    feed = query.get("feed", usual)
    check_feed(feed)
    return name, "live" if feed == "live" and not drain else "batch"


class Feeds:
    """The sources of one loop, and the newest event of each.

    Parameters
    ----------
    known
        What the store holds of them from before.
    kinds
        The sources that are configured, by name; others are forgotten.

    Attributes
    ----------
    last_events
        What is to be stored.

    Examples
    --------
    >>> known = {"http": LastEvent("live", 5, 6), "file": LastEvent("batch", 7, 8)}
    >>> feeds = Feeds(known, {"http": "live"})
    >>> feeds.note("http", 30, 20)  # ahead of its arrival: it keeps the source fresh till then
    >>> feeds.note("http", 3, 21)  # late: it makes nothing fresh
    >>> feeds.last_events
    {'http': LastEvent(kind='live', event_us=20, arrived_us=21)}
    """

    def __init__(self, known: Mapping[str, LastEvent], kinds: Mapping[str, FeedKind]) -> None:
        self._kinds = dict(kinds)
        self.last_events: dict[str, LastEvent] = {
            name: replace(known[name], kind=kind) if name in known else LastEvent(kind)
            for name, kind in kinds.items()
            # Who never posts has no live source there, and of a recording nothing is expected.
            if name in known or (kind == "live" and name != HTTP)
        }

    def note(self, name: str, event_us: int, now_us: int) -> None:
        """Note the newest event of a batch of a source; 0 where none of its records was one."""
        if not event_us or name not in self._kinds:
            return
        before = self.last_events.get(name)
        newest = min(event_us, now_us)
        if before is not None and before.event_us is not None:
            newest = max(newest, before.event_us)
        self.last_events[name] = LastEvent(self._kinds[name], newest, now_us)


def feeds_of(
    settings: Settings, known: Mapping[str, LastEvent], *, drain: bool = False, http: bool = True
) -> Feeds:
    """Give the sources that settings name.

    Parameters
    ----------
    http
        Whether events that come in over HTTP are judged as a source of their own.
    """
    name, kind = source_of(settings.source, drain=drain)
    kinds: dict[str, FeedKind] = {name: kind}
    if http:
        kinds[HTTP] = settings.http_feed
    return Feeds(known, kinds)
