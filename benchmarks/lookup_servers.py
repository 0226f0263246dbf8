"""What trust look-ups are measured on: ours, a plain FastAPI route, and the least a server can do.

``python -m benchmarks.lookup_servers NAME PORT`` serves one of them on one core, with uvicorn,
uvloop and httptools, as ``habitus serve`` does.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import uvicorn
import uvloop
from fastapi import FastAPI, HTTPException

from benchmarks.turns import Turns
from models.answer import encode, trust_answer
from models.ledger import Item, Ledger
from models.levels import Standing
from models.trust import TrustPolicy
from models.trust_policy import DAY_US
from models.trust_state import TrustState
from pipeline.formats.native import Native
from scoring_api.app import create_app
from scoring_api.config import ApiConfig
from scoring_api.reading import PipelineStatus
from scoring_api.schemas import Trust

if TYPE_CHECKING:
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
    """Make the state of an agent with ninety days behind it, and up to three anomalies."""
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
        standing=Standing(level="trusted"),
        config_version="benchmark",
    )


class _Store:
    """A store of one version: look-ups are what is measured."""

    def __init__(self) -> None:
        self._states = [trust_state(number) for number in range(AGENTS)]

    def data_version(self) -> int:
        return 1

    def changes(self, after: int, limit: int) -> list[tuple[int, TrustState]]:
        return list(enumerate(self._states, 1))[after : after + limit]

    def status(self) -> PipelineStatus:
        now = time.time_ns() // 1000
        return PipelineStatus("running", heartbeat_us=now, watermark_us=now, lag_us=0)

    def counters(self) -> dict[str, int]:
        return {"events": AGENTS}

    def voices(self, _: int, /) -> list[dict[str, bytes]]:
        return []

    def anomalies(self, **_: object) -> list[dict[str, Any]]:
        return []

    def anomaly(self, _: str, /) -> None:
        return None

    def inbox(self, _: list[bytes], /) -> list[int]:
        return []


def habitus() -> App:
    """Make our application over 1,000 agents."""
    return create_app(_Store(), Native().read)


def with_key() -> App:
    """Make ours where callers have to show an API key; the file is named in the environment."""
    return create_app(
        _Store(), Native().read, ApiConfig(api_keys_file=Path(os.environ[KEYS_VARIABLE]))
    )


def plain() -> App:
    """Make the application to compare with: one route, one response model, answers at hand."""
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
    """Make the least there is: the same bytes for everyone, nothing looked at."""
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


async def _serve(name: str, port: int) -> None:
    Turns().listen()
    settings = uvicorn.Config(
        SERVERS[name](),
        host="127.0.0.1",
        port=port,
        http="httptools",
        lifespan="off" if name == "bare" else "on",
        access_log=False,
        log_level="warning",
        server_header=False,
    )
    await uvicorn.Server(settings).serve()


def main() -> None:
    """Serve one of the applications."""
    name, port = sys.argv[1:]
    os.sched_setaffinity(0, {SERVER_CORE})
    uvloop.run(_serve(name, int(port)))


if __name__ == "__main__":
    main()
