"""Servers of the trust look-up benchmark: ours, a plain FastAPI route, and a minimal server.

``python -m benchmarks.lookup.servers NAME PORT [BY]`` serves one of them on one core. Ours runs on
the server of ``habitus serve``, the others on uvicorn with uvloop and httptools, or on the server
BY.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import uvicorn
from fastapi import FastAPI, HTTPException
from uvicorn.loops.auto import auto_loop_factory

from benchmarks.lookup.turns import Turns
from models.trust.ledger import Item, Ledger
from models.trust.levels import LevelState
from models.trust.opinion import TrustPolicy
from models.trust.response import encode, trust_answer
from models.trust.state import TrustState
from models.units import DAY_US
from pipeline.formats.native import Native
from pipeline.store import open_store
from pipeline.store.batch import Commit, PipelineStatus
from scoring_api.app import Application, create_app
from scoring_api.config import ApiConfig
from scoring_api.schemas.trust import Trust
from scoring_api.serving.server import Server

if TYPE_CHECKING:
    from pipeline.store.protocol import Store
    from scoring_api.problems import App, Receive, Scope, Send

AGENTS = 1000
SERVER_CORE = 0
KEYS_VARIABLE = "BENCHMARK_KEYS"


def agent_name(number: int) -> str:
    """Give the id of an agent.

    >>> agent_name(7)
    'spiffe://example.com/agent/7'
    """
    return f"spiffe://example.com/agent/{number}"


def trust_state(number: int) -> TrustState:
    """Make the state of an agent with ninety days of history, and up to three anomalies."""
    now = time.time_ns() // 1000
    today = now // DAY_US
    ledger = Ledger(days=dict.fromkeys(range(today - 90, today), 20))
    for place in range(number % 4):
        ledger.add(
            Item(f"k{place}", f"a-{place}", now - place * DAY_US, "medium", "tool.new", "tools")
        )
    return TrustState(
        agent_id=agent_name(number),
        mode="delegated",
        state="active",
        ledger=ledger,
        level_state=LevelState(level="trusted"),
        config_version="benchmark",
    )


def _store() -> Store:
    """Make a store of 1,000 agents; nothing is written later, as only look-ups are measured."""
    now = time.time_ns() // 1000
    status = PipelineStatus("running", heartbeat_us=now, watermark_us=now, lag_us=0)
    store = open_store("sqlite::memory:")
    states = [trust_state(number) for number in range(AGENTS)]
    profiles = [(one.agent_id, one.mode, b"", one) for one in states]
    store.commit(Commit(profiles=profiles, status=status, counters={"events": AGENTS}))
    return store


def habitus() -> App:
    """Make our application over 1,000 agents."""
    return create_app(_store(), Native().read)


def with_key() -> App:
    """Make our application with API keys; the environment names the file."""
    return create_app(
        _store(), Native().read, ApiConfig(api_keys_file=Path(os.environ[KEYS_VARIABLE]))
    )


def plain() -> App:
    """Make the application for comparison: one route, one response model, prepared answers."""
    now = time.time_ns() // 1000
    policy = TrustPolicy()
    answers = {
        str(number): msgspec.to_builtins(
            trust_answer([state := trust_state(number)], state.agent_id, now, now, policy)
        )
        for number in range(AGENTS)
    }
    app = FastAPI()

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/v1/agents/{agent_id:path}/trust")
    async def trust(agent_id: str) -> Trust:
        found = answers.get(agent_id.rpartition("/")[2])
        if found is None:
            raise HTTPException(404)
        return Trust(**found)

    return app


def bare() -> App:
    """Make the minimal application: constant bytes for every request."""
    now = time.time_ns() // 1000
    body = encode(trust_answer([trust_state(0)], agent_name(0), now, now, TrustPolicy()))
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    end = {"type": "http.response.body", "body": body}

    async def answer(_: Scope, __: Receive, send: Send) -> None:
        await send(start)
        await send(end)

    return answer


SERVERS = {"habitus": habitus, "with a key": with_key, "plain": plain, "bare": bare}


BY = ("httptools", "h11", "zttp", "hypercorn", "granian")
"""Servers for comparison; the project does not install the last three."""


async def _by_uvicorn(app: App, port: int, http: Any) -> None:
    settings = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        http=http,
        lifespan="on" if isinstance(app, FastAPI | Application) else "off",
        access_log=False,
        log_level="warning",
        server_header=False,
    )
    await uvicorn.Server(settings).serve()


async def _by_hypercorn(app: Any, port: int) -> None:
    asyncio = importlib.import_module("hypercorn.asyncio")
    settings = importlib.import_module("hypercorn.config").Config()
    settings.bind = [f"127.0.0.1:{port}"]
    settings.loglevel = "WARNING"
    await asyncio.serve(app, settings)


async def _by_granian(app: Any, port: int) -> None:
    embed = importlib.import_module("granian.server.embed")
    asgi = importlib.import_module("granian.constants").Interfaces.ASGI
    await embed.Server(app, "127.0.0.1", port, interface=asgi, log_enabled=False).serve()


async def _serve(name: str, port: int, by: str) -> None:
    Turns().listen()
    app = SERVERS[name]()
    if by == "hypercorn":
        await _by_hypercorn(app, port)
    elif by == "granian":
        await _by_granian(app, port)
    elif by or not isinstance(app, Application):
        await _by_uvicorn(app, port, by or "httptools")
    else:
        with socket.create_server(("127.0.0.1", port)) as listener:
            await Server(app).serve(sockets=[listener])


def main() -> None:
    """Serve one of the applications."""
    name, port, *by = sys.argv[1:]
    os.sched_setaffinity(0, {SERVER_CORE})
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:  # uvloop if installed
        runner.run(_serve(name, int(port), by[0] if by else ""))


if __name__ == "__main__":
    main()
