"""Query a Kafka broker over a plain socket.

An open port is not yet a ready broker: while it starts, the metadata lists no broker.
"""

from __future__ import annotations

import socket
import struct

_METADATA, _VERSION, _CORRELATION = 3, 1, 7
_SECONDS = 2.0
_LARGEST_ANSWER = 1 << 20


def answers(host: str, port: int) -> bool:
    """Return whether a broker at this address answers and lists itself in its cluster."""
    client = b"habitus-services"
    request = struct.pack(">hhih", _METADATA, _VERSION, _CORRELATION, len(client)) + client
    request += struct.pack(">i", 0)  # about no topic at all
    try:
        with socket.create_connection((host, port), timeout=_SECONDS) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            (size,) = struct.unpack(">i", _exactly(connection, 4))
            if not 8 <= size <= _LARGEST_ANSWER:
                return False
            correlation, brokers = struct.unpack(">ii", _exactly(connection, size)[:8])
    except (OSError, EOFError):
        return False
    return bool(correlation == _CORRELATION and brokers > 0)


def free(host: str, port: int) -> bool:
    """Return whether a server could listen on this address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _exactly(connection: socket.socket, size: int) -> bytes:
    """Read `size` bytes."""
    read = b""
    while len(read) < size:
        part = connection.recv(size - len(read))
        if not part:
            raise EOFError
        read += part
    return read
