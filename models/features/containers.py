"""Containers of identifiers: the host, folder or schema that a named thing belongs to."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_IDENTIFIERS = 8
"""Most identifiers that are read out of one text."""
MAX_CHARACTERS = 128 << 10
"""Most characters of a text that are searched."""
_MAX_NAME = 120
_NONE = (MAX_CHARACTERS, MAX_CHARACTERS)
_SCHEME, _LOCAL, _FOLDER = r"[a-z0-9+.-]", r"[\w.+-]", r"[\w.@-]"


class _Form:
    """One form of identifiers; it is found in linear time.

    A match begins where a run of its first characters begins, as all later starts in a run have
    the same end. The guard says that a run begins. Only where the match before it has ended within
    a run, it begins there. All repetitions are possessive: what follows them is outside their set.
    """

    def __init__(self, sign: str, guard: str, pattern: str) -> None:
        self.sign = sign
        self._search = re.compile(guard + pattern).search
        self._match = re.compile(pattern).match

    def find(self, text: str, start: int) -> tuple[int, int]:
        """Give the span of the first match from a position on; `_NONE` without one."""
        found = (start and self._match(text, start)) or self._search(text, start)
        return found.span(found.lastindex or 0) if found else _NONE

    def after(self, text: str, span: tuple[int, int], start: int) -> tuple[int, int]:  # noqa: ARG002  # a path needs it
        """Give the span of the first match from a position on, after the one before it."""
        return self.find(text, start)


class _Path(_Form):
    """Paths; only they may be cut by many matches of another form."""

    def after(self, text: str, span: tuple[int, int], start: int) -> tuple[int, int]:
        """As above; the rest of a path that has a separator is a path."""
        has_separator = text.find(self.sign, start, span[1]) >= 0
        return (start, span[1]) if has_separator else self.find(text, start)


_FORMS = (
    _Form(  # URL
        "://",
        rf"(?<!{_SCHEME})",
        rf"[0-9+.-]*+([a-z]{_SCHEME}*+://[^\s'\"<>)]++)",
    ),
    _Form("@", rf"(?<!{_LOCAL})", rf"{_LOCAL}++@[\w-]++(?:\.[\w-]++)++"),  # mail address
    _Path(
        "/",
        r"(?:(?=~)|(?<![\w.@/~-]))",
        rf"~?+{_FOLDER}*+(?:(?:/++{_FOLDER}++)++(?:/*+\*[\w.@*-]*+)?+|/++\*[\w.@*-]*+)",
    ),
    _Form(".", "", r"\b[a-z_]++\.[a-z_0-9]{3,}+\b"),  # table in a schema
)
"""Of matches with the same start, the one of the first form counts."""
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
    found: dict[str, None] = {}
    for one in _matches(text[:MAX_CHARACTERS]):
        found[one] = None
        if len(found) == MAX_IDENTIFIERS:
            break
    return list(found)


def _matches(text: str) -> Iterator[str]:
    """Give the matches of all forms, which do not overlap, from left to right."""
    forms = [form for form in _FORMS if form.sign in text]
    spans = [form.find(text, 0) for form in forms]
    while spans and (first := min(spans, key=_start_of)) is not _NONE:
        end = first[1]
        yield text[first[0] : end]
        for at, span in enumerate(spans):
            if span[0] < end:
                spans[at] = forms[at].after(text, span, end)


def _start_of(span: tuple[int, int]) -> int:
    return span[0]


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
