"""Headers of HTTP requests and responses, as ASGI has them."""

from __future__ import annotations

Headers = list[tuple[bytes, bytes]]

_HOP_BY_HOP = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization",
    b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
})  # fmt: skip


def named_by_connection(headers: Headers) -> set[bytes]:
    """Give the names of the headers that hold for one connection only."""
    named = set(_HOP_BY_HOP)
    for name, value in headers:
        if name == b"connection":
            named |= {part.strip().lower() for part in value.split(b",")}
    return named


def header(headers: Headers, wanted: bytes) -> str:
    """Give the value of a header by its name in lower case; empty for none."""
    return next((value.decode("latin-1") for name, value in headers if name == wanted), "")
