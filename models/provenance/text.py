"""Split requests into words, and determine the kind of an identifier."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[a-z]+|[0-9]+")
_CAMEL = re.compile(r"([a-z])([A-Z])")
_FILE = re.compile(
    r"\.(pdf|txt|docx?|xlsx?|pptx?|csv|md|html?|png|jpe?g|gif|json|xml|ya?ml|zip|gz|py|js|sh|log"
    r"|exe)$"
)
_HOST = re.compile(r"^[a-z0-9_-]+(\.[a-z0-9_-]+)*\.[a-z]{2,}(?=/|$|\?|:)")
_MAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[a-z]+$")
_DATE = re.compile(r"^\d{4}[-/]\d|^\d{1,2}[:/]\d\d|^\d{1,2}[./]\d{1,2}[./]\d{2,4}")
_NUMBER = re.compile(r"^[-+$]?\d+([.,]\d+)*%?$")
_CODE = re.compile(r"^[a-z0-9_.-]+$")
_DIGIT = re.compile(r"\d")
_SCHEME = re.compile(r"^[a-z]+://")
_SUFFIXES = ("ations", "ation", "ings", "ing", "ied", "ies", "ed", "es", "s", "e")
_STOP_WORDS = (
    "the a an to of and or in on at for from with by is are be it its this that my me i you your "
    "our please can could if not as into all any do get via"
)


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Cut the common English endings off a lower-case word.

    >>> stem("bookings"), stem("cancelled"), stem("pay")
    ('book', 'cancel', 'pay')
    """
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[: -len(suffix)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


_DIGIT = re.compile("[0-9]")
STOP = frozenset(stem(word) for word in _STOP_WORDS.split())


def stems(text: str) -> set[str]:
    """Give the stems of the words of a text, without stop words and single letters.

    A word with a digit names one thing, not a kind of request.

    >>> sorted(stems("Send the invoices 88 and INV-9 to sendInvoice"))
    ['inv', 'invoic', 'send']
    """
    found = _WORD.findall(_CAMEL.sub(r"\1 \2", text).lower())
    return {stem(word) for word in found if len(word) > 1 and not _DIGIT.search(word)} - STOP


def long_words(text: str) -> tuple[str, ...]:
    """Give the unstemmed words of three letters or more, for the coverage of identifiers."""
    found = _WORD.findall(text.lower())
    return tuple(sorted({w for w in found if len(w) > 2 and stem(w) not in STOP}))


def normalise(value: str) -> str:
    """Give the normal form of an identifier, which is equal for all its spellings.

    Lower case, without scheme, ``www.`` and trailing slash.

    >>> normalise("https://www.Example.com/a/")
    'example.com/a'
    """
    bare = _SCHEME.sub("", value.lower().strip().rstrip("/").strip())
    return bare.removeprefix("www.")


def kind_of(value: str) -> str:
    """Name the kind of a normalised identifier.

    >>> [kind_of(v) for v in ("a@b.example", "2026-01-05", "12.50", "example.com/x", "/doc/a.txt")]
    ['mail', 'date', 'num', 'url', 'path']
    >>> [kind_of(v) for v in ("inv-204", "reset", "Lily White".lower())]
    ['code', 'word', 'text']
    """
    if _MAIL.match(value):
        return "mail"
    if _DATE.match(value):
        return "date"
    if _NUMBER.match(value):
        return "num"
    if _HOST.match(value) and not (_FILE.search(value) and "/" not in value):
        return "url"
    if _FILE.search(value) or ("/" in value and " " not in value):
        return "path"
    if _CODE.match(value):
        return "code" if _DIGIT.search(value) else "word"
    return "text"


def specificity(value: str, kind: str) -> float:
    """Give the bits of an identifier against a match by chance; higher is more specific.

    A word has 12 bits, or 4 per letter if that is less; a digit has 3.3, a date 8 in all.

    >>> specificity("reset", "word"), specificity("2026-01-05", "date")
    (12.0, 8.0)
    """
    if kind == "date":
        return 8.0
    bits = 0.0
    for word in _WORD.findall(value):
        bits += min(12.0, 4.0 * len(word)) if word.isalpha() else 3.3 * len(word)
    return bits or 4.0 * len(value)


def root_of(value: str, kind: str) -> str | None:
    """Give the host of a URL or the directory of a path, else None.

    >>> root_of("example.com/a/b", "url"), root_of("/doc/a.txt", "path"), root_of("a", "word")
    ('example.com', '/doc', None)
    """
    if kind == "url":
        host = _HOST.match(value)
        return host.group(0) if host else None
    if kind == "path" and "/" in value:
        return value.rpartition("/")[0] or None
    return None


def domain_of(value: str, kind: str) -> str | None:
    """Give the domain of a mail address, else None.

    >>> domain_of("lily@mail.example.com", "mail"), domain_of("example.com/a", "url")
    ('mail.example.com', None)
    """
    return value.rpartition("@")[2] if kind == "mail" else None


def coverage(value: str, kind: str, request_words: tuple[str, ...]) -> float:
    """Give the share of an identifier's letters that the request names, 0 .. 1; 0 for hosts.

    A word counts in full. A prefix of four letters or more counts with its length. A mail address
    counts up to the @ only, so a look-alike domain has no advantage.

    >>> coverage("lily.white@example.com", "mail", ("lily", "send"))
    0.4444444444444444
    """
    if kind == "url":
        return 0.0
    text = value.split("@")[0] if kind == "mail" else value
    total = hit = 0
    for word in _WORD.findall(text):
        if len(word) < 2:
            continue
        total += len(word)
        if word in request_words:
            hit += len(word)
        else:
            longest = 0
            for start in request_words:
                if len(start) > max(3, longest) and word.startswith(start):
                    longest = len(start)
            hit += longest
    return hit / total if total else 0.0
