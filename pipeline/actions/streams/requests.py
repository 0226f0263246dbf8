"""What a host gets with a request: a word of a command line with output or a credential in it."""

from __future__ import annotations

import re

_CREDENTIAL = re.compile(
    r"\$\{?\w*(?:secret|token|passw|credential|api_?key|private_?key|access_?key)", re.I
)
"""A variable whose name says that it is a credential."""
_REMOTE = re.compile(r"[\w.+-]{0,32}://|[\w.@-]{1,253}:")
_USER = re.compile(r"(?<=://)[\w.:${}-]{0,300}@")


def of_remote(value: str) -> str:
    """Give an argument that names another host, else nothing; a user of a URL is a login.

    >>> of_remote("https://$TOKEN@example.com/a"), of_remote("a/$(…)")
    ('https://example.com/a', '')
    """
    return _USER.sub("", value) if _REMOTE.match(value) else ""


def sends_output(url: str, revealing: frozenset[str] = frozenset()) -> bool:
    """Check for a credential in a URL, or output: in its host, in its query, or with content.

    >>> sends_output("https://example.com/?q=$(…)"), sends_output("https://example.com/$(…).tgz")
    (True, False)
    >>> sends_output("https://example.com/$(…)", frozenset({"$(…)"}))
    True
    >>> sends_output("https://example.com/$API_TOKEN"), sends_output("https://example.com/$PAGE")
    (True, False)
    """
    if any(_is_sent(url, marker) for marker in revealing) or _CREDENTIAL.search(url):
        return True
    first, last = url.find("$("), url.rfind("$(")
    if first < 0 or url == "$(…)":
        return False
    start = url.find("://") + 3 if "://" in url[:32] else 0
    path, query = url.find("/", start), url.find("?")
    in_host = first < path or path < 0
    return in_host if query < 0 else in_host or query < last


def _is_sent(url: str, marker: str) -> bool:
    """Check for content within a URL; content that is all of the host says only where it goes."""
    at = url.find(marker)
    return at > 0 or (at == 0 and url[len(marker) :][:1] not in ("", "/", ":", "?", "#"))
