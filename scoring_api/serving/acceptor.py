"""Accept connections: limits first, then TLS, then objects that need memory."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Final

from scoring_api.serving.admission import Admission
from scoring_api.serving.certificates import Certificates
from scoring_api.serving.connection import REFUSALS, Connection

log = logging.getLogger(__name__)

_SHUTDOWN_S: Final = 2.0
_AGAIN_S: Final = 0.1
# Connections accepted in one turn of the loop. With one per turn, new clients wait for many turns
# of a busy server. With all at once, a flood blocks the other clients.
_AT_ONCE: Final = 64


class Acceptor:
    """Accepts connections of one listening socket.

    uvicorn alone would make a parser and a transport for each connection, and wait a minute for a
    TLS handshake, before our limits apply.

    Parameters
    ----------
    admission
        Admits or refuses connections.
    certificates
        Certificates for TLS; None: no TLS.
    make
        Makes the connection object of a client address.
    """

    def __init__(
        self,
        admission: Admission,
        certificates: Certificates | None,
        make: Callable[[str], Connection],
    ) -> None:
        self._admission = admission
        self._certificates = certificates
        self._make = make
        self._opening: set[asyncio.Task[None]] = set()

    async def run(self, listener: socket.socket) -> None:
        """Accept until cancelled."""
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        while True:
            try:
                self._admit(*await loop.sock_accept(listener))
                for client, address in _waiting(listener):
                    self._admit(client, address)
            except OSError as error:
                # The client has closed, or there are too many open files.
                log.warning("accept_failed", extra={"fault": error.strerror})
                await asyncio.sleep(_AGAIN_S)
            else:
                await asyncio.sleep(0)

    def _admit(self, client: socket.socket, address: tuple[str, int]) -> None:
        host = address[0]
        refusal = self._admission.enter(host)
        if refusal is None:
            task = asyncio.get_running_loop().create_task(self._open(client, host))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
            return
        with contextlib.closing(client), contextlib.suppress(OSError):
            if self._certificates is None:
                client.send(REFUSALS[refusal])

    async def _open(self, client: socket.socket, host: str) -> None:
        connection = self._make(host)
        tls = self._certificates is not None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                client,
                ssl=self._certificates.context if self._certificates is not None else None,
                ssl_handshake_timeout=self._admission.limits.header_s if tls else None,
                ssl_shutdown_timeout=_SHUTDOWN_S if tls else None,
            )
        except (OSError, ssl.SSLError):
            self._admission.refused["handshake"] += 1
            client.close()
        finally:
            if not connection.made:
                self._admission.leave(host)


def _waiting(listener: socket.socket) -> Iterator[tuple[socket.socket, tuple[str, int]]]:
    """Give further pending connections."""
    for _ in range(_AT_ONCE - 1):
        try:
            client, address = listener.accept()
        except BlockingIOError:
            return
        client.setblocking(False)
        yield client, address
