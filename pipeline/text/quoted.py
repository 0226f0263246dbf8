"""A value as an error or a table repeats it: without what steers a terminal, without secrets."""

from __future__ import annotations

import re

from rich.markup import escape

from pipeline.text.visible import visible

_LONGEST = 60
LONGEST_PATH = 200
_PATHS = ("file:", "sqlite:")  # a path may hold an @
_USER = re.compile(r"^([^:/]*:(?://)?).*@", re.DOTALL)
_USER_OF_HOST = re.compile(r"^(file://)[^/]*@")
_SECRET = re.compile(r"([?&][^=&]*(?:pass|pwd|secret|key|token)[^=&]*=)[^&]*", re.IGNORECASE)


def quoted(value: object, longest: int = _LONGEST) -> str:
    r"""Give a value in quotes, control characters visible, the end left out where it is long.

    Parameters
    ----------
    longest
        Characters of it that are given; of a path `LONGEST_PATH`, as its end says most.

    Examples
    --------
    >>> quoted("abc"), quoted("\x1b[2J\n"), quoted([1.5])
    ("'abc'", "'\\x1b[2J\\n'", '[1.5]')
    >>> quoted("9" * 5_000)
    "'999999999999999999999999999999999999999999999999999999999999…'"
    """
    text = value if isinstance(value, str) else repr(value)
    told = text if len(text) <= longest else f"{text[:longest]}…"
    return repr(told) if isinstance(value, str) else told


def plain(value: object) -> str:
    r"""Give text that came from outside as it may go to a terminal: all of it visible, no markup.

    >>> plain("\x1bagent [red]")
    '⟨U+001B⟩agent \\[red]'
    """
    # Escaped brackets alone would let an agent's name clear the screen or turn text around.
    return escape(visible(str(value)))


def plain_name(value: object) -> str:
    r"""Give an id likewise; signs that look like others are named too.

    >>> ascii(plain_name("a\u20131"))
    "'a\\u2013\\u27e8U+2013\\u27e91'"
    """
    return escape(visible(str(value), name=True))


def masked(url: str) -> str:
    """Leave out a user, a password and an option that may be one, which someone put into a URL.

    >>> masked("kafka://me:se/cret@broker.example.com:9092/t?group=g&sasl_password=other")
    'kafka://***@broker.example.com:9092/t?group=g&sasl_password=***'
    >>> masked("file:mail/me@example.com.jsonl")
    'file:mail/me@example.com.jsonl'
    """
    user = _USER_OF_HOST if url.startswith(_PATHS) else _USER
    return _SECRET.sub(r"\1***", user.sub(r"\1***@", url))
