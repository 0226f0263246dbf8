"""The path and the parameters of a ``file:`` URL."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from models.errors import ConfigError
from pipeline.sources.feed import check_feed
from pipeline.text.quoted import masked, quoted

_FILE_QUERY = re.compile(r"\?(?P<query>(follow|feed)=[^?&=]*(&(follow|feed)=[^?&=]*)*)$")


def path_of(url: str) -> str:
    """Give the path of a ``file:`` URL; raise `ConfigError` if it has none.

    >>> path_of("file:out"), path_of("file:///var/log/events.jsonl")
    ('out', '/var/log/events.jsonl')
    """
    path = url.partition(":")[2]
    if path.startswith("//"):
        if urlsplit(url).netloc not in ("", "localhost"):
            raise ConfigError(f"files of another host cannot be read: {quoted(masked(url))}")
        path = "/" + path[2:].partition("/")[2]
    if not path:
        raise ConfigError(f"no path in {quoted(url)}, expected file:PATH")
    return path


def file_query(url: str) -> tuple[str, dict[str, str]]:
    """Split a file URL into the URL without parameters, and the parameters.

    Raises
    ------
    ConfigError
        A parameter has an invalid value.

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
