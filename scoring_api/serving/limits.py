"""Limits of a client: connections, bytes and time."""

from __future__ import annotations

import logging
import resource
from dataclasses import dataclass, replace

from models.errors import ConfigError

log = logging.getLogger(__name__)

LOCAL_RESERVE = 32
BACKLOG = 1024
_OTHER_FILES = 256
_CERTAINLY_ONE = (
    "connections",
    "connections_per_address",
    "header_bytes",
    "target_bytes",
    "header_s",
    "body_s",
    "idle_s",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one server.

    Parameters
    ----------
    connections
        Connections in total. `LOCAL_RESERVE` more are reserved for ``127.0.0.1`` and ``::1``, so
        that local health checks are answered while all others are in use.
    connections_per_address
        Connections from one IPv4 address or one IPv6 network of 64 bits.
    header_bytes
        Bytes of request line and headers, and of the trailers of a chunked body.
    target_bytes
        Bytes of the request target.
    header_s
        Seconds from the first byte of a request, or from the connection, to the end of its headers.
        Also the limit of a TLS handshake.
    body_s
        Seconds from the end of the headers to the end of the body. Also the limit for reading an
        answer.
    idle_s
        Seconds until the next request on a kept connection.

    Examples
    --------
    >>> Limits().validate()
    >>> Limits(connections=64, connections_per_address=64).validate()
    Traceback (most recent call last):
        ...
    models.errors.ConfigError: max_connections_per_address must be below max_connections (64), \
got 64
    """

    connections: int = 1024
    connections_per_address: int = 256
    header_bytes: int = 16 * 1024
    target_bytes: int = 8 * 1024
    header_s: float = 10.0
    body_s: float = 30.0
    idle_s: float = 30.0

    def validate(self) -> None:
        """Raise `ConfigError` for limits that contradict each other."""
        for name in _CERTAINLY_ONE:
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} must be above 0, got {getattr(self, name)}")
        if self.connections_per_address >= self.connections:
            raise ConfigError(
                f"max_connections_per_address must be below max_connections ({self.connections}), "
                f"got {self.connections_per_address}"
            )
        if self.target_bytes > self.header_bytes:
            raise ConfigError(
                f"max_target_bytes must be at most max_header_bytes ({self.header_bytes}), "
                f"got {self.target_bytes}"
            )


def fit_to_files(limits: Limits) -> Limits:
    """Raise the process's limit on open files; reduce connections if it stays too low.

    Each connection is an open file. Without free descriptors the server could accept no client.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    besides = LOCAL_RESERVE + BACKLOG + _OTHER_FILES
    wanted = limits.connections + besides
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return limits
    allowed = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed == wanted:
        return limits
    connections = max(allowed - besides, allowed // 2, 2)
    each = min(limits.connections_per_address, max(connections // 4, 1))
    log.warning(
        "fewer_connections", extra={"open_files": allowed, "connections": connections, "each": each}
    )
    return replace(limits, connections=connections, connections_per_address=each)
