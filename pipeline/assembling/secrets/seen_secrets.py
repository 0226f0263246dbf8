"""The credentials that a session has read: found again in arguments, and never readable again.

A credential is kept as the checksums of its words, as all content of a session
(`pipeline.assembling.state.corpus`), beside its kind and its origin.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline.actions.secrets import Credential, apart, credentials_in
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
_LINES = re.compile(r"\s+|\\[nr]")


class SeenSecret(Struct, frozen=True):
    """A credential that the session has read.

    Attributes
    ----------
    kind
        For example ``github_token``.
    origin
        Where the session read it first, for example ``result:Read``.
    rows
        Checksums of its words: as they are, and in one line.
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
        rows = tuple(_rows_of(text[found.start : found.end][:_MAX_TEXT], salt))
        if rows and len(known) < MAX_SECRETS and all(one.rows != rows for one in known):
            known.append(SeenSecret(found.kind, origin, rows))
    return list(kinds)


def secrets_in(known: list[SeenSecret], text: str, salt: int) -> list[tuple[Credential, str]]:
    """Find the credentials of a text, each with its origin; empty for one that nobody has read.

    >>> known: list[SeenSecret] = []
    >>> _ = read_secrets(known, "result:Read", "postgres://app:Tr0ub4dor@db.example.com/shop", 7)
    >>> secrets_in(known, "echo Tr0ub4dor", 7)
    [(Credential(kind='password_in_url', start=5, end=14), 'result:Read')]
    >>> secrets_in(known, "echo hello", 7)
    []
    """
    origins = {one: _origin_of(known, text, one, salt) for one in credentials_in(text)}
    for seen, origin in _seen_again(known, text, salt):
        overlapping = [one for one in origins if one.start < seen.end and seen.start < one.end]
        origins |= dict.fromkeys([seen, *overlapping], origin)
    return [(one, origins[one]) for one in apart(list(origins))]


def _seen_again(known: list[SeenSecret], text: str, salt: int) -> Iterator[tuple[Credential, str]]:
    """Find the known credentials of a text, each once as it is, and in what is encoded."""
    if not known:
        return
    yield from _plain_again(known, text, salt)
    for one in encoded_in(text):
        for seen, origin in _plain_again(known, one.text, salt):
            yield Credential(seen.kind, one.start, one.end), origin


def _plain_again(known: list[SeenSecret], text: str, salt: int) -> Iterator[tuple[Credential, str]]:
    """Find the known credentials whose words follow each other in a text, each once."""
    words = [found.span() for found in WORD.finditer(text)]
    row = word_sums(text, salt)
    for one in known:
        starts = ((place_in(row, spelled), len(spelled) // BYTES) for spelled in one.rows)
        found = next(((at, count) for at, count in starts if at >= 0), None)
        if found is not None:
            at, count = found
            yield Credential(one.kind, words[at][0], words[at + count - 1][1]), one.origin


def _origin_of(known: list[SeenSecret], text: str, found: Credential, salt: int) -> str:
    """Give the origin of a credential that may be a part of a longer word; empty for none."""
    if not known:
        return ""
    row = word_sums(text[found.start : found.end], salt)
    return next((one.origin for one in known if one.rows[0] == row), "")


def _rows_of(secret: str, salt: int) -> Iterator[bytes]:
    secret = _FRAME.sub(" ", secret).strip() or secret
    for spelling in dict.fromkeys((secret, _LINES.sub("", secret))):
        row = word_sums(spelling, salt)[: _MAX_WORDS * BYTES]
        if row:
            yield row
