"""Containers of identifiers: the host, folder or schema that a named thing belongs to."""

from __future__ import annotations

import re
from functools import lru_cache

MAX_IDENTIFIERS = 8
"""Most identifiers that are read out of one text."""
_MAX_NAME = 120
_IDENTIFIER = re.compile(
    r"[a-z][a-z0-9+.-]*://[^\s'\"<>)]+"  # URL
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # mail address
    r"|~?(?:[\w.@-]*/)+[\w.@*-]+"  # path
    r"|\b[a-z_]+\.[a-z_0-9]{3,}\b"  # table in a schema
)
_TABLE = re.compile(r"[a-z_]+\.[a-z_0-9]{3,}")
_ARN_PARTS = 3


def identifiers(text: str) -> list[str]:
    """Give the identifiers in a text: a short text without spaces is one itself.

    >>> identifiers("copy ../billing/src/a.py to s3://backup/x")
    ['../billing/src/a.py', 's3://backup/x']
    >>> identifiers("INV-17")
    ['INV-17']
    """
    if len(text) <= _MAX_NAME and " " not in text:
        return [text] if text else []
    return list(dict.fromkeys(_IDENTIFIER.findall(text)))[:MAX_IDENTIFIERS]


@lru_cache(maxsize=50_000)
def containers(identifier: str) -> tuple[str, ...]:
    """Give the containers of one identifier, from general to specific; none for a plain word.

    >>> containers("https://docs.example.com/a/b"), containers("ana@example.com")
    (('docs.example.com',), ('example.com',))
    >>> containers("src/pay/api.py"), containers("arn:aws:s3:::logs")
    (('src', 'src/pay'), ('arn:aws:s3',))
    >>> containers("finance.payments"), containers("INV-17")
    (('finance.', 'finance.payments'), ())
    """
    found: tuple[str, ...] = ()
    if "://" in identifier:
        found = (identifier.partition("://")[2].partition("/")[0].lower(),)
    elif "@" in identifier and "/" not in identifier:
        found = (identifier.rpartition("@")[2].lower(),)
    elif "/" in identifier:
        parts = [part for part in identifier.split("/") if part != "."][:-1]
        found = tuple("/".join(parts[:n]) for n in (1, 2) if len(parts) >= n)
    elif identifier.count(":") >= _ARN_PARTS:
        found = (":".join(identifier.split(":")[:_ARN_PARTS]),)
    elif _TABLE.fullmatch(identifier):
        found = (identifier.partition(".")[0] + ".", identifier)
    return found
