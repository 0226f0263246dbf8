"""The server: uvicorn with our connections, and periodic checks."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable

import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from pipeline.settings import Settings
from scoring_api.app import Application
from scoring_api.serving.acceptor import Acceptor
from scoring_api.serving.admission import Admission
from scoring_api.serving.certificates import Certificates
from scoring_api.serving.connection import Connection
from scoring_api.serving.limits import Limits, fit_to_files
from scoring_api.serving.proxied_clients import ProxiedClients
from scoring_api.serving.proxies import Proxies
from scoring_api.wiring import create_app_from_settings, limits_of, tls_of

END_S = 30


class Server(uvicorn.Server):
    """One server on one event loop.

    Parameters
    ----------
    app
        The application; the server adds its metrics to those of the application.
    limits
        Limits of clients.
    proxies
        Proxies whose ``X-Forwarded-For`` is believed.
    certificates
        Certificates for TLS; None: no TLS.
    stop
        Ends the server if set, for a signal before the server handles signals.
    """

    def __init__(
        self,
        app: Application,
        limits: Limits | None = None,
        *,
        proxies: Proxies | None = None,
        certificates: Certificates | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self.admission = Admission(limits or Limits(), proxies)
        self._certificates = certificates
        self._stop = stop
        self._accepting: list[asyncio.Task[None]] = []
        registry = app.service.metrics.registry
        registry.register(self.admission)
        if certificates is not None:
            registry.register(certificates)
        super().__init__(
            uvicorn.Config(
                self._around(app),
                callback_notify=self._each_second,
                timeout_notify=0,
                loop="auto",  # uvloop if installed
                http=Connection,
                # No upgrade: it would bypass our connections.
                ws="none",
                # `_around` reads client addresses of trusted proxies.
                proxy_headers=False,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=END_S,
            )
        )

    def _around(self, app: Application) -> Callable[..., Awaitable[None]]:
        if not self.admission.proxies:
            return app
        trusted = [str(network) for network in self.admission.proxies.networks]
        return ProxyHeadersMiddleware(ProxiedClients(app, self.admission), trusted)  # type: ignore[arg-type]  # plain ASGI

    def _connection(self, host: str) -> Connection:
        return Connection(self.admission, host, self.config, self.server_state, self.lifespan.state)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then accept connections."""
        await super().startup(sockets=[])
        acceptor = Acceptor(self.admission, self._certificates, self._connection)
        self._accepting = [asyncio.create_task(acceptor.run(each)) for each in sockets or ()]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down; limits apply until the last connection is closed."""

        async def look() -> None:
            while True:
                await self._each_second()
                await asyncio.sleep(1)

        for accepting in self._accepting:
            accepting.cancel()
        looking = asyncio.create_task(look())
        try:
            await super().shutdown(sockets)
        finally:
            looking.cancel()

    async def _each_second(self) -> None:
        self.should_exit = self.should_exit or (self._stop is not None and self._stop.is_set())
        for accepting in self._accepting:
            if accepting.done() and not accepting.cancelled():
                accepting.result()  # raises: a server that cannot accept ends
        now = asyncio.get_running_loop().time()
        connections = self.server_state.connections
        self.admission.sweep(connections, now)  # type: ignore[arg-type]  # all are `Connection`
        if self._certificates is not None and self._certificates.follow(now):
            # Clients of a removed authority must present a certificate again.
            for connection in list(connections):
                connection.shutdown()


def serve(settings: Settings, listener: socket.socket, stop: threading.Event) -> bool:
    """Serve the API until a signal; return whether it started."""
    files = tls_of(settings)
    server = Server(
        create_app_from_settings(),
        fit_to_files(limits_of(settings)),
        proxies=Proxies(settings.trusted_proxies),
        certificates=None if files is None else Certificates(files),
        stop=stop,
    )
    server.run(sockets=[listener])
    return server.started
