"""The request of a session and the identifiers of a call, parsed once and remembered."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from models.provenance.deobfuscation import bare, forms_of, marked, traceable
from models.provenance.entity_binding import names_of, says_who
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

SPECIFIC_ENOUGH = 20.0  # bits at which a match with a result is surely not chance
COVER_DISCOUNT = 0.7  # how much of its bits a value named by the request loses
_MOST_REQUESTS = 2_000
_MOST_VALUES = 10_000
KINDS = ("mail", "url", "path", "date", "num", "code", "word", "text")


class Request(Struct, frozen=True, gc=False):
    """What is needed of the text that a session serves.

    Attributes
    ----------
    words
        Hashes of its stems.
    names
        Hashes of whom and what it names.
    long_words, plain
        Its words and its normalised text, for coverage and substring tests; never stored.
    """

    words: frozenset[int]
    names: tuple[int, ...]
    long_words: tuple[str, ...]
    plain: str


class Value(Struct, frozen=True, gc=False):
    """An identifier by itself, without its place in a call.

    Attributes
    ----------
    domain, who
        As of `Use`.
    bare, mark
        Its letters and digits; and their mark, 0 where they are none to trace others by.
    """

    text: str
    hashed: int
    root: int
    domain: int
    kind: int
    specific: float
    who: bool
    bare: str
    mark: int


class Reader:
    """Parse requests, tool names and identifiers; a bounded memory of recent ones.

    Attributes
    ----------
    request
        Parses the text of a request.
    tool_words
        Gives the hashed stems of a tool's own name.
    value
        Parses an identifier; None when nothing is left of it after normalisation.
    forms
        Gives the marks of what an identifier may have been rewritten from.

    Examples
    --------
    >>> from models.codec.hashing import Hasher
    >>> reader = Reader(Hasher(b"0123456789abcdef"))
    >>> len(reader.request("Pay the invoice of Ines").words)
    3
    """

    def __init__(self, hasher: Hasher) -> None:
        self.hasher = hasher
        self.request = lru_cache(_MOST_REQUESTS)(self._request)
        self.tool_words = lru_cache(_MOST_VALUES)(self._tool_words)
        self.value = lru_cache(_MOST_VALUES)(self._value)
        self.forms = lru_cache(_MOST_VALUES)(self._forms)

    def _request(self, text: str) -> Request:
        hashed = frozenset(self.hasher.of(word) for word in stems(text))
        names = tuple(map(self.hasher.of, names_of(text)))
        return Request(hashed, names, long_words(text), normalise(text))

    def _tool_words(self, tool: str) -> frozenset[int]:
        return frozenset(self.hasher.of(word) for word in stems(tool.replace("_", " ")))

    def _value(self, raw: str) -> Value | None:
        found = parse_value(raw)
        if found is None:
            return None
        text, kind, root, specific, letters = found
        hashed, domain = self.hasher.of(text), domain_of(text, KINDS[kind])
        rooted, who = self.hasher.of(root) if root else 0, says_who(text, KINDS[kind])
        mark = marked(letters, self.hasher) if who and traceable(letters) else 0
        at = self.hasher.of(domain) if domain else 0
        return Value(text, hashed, rooted, at, kind, specific, who, letters, mark)

    def _forms(self, raw: str) -> list[int]:
        return [marked(form, self.hasher) for form in forms_of(raw)]


def parse_value(raw: str) -> tuple[str, int, str | None, float, str] | None:
    """Give an identifier's normal form, kind, root, specificity, and letters and digits.

    None when nothing is left.

    >>> parse_value("https://example.com/a/"), parse_value(" / ")
    (('example.com/a', 1, 'example.com', 1.0, 'examplecoma'), None)
    """
    text = normalise(raw)
    if not text:
        return None
    kind = kind_of(text)
    specific = min(1.0, specificity(text, kind) / SPECIFIC_ENOUGH)
    return text, KINDS.index(kind), root_of(text, kind), specific, bare(text)


def asked_for(value: Value, request: Request) -> bool:
    """Tell whether the request's own text holds the identifier."""
    return len(value.text) > 2 and value.text in request.plain


def covered(value: Value, request: Request) -> float:
    """Give the share of the identifier's letters that the request names, 0 .. 1."""
    return coverage(value.text, KINDS[value.kind], request.long_words)
