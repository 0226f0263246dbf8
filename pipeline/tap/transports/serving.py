"""Serve the reverse proxy until a signal."""

from __future__ import annotations

import asyncio
import signal
import socket
from typing import TYPE_CHECKING

import uvicorn

from models.errors import ConfigError
from pipeline.tap.recording.delivery import say
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from types import FrameType

    from pipeline.tap.transports.reverse_proxy import ReverseProxy

_GRACE_S = 2


def serve(application: ReverseProxy, listen: str) -> None:
    """Serve on ``HOST:PORT`` until SIGTERM or SIGINT; port 0 takes a free one.

    Raises
    ------
    ConfigError
        The address cannot be listened on.
    """
    # The server stops in good order at a signal, which is then raised once more.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ignored)
    with _listener(listen) as listener:
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        # Time limits are those of the server and of the client; streams may be open for days.
        config = uvicorn.Config(
            application, log_config=None, access_log=False, lifespan="off", server_header=False,
            date_header=False, proxy_headers=False, ws="none", timeout_keep_alive=75,
            timeout_graceful_shutdown=_GRACE_S,
        )  # fmt: skip
        server = _Server(config, f"listening on http://{shown}:{port}")
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(server.serve(sockets=[listener]))


def _ignored(number: int, frame: FrameType | None) -> None:
    """Do nothing."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: str) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        say(self._ready)


def _listener(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) >= 1 << 16:
        raise ConfigError(f"expected --listen HOST:PORT, got {quoted(listen)}")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), int(port)), family=family, backlog=1024)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0].lower()
        raise ConfigError(f"cannot listen on {listen}: {reason}") from error
