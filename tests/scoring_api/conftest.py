"""The API over a real store of one test, and builders of what lies in it."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from models.telemetry.last_seen import LastSeen
from models.trust.ledger import Item, Ledger
from models.trust.levels import LevelState
from models.trust.state import TrustState
from models.units import DAY_US, HOUR_US
from pipeline.assembling.secrets.raw_text import hidden_bytes
from pipeline.enrichment.inventory import load
from pipeline.formats import Native
from pipeline.store import Commit, PipelineStatus, Store, open_store
from scoring_api.app import Application, create_app
from scoring_api.config import ApiConfig
from scoring_api.serving.server import Server
from scoring_api.wiring import examine, operations_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from models.trust.opinion import TrustPolicy

REFUNDS = "spiffe://example.com/ns/shop/sa/refunds"


def now_us() -> int:
    return time.time_ns() // 1000


def make_item(key: str = "k1", severity: Any = "high", at_us: int | None = None) -> Item:
    return Item(
        key=key,
        id=f"anomaly-{key}",
        at_us=now_us() - DAY_US if at_us is None else at_us,
        severity=severity,
        anomaly="resource.new",
        facet="data",
    )


def make_state(
    agent_id: str = REFUNDS,
    *,
    mode: str = "delegated",
    days: int = 60,
    items: tuple[Item, ...] = (),
    level: Any = "trusted",
    at_us: int | None = None,
    **more: Any,
) -> TrustState:
    now = now_us() if at_us is None else at_us
    today = now // DAY_US
    ledger = Ledger(days=dict.fromkeys(range(today - days, today), 20))
    for item in items:
        ledger.add(item)
    given: dict[str, Any] = {
        "role": "refund-assistant",
        "owner": "shop@example.com",
        "version": "3",
        "state": "active",
        "registered": True,
        "level_state": LevelState(level=level),
        "config_version": "c1",
        **more,
    }
    return TrustState(
        agent_id=agent_id,
        mode=mode,
        first_seen_us=now - days * DAY_US,
        last_seen_us=now,
        events=days * 20,
        ledger=ledger,
        **given,
    )


def make_anomaly(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"anomaly-{number}",
        "version": 1,
        "agent_id": REFUNDS,
        "mode": "delegated",
        "owner": None,
        "session": "s-1",
        "event_id": f"e-{number}",
        "tool": "orders.read",
        "time": f"2026-01-05T08:{number % 60:02}:00.000000Z",
        "first_time": f"2026-01-05T08:{number % 60:02}:00.000000Z",
        "anomaly": "resource.new",
        "severity": "high",
        "facet": "data",
        "p": 0.0003,
        "p_pool": "fleet",
        "p_n": 812,
        "rank": 9.0 + number / 100,
        "session_p": 0.002,
        "bits": {"sum": 31.2, "max": 9.4},
        "reasons": [
            {
                "feature": "provenance",
                "bits": 9.4,
                "observed": "payee from result:browse_webpage, new to the role",
                "expected": [["request", 0.93]],
                "why": "the payee came from a web page, and this role takes it from requests",
            }
        ],
        "tags": {"owasp": ["ASI02"], "maestro": ["L2"], "attack": ["T1530"], "atlas": []},
        "findings": [
            {
                "anomaly": more.get("anomaly", "resource.new"),
                "detector": "content",
                "subject": "payee",
                "bits": 9.4,
                "why": "the payee came from a web page, and this role takes it from requests",
            }
        ],
        "key": f"key-{number}",
        "case_id": f"C-{number:016x}",
        "count": 1,
        "events": [{"id": f"e-{number}", "position": f"file@{number}"}],
        "position": f"file@{number}",
        "snapshot": 7,
        "status": "open",
        "config_version": "c1",
        "trust": {"before": 91, "after": 73},
        **more,
    }


def make_case(number: int, **more: Any) -> dict[str, Any]:
    at = f"2026-01-05T08:{number % 60:02}:00.000000Z"
    reason = make_anomaly(number)["reasons"][0]
    return {
        "case_id": f"C-{number:016x}",
        "version": 1,
        "change": "opened",
        "status": "open",
        "agent_id": REFUNDS,
        "agents": [REFUNDS],
        "agent_count": 1,
        "mode": "delegated",
        "modes": ["delegated"],
        "role": "refund-assistant",
        "roles": ["refund-assistant"],
        "owner": None,
        "opened": at,
        "last": at,
        "severity": "high",
        "return_period_days": 2.0 + number,
        "title": "Unusual data, resource or destination: payee",
        "signals": [
            {
                "detector": "content",
                "anomaly": "resource.new",
                "subject": "payee",
                "bits": 9.4,
                "return_period_days": 2.0 + number,
                "tags": {"owasp": ["ASI02"], "maestro": ["L2"], "attack": [], "atlas": []},
                "reasons": [reason],
            }
        ],
        "events": {"count": 1, "ids": [f"e-{number}"]},
        "sessions": ["s-1"],
        "traces": [],
        "trust": {"before": {"score": 91, "lower": 80}, "after": {"score": 73, "lower": 60}},
        "disposition": None,
        "decision": None,
        "assignee": None,
        "comments": 0,
        "suppressed_by": None,
        "config_version": "c1",
        **more,
    }


class Installation:
    """A store with a worker that says it is well, and the API over it."""

    REFUNDS = REFUNDS
    item = staticmethod(make_item)
    state = staticmethod(make_state)
    anomaly = staticmethod(make_anomaly)
    case = staticmethod(make_case)
    now_us = staticmethod(now_us)

    def __init__(self, store: Store) -> None:
        self.store = store
        self.heard = LastSeen()
        self.say()

    def say(self, state: Any = "running", ago_s: float = 0, lag_s: float = 0) -> None:
        then = now_us() - int(ago_s * 1e6)
        self.store.commit(Commit(status=PipelineStatus(state, then, then, int(lag_s * 1e6))))

    def put(self, *states: TrustState) -> None:
        self.store.commit(Commit(profiles=[(s.agent_id, s.mode, b"profile", s) for s in states]))

    def ago_us(self, hours: int) -> int:
        """Give the instant so many hours before the last event of all."""
        watermark_us = self.store.status().watermark_us
        assert watermark_us is not None
        return watermark_us - hours * HOUR_US

    def hear(self, agent_id: str, *hours_ago: int) -> None:
        """Let an agent have been heard so many hours before the last event of all, in order."""
        for ago in hours_ago:
            self.heard.note(agent_id, "delegated", self.ago_us(ago) // HOUR_US)
        self.store.commit(Commit(shared=self.heard.dump()))

    def hear_until(self, agent_id: str, ago: int, usual: int = 14) -> None:
        """Let an agent have been heard every four hours of two weeks, then `usual` later."""
        begun = ago + usual
        self.hear(agent_id, *range(begun + 14 * 24, begun - 1, -4), ago)

    def find(self, *anomalies: dict[str, Any]) -> None:
        self.store.commit(Commit(anomalies=list(anomalies)))

    def file(self, *cases: dict[str, Any]) -> None:
        """Store cases, each with its agents."""
        agents = [(one["case_id"], name) for one in cases for name in one["agents"]]
        self.store.commit(Commit(cases=list(cases), case_agents=agents))

    def app(
        self, policy: TrustPolicy | None = None, inventory: Path | None = None, **config: Any
    ) -> Application:
        return create_app(
            self.store,
            Native().read,
            ApiConfig(poll_s=0.02, silent_every_s=0.05, **config),
            policy,
            inventory=load(inventory),
            examine=examine,
            operations_of=operations_of,
            hide=hidden_bytes,
        )

    @contextmanager
    def served(self, app: Application) -> Iterator[str]:
        """Serve over a socket, as in operation; give the base URL."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            server = Server(app)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            try:
                eventually(lambda: server.started)
                yield f"http://127.0.0.1:{listening.getsockname()[1]}"
            finally:
                server.should_exit = True
                thread.join(10)

    @contextmanager
    def client(
        self, policy: TrustPolicy | None = None, *, key: str | None = None, **config: Any
    ) -> Iterator[httpx.Client]:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        with (
            self.served(self.app(policy, **config)) as url,
            httpx.Client(base_url=url, headers=headers) as client,
        ):
            eventually(lambda: client.get("/readyz").status_code == 200)
            yield client


def eventually(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with open_store(f"sqlite:{tmp_path / 'habitus.db'}") as store:
        yield Installation(store)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def installed(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """Give an installation over a store of each kind."""
    if request.param == "sqlite":
        yield request.getfixturevalue("installation")
        return
    with open_store(request.getfixturevalue("postgresql_url")) as store:
        yield Installation(store)


@pytest.fixture(scope="module")
def module_installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    path = tmp_path_factory.mktemp("store") / "habitus.db"
    with open_store(f"sqlite:{path}") as store:
        yield Installation(store)


@pytest.fixture
def until() -> Callable[..., None]:
    return eventually


@pytest.fixture
def client(installation: Installation) -> Iterator[httpx.Client]:
    with installation.client() as ready:
        yield ready
