"""Parse the request of a session and the identifiers of a call; cache the results."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from models.provenance.deobfuscation import alphanumerics, decoded_forms, fingerprint, traceable
from models.provenance.entity_binding import entity_names, identifies_entity
from models.provenance.text import (
    coverage,
    domain_of,
    kind_of,
    long_words,
    normalise,
    root_of,
    specificity,
    stems,
)

if TYPE_CHECKING:
    from models.codec.hashing import Hasher

FULL_SPECIFICITY = 20.0  # bits from which on a match with a result is not by chance
COVERAGE_DISCOUNT = 0.7  # share of its bits that a value loses when the request names it in full
_MAX_REQUESTS = 2_000
_MAX_VALUES = 10_000
KINDS = ("mail", "url", "path", "date", "num", "code", "word", "text")


class Request(Struct, frozen=True, gc=False):
    """The parsed text of the request that a session serves.

    Attributes
    ----------
    words
        Hashes of its stems.
    entities
        Hashes of the entities that it names.
    long_words, plain
        Its words and its normalised text, for coverage and substring tests; never stored.
    """

    words: frozenset[int]
    entities: tuple[int, ...]
    long_words: tuple[str, ...]
    plain: str


class Value(Struct, frozen=True, gc=False):
    """A parsed identifier, without its argument.

    Attributes
    ----------
    specificity
        Weight of a match with a result, 0 (chance) .. 1.
    root, domain, is_entity
        As in `models.provenance.session.Use`.
    alphanumerics, fingerprint
        Its letters and digits, and their fingerprint; 0 for a value that is not traced.
    """

    text: str
    hashed: int
    root: int
    domain: int
    kind: int
    specificity: float
    is_entity: bool
    alphanumerics: str
    fingerprint: int


class TextParser:
    """Parse requests, tool names and identifiers, with bounded caches of the recent ones.

    Attributes
    ----------
    request
        Parses the text of a request.
    tool_words
        Gives the hashed stems of a tool's own name.
    value
        Parses an identifier; None when its normal form is empty.
    forms
        Gives the fingerprints of the decoded forms of an identifier.

    Examples
    --------
    >>> from models.codec.hashing import Hasher
    >>> parser = TextParser(Hasher(b"0123456789abcdef"))
    >>> len(parser.request("Pay the invoice of Ines").words)
    3
    """

    def __init__(self, hasher: Hasher) -> None:
        self.hasher = hasher
        self.request = lru_cache(_MAX_REQUESTS)(self._request)
        self.tool_words = lru_cache(_MAX_VALUES)(self._tool_words)
        self.value = lru_cache(_MAX_VALUES)(self._value)
        self.forms = lru_cache(_MAX_VALUES)(self._forms)

    def _request(self, text: str) -> Request:
        words = frozenset(self.hasher.of(word) for word in stems(text))
        entities = tuple(map(self.hasher.of, entity_names(text)))
        return Request(words, entities, long_words(text), normalise(text))

    def _tool_words(self, tool: str) -> frozenset[int]:
        return frozenset(self.hasher.of(word) for word in stems(tool.replace("_", " ")))

    def _value(self, raw: str) -> Value | None:
        found = parse_value(raw)
        if found is None:
            return None
        text, kind, root, weight, letters = found
        of, domain = self.hasher.of, domain_of(text, KINDS[kind])
        is_entity = identifies_entity(text, KINDS[kind])
        traced = fingerprint(letters, self.hasher) if is_entity and traceable(letters) else 0
        return Value(
            text, of(text), of(root) if root else 0, of(domain) if domain else 0,
            kind, weight, is_entity, letters, traced,
        )  # fmt: skip

    def _forms(self, raw: str) -> list[int]:
        return [fingerprint(form, self.hasher) for form in decoded_forms(raw)]


def parse_value(raw: str) -> tuple[str, int, str | None, float, str] | None:
    """Give an identifier's normal form, kind, root, weight by specificity, letters and digits.

    None when the normal form is empty.

    >>> parse_value("https://example.com/a/"), parse_value(" / ")
    (('example.com/a', 1, 'example.com', 1.0, 'examplecoma'), None)
    """
    text = normalise(raw)
    if not text:
        return None
    kind = kind_of(text)
    weight = min(1.0, specificity(text, kind) / FULL_SPECIFICITY)
    return text, KINDS.index(kind), root_of(text, kind), weight, alphanumerics(text)


def is_requested(value: Value, request: Request) -> bool:
    """Give whether the text of the request contains the identifier."""
    return len(value.text) > 2 and value.text in request.plain


def request_coverage(value: Value, request: Request) -> float:
    """Give the share of the identifier's letters that the request names, 0 .. 1."""
    return coverage(value.text, KINDS[value.kind], request.long_words)
