"""Addresses of the server, of this machine, and of the proxy between them."""

from __future__ import annotations

from urllib.request import getproxies, proxy_bypass

import httpx

from models.errors import ConfigError
from pipeline.plain_http import is_loopback
from pipeline.text.quoted import masked, quoted


def upstream_of(url: str) -> httpx.URL:
    """Read the URL of the server; raise `ConfigError` for another kind of URL.

    >>> upstream_of("ftp://example.com")
    Traceback (most recent call last):
    models.errors.ConfigError: expected --upstream http://HOST[:PORT][/PATH], got 'ftp://example.com'
    """
    try:
        found = httpx.URL(url)
    except httpx.InvalidURL:
        found = httpx.URL("")
    if found.scheme not in ("http", "https") or not found.host or found.userinfo:
        raise ConfigError(
            f"expected --upstream http://HOST[:PORT][/PATH], got {quoted(masked(url))}"
        )
    return found


def is_local(host: str) -> bool:
    """Tell whether a header ``Host`` names this machine.

    >>> is_local("127.0.0.1:9000"), is_local("[::1]"), is_local("page.example.com:9000")
    (True, True, False)
    """
    name = host.partition("]")[0].strip("[") if host.startswith("[") else host.partition(":")[0]
    return is_loopback(name)


def proxy_for(upstream: httpx.URL) -> str | None:
    """Give the proxy that the environment names for a server; None for none."""
    if proxy_bypass(upstream.host):
        return None
    return getproxies().get(upstream.scheme)
