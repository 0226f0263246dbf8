"""The path in a ``file:`` URL."""

from __future__ import annotations

from urllib.parse import urlsplit

from models.errors import ConfigError
from pipeline.text.quoted import masked, quoted


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
