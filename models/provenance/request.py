"""The request of a session and the identifiers of a call, parsed once and remembered."""

from __future__ import annotations

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

    Examples
    --------
    >>> from models.codec.hashing import Hasher
    >>> reader = Reader(Hasher(b"0123456789abcdef"))
    >>> len(reader.request("Pay the invoice of Ines").words)
    3
    """

    def __init__(self, hasher: Hasher) -> None:
        self.hasher = hasher
        self._requests: dict[str, Request] = {}
        self._tools: dict[str, frozenset[int]] = {}
        self._values: dict[str, Value | None] = {}
        self._forms: dict[str, list[int]] = {}

    def request(self, text: str) -> Request:
        """Parse the text of a request."""
        known = self._requests.get(text)
        if known is None:
            if len(self._requests) >= _MOST_REQUESTS:
                self._requests.clear()
            hashed = frozenset(self.hasher.of(word) for word in stems(text))
            names = tuple(map(self.hasher.of, names_of(text)))
            known = Request(hashed, names, long_words(text), normalise(text))
            self._requests[text] = known
        return known

    def tool_words(self, tool: str) -> frozenset[int]:
        """Give the hashed stems of a tool's own name."""
        known = self._tools.get(tool)
        if known is None:
            if len(self._tools) >= _MOST_VALUES:
                self._tools.clear()
            text = tool.replace("_", " ")
            known = self._tools[tool] = frozenset(self.hasher.of(w) for w in stems(text))
        return known

    def value(self, raw: str) -> Value | None:
        """Parse an identifier; None when nothing is left of it after normalisation."""
        if raw in self._values:
            return self._values[raw]
        if len(self._values) >= _MOST_VALUES:
            self._values.clear()
        parsed: Value | None = None
        found = parse_value(raw)
        if found is not None:
            text, kind, root, specific, letters = found
            hashed, domain = self.hasher.of(text), domain_of(text, KINDS[kind])
            rooted, who = self.hasher.of(root) if root else 0, says_who(text, KINDS[kind])
            mark = marked(letters, self.hasher) if who and traceable(letters) else 0
            at = self.hasher.of(domain) if domain else 0
            parsed = Value(text, hashed, rooted, at, kind, specific, who, letters, mark)
        self._values[raw] = parsed
        return parsed

    def forms(self, raw: str) -> list[int]:
        """Give the marks of what an identifier may have been rewritten from."""
        known = self._forms.get(raw)
        if known is None:
            if len(self._forms) >= _MOST_VALUES:
                self._forms.clear()
            known = self._forms[raw] = [marked(form, self.hasher) for form in forms_of(raw)]
        return known


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
