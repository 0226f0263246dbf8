"""Network destinations in words of a command line and in URLs."""

from __future__ import annotations

import re

_HOST = re.compile(r"(?:[\w-]+\.)*[\w-]+|\[[0-9a-f:.]+\]", re.IGNORECASE)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{1,30})://([^/?#\s]*)", re.IGNORECASE)
_REMOTE = re.compile(r"(?:[\w.+-]+@)?(\[[0-9a-f:.]+\]|[\w.-]+):(?!//|\\)", re.IGNORECASE)
_SOCKET = re.compile(r"/dev/(?:tcp|udp)/([^/]+)/(\w+)")
_BUCKETS = frozenset({"s3", "gs", "az", "abfs", "abfss", "r2"})
_LOCAL = frozenset({"file", "data", "unix", "npipe", "about", "chrome", "javascript", "sqlite"})
_LONGEST = 253 + 6


def host_in(word: str) -> str | None:
    """Give the host of a URL or of a plain host name; None for anything else.

    The user and the password of a URL are left out. A bucket keeps its scheme.

    >>> host_in("https://ana:secret@api.example.com:8443/v1?x=1"), host_in("s3://backup/a/b")
    ('api.example.com:8443', 's3://backup')
    >>> host_in("ana@host.example.com"), host_in("$HOST"), host_in("file:///etc/passwd")
    ('host.example.com', None, None)
    """
    found = _SCHEME.match(word)
    if found is not None:
        scheme, place = found[1].lower(), found[2]
        if scheme in _LOCAL:
            return None
        host = _host(place.rpartition("@")[2])
        return f"{scheme}://{host}" if host and scheme in _BUCKETS else host
    if word.startswith(("/", ".", "-")):
        return None
    return _host(re.split(r"[/?#]", word, maxsplit=1)[0].rpartition("@")[2])


def url_in(word: str) -> str | None:
    """Give the host of a URL or of a remote path; None for a plain word.

    >>> url_in("git@git.example.com:team/repo.git"), url_in("origin")
    ('git.example.com', None)
    """
    if "://" in word:
        return host_in(word)
    found = _REMOTE.match(word)
    if found is None or word.startswith(("/", ".")):
        return None
    return _host(found[1])


def socket_in(path: str) -> str | None:
    """Give the address of bash's network files; None for any other path.

    >>> socket_in("/dev/tcp/192.0.2.7/4444"), socket_in("/dev/null")
    ('192.0.2.7:4444', None)
    """
    found = _SOCKET.fullmatch(path)
    return f"{found[1].lower()}:{found[2]}" if found else None


def bare_url(url: str) -> str:
    """Give a URL without user, password, query and fragment: these may hold credentials.

    >>> bare_url("https://ana:secret@example.com/a?token=1#b")
    'https://example.com/a'
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return re.split(r"[?#]", url, maxsplit=1)[0]
    place, slash, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    return f"{scheme}://{place.rpartition('@')[2]}{slash}{path}"


def _host(text: str) -> str | None:
    """Give a host with its port, in lower case; None where the text is not one."""
    found = _HOST.match(text) if len(text) <= _LONGEST else None
    if found is None:
        return None
    port = text[found.end() :]
    if port and not re.fullmatch(r":\d{0,5}", port):
        return None
    return text.removesuffix(":").lower()
