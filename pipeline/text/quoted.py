"""Quote values for errors and tables, without control characters and secrets."""

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
    r"""Give a value in quotes, with visible control characters, cut if it is long.

    Parameters
    ----------
    longest
        Largest number of characters; `LONGEST_PATH` for a path, whose end matters most.

    Examples
    --------
    >>> quoted("abc"), quoted("\x1b[2J\n"), quoted([1.5])
    ("'abc'", "'\\x1b[2J\\n'", '[1.5]')
    >>> quoted("9" * 5_000)
    "'999999999999999999999999999999999999999999999999999999999999…'"
    """
    text = value if isinstance(value, str) else repr(value)
    text_shown = text if len(text) <= longest else f"{text[:longest]}…"
    return repr(text_shown) if isinstance(value, str) else text_shown


def plain(value: object) -> str:
    r"""Make outside text safe for a terminal: all characters visible, no markup.

    >>> plain("\x1bagent [red]")
    '⟨U+001B⟩agent \\[red]'
    """
    # Without `visible`, an agent name could clear the screen or reverse text.
    return escape(visible(str(value)))


def plain_name(value: object) -> str:
    r"""Make an id safe for a terminal; look-alike signs are marked, too.

    >>> ascii(plain_name("a\u20131"))
    "'a\\u2013\\u27e8U+2013\\u27e91'"
    """
    return escape(visible(str(value), name=True))


def masked(url: str) -> str:
    """Mask user, password and secret options in a URL.

    >>> masked("kafka://me:se/cret@broker.example.com:9092/t?group=g&sasl_password=other")
    'kafka://***@broker.example.com:9092/t?group=g&sasl_password=***'
    >>> masked("file:mail/me@example.com.jsonl")
    'file:mail/me@example.com.jsonl'
    """
    user = _USER_OF_HOST if url.startswith(_PATHS) else _USER
    return _SECRET.sub(r"\1***", user.sub(r"\1***@", url))
