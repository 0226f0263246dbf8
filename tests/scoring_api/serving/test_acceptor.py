"""New connections wait for few turns of the loop, and a flood does not take all of one turn."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket

from scoring_api.serving.acceptor import Acceptor
from scoring_api.serving.admission import Admission
from scoring_api.serving.limits import Limits


class Opened(asyncio.Protocol):
    """A connection that only says that it is open."""

    def __init__(self, opened: list[Opened]) -> None:
        self.made = False
        self._opened = opened

    def connection_made(self, _transport: asyncio.BaseTransport) -> None:
        self.made = True
        self._opened.append(self)


async def opened_by_turn(waiting: int, limits: Limits) -> list[int]:
    """Let clients wait at a listener; give how many are open after each turn of the loop."""
    opened: list[Opened] = []
    counts = []
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=waiting))
        for _ in range(waiting):
            sockets.enter_context(socket.create_connection(listener.getsockname()))
        acceptor = Acceptor(Admission(limits), None, lambda _host: Opened(opened))  # type: ignore[arg-type,return-value]
        accepting = asyncio.create_task(acceptor.run(listener))
        for _ in range(1000):
            await asyncio.sleep(0)
            counts.append(len(opened))
            if len(opened) == waiting:
                break
        accepting.cancel()
    return counts


def test_32_new_clients_of_a_busy_server_wait_for_a_few_turns():
    counts = asyncio.run(opened_by_turn(32, Limits()))
    assert counts[-1] == 32
    assert len(counts) < 12


def test_a_flood_of_new_clients_takes_many_turns():
    counts = asyncio.run(opened_by_turn(400, Limits(connections_per_address=1000)))
    assert counts[-1] == 400
    assert max(b - a for a, b in itertools.pairwise(counts)) <= 64
