"""Files, standard input and web addresses to import, each of bounded size and time."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from models.errors import ConfigError, HabitusError
from pipeline.files.regular_file import read_regular
from pipeline.inventory.importing.documents import Document
from pipeline.plain_http import is_safe
from pipeline.text.quoted import LONGEST_PATH, masked, quoted

LARGEST_FILE: Final = 256 << 20
LARGEST_ANSWER: Final = 8 << 20
TIMEOUT_S: Final = 10.0
"""Seconds for one answer as a whole."""
_OK = 200
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


def document(place: str, url_path: str = "") -> Document:
    """Read a file, standard input (``-``) or a web address.

    Parameters
    ----------
    url_path
        Path of an address that has none.

    Raises
    ------
    ConfigError
        The file cannot be read or is too large, or the address is not allowed.
    HabitusError
        The address gives no usable answer.
    """
    if place == "-":
        return Document("standard input", _bounded(sys.stdin.buffer.read(LARGEST_FILE + 1)))
    if "://" in place:
        url = _checked(place, url_path)
        return Document(masked(str(url.copy_with(query=None))), _fetched(url))
    path = Path(place)
    try:
        return Document(path.name, read_regular(path, LARGEST_FILE))
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise ConfigError(f"{quoted(place, LONGEST_PATH)} cannot be read: {reason}") from None


def _bounded(content: bytes) -> bytes:
    if len(content) > LARGEST_FILE:
        raise ConfigError(f"standard input has more than {LARGEST_FILE} bytes")
    return content


def _checked(place: str, url_path: str) -> httpx.URL:
    """Give an address that may be asked: https, or http of this machine.

    >>> _checked("https://a.example.com", "/.well-known/agent-card.json")
    URL('https://a.example.com/.well-known/agent-card.json')
    >>> _checked("http://a.example.com/card.json", "")
    Traceback (most recent call last):
    models.errors.ConfigError: expected https://…, or http:// of this machine, got \
'http://a.example.com/card.json'
    """
    shown = quoted(masked(place), LONGEST_PATH)
    try:
        parts, url = urlsplit(place), httpx.URL(place)
        parts.port  # noqa: B018  # raises for a number that is no port
    except (ValueError, httpx.InvalidURL):
        raise ConfigError(f"{shown} is no web address") from None
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"{shown} must not contain a user or a password")
    if not is_safe(str(url)):
        raise ConfigError(f"expected https://…, or http:// of this machine, got {shown}")
    return url.copy_with(path=url_path) if url_path and url.path in ("", "/") else url


def _fetched(url: httpx.URL) -> bytes:
    """Ask an address once; redirects are not followed, because they may lead anywhere."""
    shown = quoted(masked(str(url)), LONGEST_PATH)
    end, parts, size = time.monotonic() + TIMEOUT_S, [], 0
    try:
        with (
            httpx.Client(timeout=TIMEOUT_S, trust_env=url.scheme == "https") as client,
            client.stream("GET", url, headers=_HEADERS, follow_redirects=False) as answer,
        ):
            if answer.status_code != _OK:
                status = answer.status_code
                raise HabitusError(f"{shown} answers with status {status}, expected {_OK}")
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise HabitusError(f"{shown} answers compressed, expected plain JSON")
            for part in answer.iter_raw():
                size += len(part)
                if size > LARGEST_ANSWER:
                    raise HabitusError(f"{shown} answers with more than {LARGEST_ANSWER} bytes")
                if time.monotonic() > end:
                    raise HabitusError(f"{shown} takes more than {TIMEOUT_S:.0f} s")
                parts.append(part)
    except httpx.HTTPError as error:
        raise HabitusError(f"{shown} cannot be asked: {type(error).__name__}") from None
    return b"".join(parts)
