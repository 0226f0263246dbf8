"""The answer of a client that does not read is cut, and counted."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from scoring_api.serving.admission import Admission
from scoring_api.serving.connection import Connection
from scoring_api.serving.limits import Limits

ANSWER = bytes(32 << 20)  # more than the buffers of a connection on loopback


async def answer(_scope: Any, _receive: Any, send: Any) -> None:
    headers = [(b"content-length", b"%d" % len(ANSWER))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})


async def refused_after(seconds: float) -> tuple[dict[str, int], bytes]:
    """Ask, read nothing for so long; give what is counted, and what can be read then."""
    door, state = Admission(Limits(body_s=30)), ServerState()
    config = uvicorn.Config(answer, http=Connection, ws="none", lifespan="off", log_config=None)
    config.load()
    loop = asyncio.get_running_loop()
    door.enter("192.0.2.1")
    server = await loop.create_server(
        lambda: Connection(door, "192.0.2.1", config, state, {}), "127.0.0.1", 0
    )
    with socket.create_connection(server.sockets[0].getsockname()) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while not any(one.flow.write_paused for one in state.connections):  # type: ignore[union-attr]
            await asyncio.sleep(0.01)
        door.sweep(list(state.connections), loop.time() + seconds)  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
        received = await asyncio.to_thread(read_all, client)
    server.close()
    return dict(door.refused), received


def read_all(client: socket.socket) -> bytes:
    parts = []
    while part := client.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)


def test_answer_that_is_read_in_time_is_whole() -> None:
    counted, received = asyncio.run(refused_after(29))
    assert counted == {}
    assert received.endswith(ANSWER)


def test_unread_answer_is_cut_and_counted() -> None:
    counted, received = asyncio.run(refused_after(31))
    assert counted == {"send_time": 1}
    assert received.startswith(b"HTTP/1.1 200")
    assert len(received) < len(ANSWER)
