"""The credentials that a session has read: found again in arguments, and never readable again.

A credential is kept as the checksums of its words, as all content of a session
(`pipeline.assembling.state.corpus`), beside its kind and its origin.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline.actions.secrets import Credential, credentials_in, normal_form
from pipeline.assembling.secrets.encoded import encoded_in
from pipeline.assembling.word_sums import BYTES, WORD, place_in, word_sums

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_SECRETS = 200
"""Most credentials of one session; the first ones count."""
_MAX_WORDS = 12
_MAX_TEXT = 4_096
_FRAME = re.compile(r"-{0,5}(?:BEGIN|END) [A-Z0-9 ]{1,30}-{0,5}")
"""Lines around a private key, which all keys share."""
_KEY = "private_key"
_BODY = re.compile(r"[\w+/=]{1,4096}+")
_LINE = 40
"""Shortest line of a key that is known by itself, in characters."""
_OF_ALL_KEYS = "b3BlbnNzaC1rZXktdjE"
"""Beginning of the first line of keys of OpenSSH, which says nothing about the key."""


class SeenSecret(Struct, frozen=True):
    """A credential that the session has read.

    Attributes
    ----------
    kind
        For example ``github_token``.
    origin
        Where the session read it first, for example ``result:Read``.
    rows
        Checksums of its words: as they are, in one line, and in each long line.
    """

    kind: str
    origin: str
    rows: tuple[bytes, ...]


def read_secrets(known: list[SeenSecret], origin: str, text: str, salt: int) -> list[str]:
    """Add the credentials of a text to those known; give the kinds that the text has.

    Examples
    --------
    >>> known: list[SeenSecret] = []
    >>> read_secrets(known, "result:Read", "postgres://app:Tr0ub4dor@db.example.com/shop", 7)
    ['password_in_url']
    >>> [(one.kind, one.origin) for one in known]
    [('password_in_url', 'result:Read')]
    """
    kinds: dict[str, None] = {}
    for found in credentials_in(text):
        kinds[found.kind] = None
        rows = tuple(_rows_of(text[found.start : found.end], salt))
        if rows and len(known) < MAX_SECRETS and all(one.rows != rows for one in known):
            known.append(SeenSecret(found.kind, origin, rows))
    return list(kinds)


def secrets_in(known: list[SeenSecret], text: str, salt: int) -> list[tuple[Credential, str]]:
    """Find the credentials of a text, each with its origin; empty for one that nobody has read.

    Those that overlap are one, of the kind of the first and longest.

    >>> known: list[SeenSecret] = []
    >>> _ = read_secrets(known, "result:Read", "postgres://app:Tr0ub4dor@db.example.com/shop", 7)
    >>> secrets_in(known, "echo Tr0ub4dor", 7)
    [(Credential(kind='password_in_url', start=5, end=14), 'result:Read')]
    >>> secrets_in(known, "echo hello", 7)
    []
    """
    every = dict(_seen_again(known, text, salt)) if known else {}
    for one in credentials_in(text):
        every.setdefault(one, "")
    found: list[tuple[Credential, str]] = []
    for one in sorted(every, key=lambda one: (one.start, -one.end)):
        if not found or one.start >= found[-1][0].end:
            found.append((one, every[one]))
            continue
        last, origin = found[-1]
        whole = Credential(last.kind, last.start, max(last.end, one.end))
        found[-1] = (whole, origin or every[one])
    return [(one, origin or _origin_of(known, text, one, salt)) for one, origin in found]


def _seen_again(known: list[SeenSecret], text: str, salt: int) -> Iterator[tuple[Credential, str]]:
    """Find the known credentials of a text, as they are and in what is encoded."""
    text = normal_form(text)
    yield from _plain_again(known, text, salt)
    for one in encoded_in(text):
        for seen, origin in _plain_again(known, normal_form(one.text), salt):
            yield Credential(seen.kind, *one.span_of(seen.start, seen.end)), origin


def _plain_again(known: list[SeenSecret], text: str, salt: int) -> Iterator[tuple[Credential, str]]:
    """Find the known credentials whose words follow each other in a text in normal form."""
    row = word_sums(text, salt)
    present = set(memoryview(row).cast("I"))
    spans: list[tuple[int, int]] = []
    for one in known:
        for spelled in one.rows:
            if memoryview(spelled).cast("I")[0] not in present:
                continue
            at = place_in(row, spelled)
            while at >= 0:
                spans = spans or [found.span() for found in WORD.finditer(text)]
                end = spans[at + len(spelled) // BYTES - 1][1]
                if one.kind == _KEY and (rest := _BODY.match(text, end)):
                    end = rest.end()  # of a key in one line, only the first words are known
                yield Credential(one.kind, spans[at][0], end), one.origin
                at = place_in(row, spelled, at + 1)


def _origin_of(known: list[SeenSecret], text: str, found: Credential, salt: int) -> str:
    """Give the origin of a credential that may be a part of a longer word; empty for none."""
    if not known:
        return ""
    rows = set(_rows_of(text[found.start : found.end], salt))
    return next((one.origin for one in known if not rows.isdisjoint(one.rows)), "")


def _rows_of(secret: str, salt: int) -> Iterator[bytes]:
    secret = normal_form(secret)
    lines = (_FRAME.sub(" ", secret).strip() or secret)[:_MAX_TEXT].split()
    alone = (one for one in lines if len(one) >= _LINE and not one.startswith(_OF_ALL_KEYS))
    for spelling in dict.fromkeys((" ".join(lines), "".join(lines), *alone)):
        row = word_sums(spelling, salt)[: _MAX_WORDS * BYTES]
        if row:
            yield row
