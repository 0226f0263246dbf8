"""PostgreSQL URLs: their displayable form, and secure connection defaults."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from models.errors import ConfigError
from pipeline.plain_http import is_loopback

_ANSWER_S = 10
# A worker that stalls within a commit must not block others for long.
_SESSION = "-c client_min_messages=warning -c idle_in_transaction_session_timeout=30s"


def masked(url: str) -> str:
    """Remove user, password and options, as options may also hold a password.

    >>> masked("postgresql://me:secret@db.example.com:5432/habitus?password=other")
    'postgresql://db.example.com:5432/habitus'
    """
    parts = urlsplit(url)
    return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"


def checked(url: str) -> str:
    """Return the URL; raise `ConfigError` if it has no database or is ambiguous.

    >>> checked("postgresql://127.0.0.1")
    Traceback (most recent call last):
    models.errors.ConfigError: no database in the store's URL, expected \
postgresql://USER@HOST:PORT/DATABASE
    >>> checked("postgresql://me:p@ss@127.0.0.1/habitus")
    Traceback (most recent call last):
    models.errors.ConfigError: two @ in the store's URL: write one within a password as %40, or \
leave the password to PGPASSWORD
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if not re.fullmatch(r"/[^/]+", parts.path):
        raise ConfigError(
            "no database in the store's URL, expected postgresql://USER@HOST:PORT/DATABASE"
        )
    if parts.netloc.count("@") > 1:  # the client would treat the rest as a host, and display it
        raise ConfigError(
            "two @ in the store's URL: write one within a password as %40, or leave the password "
            "to PGPASSWORD"
        )
    return url


def options(url: str) -> dict[str, str | int]:
    """Give default connection options; options of the URL replace them.

    Over a network the connection is encrypted. Keepalives detect a dead server or worker within a
    minute, so that locks become free.

    >>> options("postgresql://db.example.com/habitus")["sslmode"]
    'require'
    >>> "sslmode" in options("postgresql://127.0.0.1/habitus")
    False
    """
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    host = parts.hostname or (query.get("host") or [""])[0]
    chosen: dict[str, str | int] = {
        "application_name": "habitus",
        "client_encoding": "utf8",
        "connect_timeout": _ANSWER_S,
        "keepalives_idle": 20,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
    }
    # The last value wins, so the URL can override the default.
    chosen["options"] = " ".join([_SESSION, *query.pop("options", [])])
    if not _local(host):
        chosen["sslmode"] = "require"
    return {name: value for name, value in chosen.items() if name not in query}


def _local(host: str) -> bool:
    return not host or host.startswith(("/", "%2f", "%2F")) or is_loopback(host)
