"""Hide credentials in text as it came: JSON or not, whole or cut, a record or a message.

What surrounds a credential stays to the letter, and JSON stays JSON: names of members stay apart,
and in the id of an event, session or trace, a digest replaces the credential. A file of such text
shows what was wrong with a record, and opens nothing.
"""

from __future__ import annotations

import json
import re
from itertools import count
from typing import TYPE_CHECKING

from pipeline.actions.secrets import all_credentials_in, may_have_credentials
from pipeline.assembling.secrets.hiding import NAMED, mark_of
from pipeline.formats.secrets import digest, is_secret_name

if TYPE_CHECKING:
    from collections.abc import Callable

    Mark = Callable[[str, str], str]

_DEEPEST = 4
# Possessive, so that the time is linear. The text may end within a string.
_REST = r'(?:[^"\\]|\\.)*+'
_ESCAPED = re.compile(rf'"([^"\\]*+\\.{_REST})("|(?:\\(?:u\w{{0,3}})?)?\Z)', re.DOTALL)
_VALUE = rf'"(?P<value>{_REST})'
_NAMED = re.compile(rf'"(?P<name>[\w.-]{{1,64}})"\s*+:\s*+{_VALUE}', re.DOTALL)
_PAIR = re.compile(
    r'"(?:key|name)"\s*+:\s*+"(?P<name>[\w.-]{1,64})"\s*+,\s*+"value"\s*+:\s*+'
    rf'(?:\{{\s*+"(?:stringValue|string_value)"\s*+:\s*+)?{_VALUE}',
    re.DOTALL,
)
_OF_ID = re.compile(r'"(?:id|session|trace_id)"\s*+:\s*+"[^"\\]{0,64}\Z')
_OF_NAME = re.compile(r'[^"\\]{0,64}+"\s*+:')
_LONGEST_ID = 100
_MARK = re.compile(r"\*{3}[a-z_]{2,40}(?:#[0-9a-f]{16})?\*{3}").match


def hidden_bytes(value: bytes, mark: Mark | None = None) -> bytes:
    r"""Give bytes whose credentials are replaced by marks of their kinds.

    Parameters
    ----------
    value
        Text in UTF-8, or something else that may hold such text.
    mark
        Makes the mark of a kind and a credential; ``***KIND***`` by default.

    Examples
    --------
    >>> hidden_bytes(b'{"tool": 5, "password" : "hunter2", "note": "a\\"b"}')
    b'{"tool": 5, "password" : "***named_secret***", "note": "a\\"b"}'
    >>> hidden_bytes(b"\xff git push https://ana:Tr0ub4dor@git.example.com/a.git")
    b'\xff git push https://ana:***password_in_url***@git.example.com/a.git'
    """
    text = value.decode("utf-8", "surrogateescape")
    hidden = hidden_text(text, mark)
    return value if hidden == text else hidden.encode("utf-8", "surrogateescape")


def hidden_text(text: str, mark: Mark | None = None, depth: int = 0) -> str:
    r"""Give a text whose credentials are replaced by marks of their kinds.

    >>> hidden_text('{"body":"{\\"api_key\\":\\"abc\\",\\"n\\":1}"')
    '{"body":"{\\"api_key\\":\\"***named_secret***\\",\\"n\\":1}"'
    """
    make = mark or _plain_mark

    def in_string(found: re.Match[str]) -> str:
        try:
            inside = json.loads(f'"{found[1]}"', strict=False)
        except ValueError:
            return found[0]
        hidden = hidden_text(inside, mark, depth + 1)
        if hidden == inside:
            return found[0]
        return json.dumps(hidden, ensure_ascii=False)[:-1] + found[2]

    def of_name(found: re.Match[str]) -> str:
        value = found["value"]
        if not value or not is_secret_name(found["name"]) or _MARK(value):
            return found[0]
        return found[0][: found.start("value") - found.start()] + make(NAMED, value)

    if depth < _DEEPEST and "\\" in text:
        text = _ESCAPED.sub(in_string, text)
    if not may_have_credentials(text.encode("utf-8", "replace")):
        return text
    parts: list[str] = []
    names: dict[str, str] = {}
    at = 0
    for one in all_credentials_in(text):
        secret = text[one.start : one.end].rstrip("\\")  # which belong to the character after them
        made = secret if _MARK(secret) else make(one.kind, secret)
        before, at = text[at : one.start], one.start + len(secret)
        if mark is None and _OF_ID.search(before[-_LONGEST_ID:]):
            made = digest(secret)
        elif _OF_NAME.match(text, at):
            made = _apart(made, secret, names)
        parts += (before, made)
    text = "".join((*parts, text[at:]))
    return _PAIR.sub(of_name, _NAMED.sub(of_name, text))


def _apart(mark: str, secret: str, names: dict[str, str]) -> str:
    """Give a mark as a name, with a number where it is the name of another credential."""
    numbered = (f"{mark}{number or ''}" for number in count())
    return next(one for one in numbered if names.setdefault(one, secret) == secret)


def _plain_mark(kind: str, secret: str) -> str:
    del secret
    return mark_of(kind)
