"""Recognise credentials in a text, by kind; a value is never returned, stored or logged.

The rules are data (``pipeline/data/secrets.toml``). One pass of RE2 over the text finds the rules
that may match, 3 µs a KB; a text with a credential costs a search more for each such rule.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import re2
from msgspec import Struct

from models.errors import ConfigError
from pipeline.files.toml_file import read_toml

if TYPE_CHECKING:
    from collections.abc import Iterator

SHIPPED = Path(__file__).parents[1] / "data" / "secrets.toml"
MAX_CHARACTERS = 128 << 10
"""Most characters of a text that are searched."""
_OVERLAP = 40 << 10
"""Longest credential, with the words before it."""
_MAX_MATCHES = 50
_MOST_MEMORY = 64 << 20
_PLACEHOLDER = re.compile(
    r"example|placeholder|change.?me|your[_-]|xxxx|\*{3}|\.{3}|redacted|dummy|process\.env|os\.environ"
    r"|getenv|secrets\.|^test|^none$|^null$|^true$|^false$|^<\w+>$",
    re.IGNORECASE,
)


_ESCAPED = re.compile(r"(?<!\\)\\++(?:[nrt]|u000[9aAdD])")


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule of the table."""

    kind: str
    hint: str
    pattern: str
    also: str = ""
    check: Literal["", "jwt", "mark", "mixed", "password"] = ""


class Credential(Struct, frozen=True):
    """A credential in a text: from `start` to before `end`."""

    kind: str
    start: int
    end: int


class _Table(Struct, frozen=True):
    rules: tuple[tuple[Rule, re.Pattern[str]], ...]
    hints: Any


def normal_form(text: str) -> str:
    r"""Give a text in which white space that is escaped, once or more, is spaces.

    Credentials are compared in this form. A character is where it was, also in lower case.

    >>> normal_form(r"BEGIN\nMII\\r\\nAQ\u000aEnd")
    'BEGIN  MII      AQ      End'
    """
    if "\u0130" in text:  # the one letter that is longer in lower case
        text = text.replace("\u0130", "I")
    return _ESCAPED.sub(_spaces, text) if "\\" in text else text


def _spaces(found: re.Match[str]) -> str:
    return " " * len(found[0])


def may_have_credentials(encoded: bytes) -> bool:
    """Return whether a text in UTF-8, or JSON, may have a credential; False is certain."""
    return bool(_table().hints.Match(encoded))


def credentials_in(value: str) -> list[Credential]:
    """Find the credentials of a text, in its order; they do not overlap.

    Examples
    --------
    >>> text = "git push https://ana:Tr0ub4dor@git.example.com/a.git"
    >>> [(one.kind, text[one.start : one.end]) for one in credentials_in(text)]
    [('password_in_url', 'Tr0ub4dor')]
    """
    return apart(_found_in(value[:MAX_CHARACTERS], _MAX_MATCHES))


def all_credentials_in(text: str) -> list[Credential]:
    """Find the credentials of a text of any length, however many it has.

    Examples
    --------
    >>> text = "x" * 200_000 + " https://ana:Tr0ub4dor@git.example.com/a.git"
    >>> [text[one.start : one.end] for one in all_credentials_in(text)], credentials_in(text)
    (['Tr0ub4dor'], [])
    """
    found: list[Credential] = []
    for at in range(0, max(len(text) - _OVERLAP, 1), MAX_CHARACTERS - _OVERLAP):
        part = _found_in(text[at : at + MAX_CHARACTERS], MAX_CHARACTERS)
        found += [Credential(one.kind, one.start + at, one.end + at) for one in part]
    return apart(found)


def _found_in(text: str, most: int) -> list[Credential]:
    table = _table()
    hit = table.hints.Match(text.encode("utf-8", "replace"))
    if not hit:
        return []
    text = normal_form(text)
    rules = [table.rules[at] for at in sorted(hit)]
    return [one for rule, pattern in rules for one in _found_by(rule, pattern, text, most)]


def apart(found: list[Credential]) -> list[Credential]:
    """Sort credentials by where they are; of those that overlap, the first and longest stays."""
    kept: list[Credential] = []
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept


def kinds_of(value: str) -> list[str]:
    """Give the kinds of credentials in a text, each once, in the order of the text.

    Examples
    --------
    >>> kinds_of("git push https://ana:Tr0ub4dor@git.example.com/a.git")
    ['password_in_url']
    >>> kinds_of("9b2c1f7e-3d4a-4c55-8f19-0a6f4d1c2b3e")
    []
    """
    return list(dict.fromkeys(one.kind for one in credentials_in(value)))


def load(path: Path = SHIPPED) -> list[Rule]:
    """Read a table of rules.

    Raises
    ------
    ConfigError
        The file cannot be read, or a rule is invalid.
    """
    try:
        rules = msgspec.convert(read_toml(path).get("rule", []), list[Rule])
        for rule in rules:
            re.compile(rule.pattern)
            re2.compile(rule.hint)
    except (OSError, ValueError, re.error, re2.error) as error:
        raise ConfigError(f"table of secrets {path} cannot be read: {error}") from error
    return rules


@cache
def _table() -> _Table:
    options = re2.Options()
    options.max_mem = _MOST_MEMORY
    options.log_errors = False
    rules, hints = load(), re2.Set.SearchSet(options)
    for rule in rules:
        hints.Add(rule.hint)
    hints.Compile()
    return _Table(tuple((rule, re.compile(rule.pattern)) for rule in rules), hints)


def _found_by(rule: Rule, pattern: re.Pattern[str], text: str, most: int) -> Iterator[Credential]:
    if rule.also and rule.also not in text.lower():
        return
    for count, found in enumerate(pattern.finditer(text)):
        if count >= most:
            return
        if rule.check == "mark":
            yield Credential(found["kind"], *found.span())
            continue
        group = found.lastindex or 0
        if _is_credential(found[group], rule.check):
            yield Credential(rule.kind, *found.span(group))


def _is_credential(secret: str, check: str) -> bool:
    if check == "jwt":
        return _has_jwt_header(secret)
    if check in ("mixed", "password") and _PLACEHOLDER.search(secret):
        return False
    if check == "mixed":
        has_digit = any(character.isdigit() for character in secret)
        return has_digit and any(character.isalpha() for character in secret)
    return True


def _has_jwt_header(token: str) -> bool:
    header = token.partition(".")[0]
    try:
        decoded = msgspec.json.decode(urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (NotBase64, msgspec.DecodeError, ValueError):
        return False
    return isinstance(decoded, dict) and "alg" in decoded
