"""A PostgreSQL URL: what may be shown of it, and how safely it is reached by default."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import parse_qs, urlsplit

from models.errors import ConfigError

_ANSWER_S = 10
# A worker that stands still in the middle of a commit must not keep others out for long.
_SESSION = "-c client_min_messages=warning -c idle_in_transaction_session_timeout=30s"


def masked(url: str) -> str:
    """Leave out user and password, and options, which may hold one too.

    >>> masked("postgresql://me:secret@db.example.com:5432/habitus?password=other")
    'postgresql://db.example.com:5432/habitus'
    """
    parts = urlsplit(url)
    return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"


def checked(url: str) -> str:
    """Give the URL itself; raises `ConfigError` for one that names no database, or is ambiguous.

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
    if parts.netloc.count("@") > 1:  # the client would take the rest of it for a host, and show it
        raise ConfigError(
            "two @ in the store's URL: write one within a password as %40, or leave the password "
            "to PGPASSWORD"
        )
    return url


def options(url: str) -> dict[str, str | int]:
    """Give what is asked of a connection unless the URL says otherwise.

    Over a network the connection is encrypted. A server that vanished is noticed within a minute,
    a worker that vanished as well, so that its locks are free again.

    >>> options("postgresql://db.example.com/habitus")["sslmode"]
    'require'
    >>> "sslmode" in options("postgresql://127.0.0.1/habitus")
    False
    """
    parts = urlsplit(url)
    said = parse_qs(parts.query)
    host = parts.hostname or (said.get("host") or [""])[0]
    chosen: dict[str, str | int] = {
        "application_name": "habitus",
        "client_encoding": "utf8",
        "connect_timeout": _ANSWER_S,
        "keepalives_idle": 20,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
    }
    # Of two values the later one holds: the URL may say otherwise.
    chosen["options"] = " ".join([_SESSION, *said.pop("options", [])])
    if not _local(host):
        chosen["sslmode"] = "require"
    return {name: value for name, value in chosen.items() if name not in said}


def _local(host: str) -> bool:
    if host in ("", "localhost") or host.startswith(("/", "%2f", "%2F")):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
