"""Credentials are sent over https, or to this machine: one check for all that send one."""

from __future__ import annotations

import os
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

ALLOWING = "HABITUS_PLAIN_HTTP"
"""Variable that allows to send credentials over plain http to other machines: ``1``."""
_YES = frozenset({"1", "true", "yes"})


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Return whether a host name or address is that of this machine only.

    >>> is_loopback("127.8.0.1"), is_loopback("localhost"), is_loopback("::ffff:127.0.0.1")
    (True, True, True)
    >>> is_loopback("192.0.2.1"), is_loopback("localhost.example.com")
    (False, False)
    """
    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def is_safe(url: str) -> bool:
    """Return whether a URL is https, or http of this machine, without a user in it.

    >>> is_safe("https://idp.example.com/keys"), is_safe("http://127.0.0.1:8080/keys")
    (True, True)
    >>> is_safe("http://idp.example.com/keys"), is_safe("ftp://a"), is_safe("https://u:p@a")
    (False, False, False)
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018  # raises for an invalid port
    except ValueError:
        return False
    if parts.username is not None or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def check_carrier(url: str, variable: str) -> None:
    """Refuse to send a credential over plain http to another machine, where anybody reads it.

    Parameters
    ----------
    variable
        Where the credential comes from, for the message.

    Raises
    ------
    ConfigError
        The URL is not safe, and ``HABITUS_PLAIN_HTTP`` does not allow it.

    Examples
    --------
    >>> check_carrier("http://127.0.0.1:8765", "HABITUS_TOKEN")
    >>> check_carrier("http://habitus.example.com", "HABITUS_TOKEN")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    models.errors.ConfigError: the key in HABITUS_TOKEN is not sent over plain http to ...
    """
    if is_safe(url) or os.environ.get(ALLOWING, "").lower() in _YES:
        return
    from models.errors import ConfigError  # later: a recorder checks first whose `models` it is

    try:
        host = (urlsplit(url).hostname or "")[:200]
    except ValueError:
        host = ""
    raise ConfigError(
        f"the key in {variable} is not sent over plain http to {host!r}, where others can read it; "
        f"use https, or set {ALLOWING}=1 in a network that you trust"
    )
