"""Small made-up inputs, runs of the pipeline over them, and everything that a store holds."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest

from lab.simulation.sample import fleet_events
from pipeline.processing import runner
from pipeline.settings import Settings
from pipeline.store import open_shard, open_store
from tests.pipeline.mortals import Mortals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.processing.run_summary import RunSummary
    from pipeline.store.postgresql import PostgresStore

ROOT = Path(__file__).resolve().parents[2]
SECRET = b"a secret of tests, 32 bytes long"
SHADOW = "invoice-clerk-00004"
STEWARD = "data-steward-00002"

BAD = (
    b'{"id":"bad-1"',
    b'{"id":"bad-2","time":"2026-10-05T08:00:00Z","agent":{"id":"a"}}',
    b'{"id":3,"time":"2026-10-05T08:00:00Z","agent":{"id":"a"},"tool":"t"}',
    b'{"id":"bad-4","time":"yesterday","agent":{"id":"a"},"tool":"t"}',
    b'{"id":"\xff\xfe","time":"2026-10-05T08:00:00Z","agent":{"id":"a"},"tool":"t"}',
)

# Everything a store holds, without what differs between two runs that did the same: numbers of
# rows, and the wall time of the last heartbeat.
_STATE = {
    "profiles": "select agent_id, mode, trust, trust_digest, digest, blob from profiles "
    "order by agent_id, mode",
    "sessions": "select key, digest, blob from sessions order by key",
    "shared": "select name, digest, blob from shared order by name",
    "seen": "select key, day from seen order by key",
    "anomalies": "select id, agent_id, time_us, severity, kind, rank, status, blob "
    "from anomalies order by id",
    "anomaly_members": "select id, anomaly_id, agent_id from anomaly_members order by id",
    "cases": "select id, agent_id, last_us, severity, rank, status, blob from cases order by id",
    "case_agents": "select agent_id, case_id from case_agents order by agent_id, case_id",
    "audit": "select kind, object, version, agent_id, digest, blob from audit order by number",
    "audit_due": "select number from audit_due order by number",
    "suppressed": "select suppression, case_id from suppressed order by suppression, case_id",
    "aliases": "select value, agent_id, state, version, digest, blob from aliases "
    "order by value, agent_id",
    "held": "select event_id, agent_id, mode, time_us, blob from held order by agent_id, event_id",
    "outbox": "select message from outbox order by id",
    "inbox": "select value from inbox order by id",
    "positions": "select source, position from positions order by source",
    "counters": "select name, value from counters order by name",
    "secret": "select value from meta where key = 'secret'",
}


def _events(limit: int) -> list[bytes]:
    """Events of six agents over three days, one of them in two modes, with deployments."""
    lines = list(fleet_events(7, 6, limit=limit))
    for at, agent, version in ((limit // 2, STEWARD, "2.0"), (limit // 3, SHADOW, "1.5")):
        deployment = {
            "id": f"deploy-{agent}",
            "time": json.loads(lines[at])["time"],
            "agent": {"id": agent, "version": version},
            "tool": "deploy",
            "kind": "deployment",
        }
        lines.insert(at, json.dumps(deployment).encode())
    return lines


def _mixed(limit: int) -> list[bytes]:
    """The same with lines between that are no events, and repeats."""
    mixed: list[bytes] = []
    for number, line in enumerate(_events(limit)):
        mixed.append(line)
        if number % 40 == 7:
            mixed.append(BAD[number // 40 % len(BAD)])
        if number % 60 == 11:
            mixed.append(mixed[number // 2])
    return mixed


class Pipeline:
    """Runs of the pipeline in one folder."""

    BAD = BAD
    SHADOW = SHADOW
    STEWARD = STEWARD
    SECRET = SECRET
    events = staticmethod(_events)
    mixed = staticmethod(_mixed)

    def __init__(self, folder: Path, mortals: Mortals, server: str | None = None) -> None:
        self.folder = folder
        self._mortals = mortals
        self._server = server  # where databases are made; None: files
        self._made: set[str] = set()
        self.inventory = folder / "inventory.csv"
        known = sorted({json.loads(line)["agent"]["id"] for line in _events(400)} - {SHADOW})
        rows = [f"{agent},{agent.rsplit('-', 1)[0]},team@example.com" for agent in known]
        self.inventory.write_text("\n".join(["agent_id,role,owner", *rows]) + "\n")

    def file(self, lines: list[bytes], name: str = "events.jsonl") -> Path:
        path = self.folder / name
        path.write_bytes(b"\n".join(lines) + b"\n")
        return path

    def settings(self, source: Path | str, name: str = "run", **more: Any) -> Settings:
        """Settings over a store and a folder of results, both called `name`."""
        store = self.store(name)
        given: dict[str, Any] = {
            "source": f"file:{source}" if isinstance(source, Path) else source,
            "store": store,
            "sink": f"file:{self.folder / name}",
            "batch_size": 150,
            "inventory": self.inventory,
            "clock": "event",  # made-up events are not ahead of it, whatever the machine's says
        }
        return Settings(**given | more)

    def store(self, name: str) -> str:
        """Give the URL of a store, made at the first call."""
        url = f"sqlite:{self.folder / name}.db"
        if self._server is not None:
            own = hashlib.sha256(f"{self.folder}/{name}".encode()).hexdigest()[:16]
            url = urlsplit(self._server)._replace(path=f"/habitus_{own}").geturl()
        if url not in self._made:
            self._made.add(url)
            if self._server is not None:
                self._on_server("create database {}", url)
            open_store(url, secret=SECRET).close()
        return url

    def forget(self) -> None:
        """Take the databases away again."""
        for url in self._made if self._server is not None else ():
            self._on_server("drop database {} with (force)", url)

    def _on_server(self, statement: str, url: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as server:
            server.execute(statement.format(url.rpartition("/")[2]).encode())

    def run(self, settings: Settings, *, drain: bool = True) -> RunSummary:
        return runner.run(settings, drain=drain, stop=threading.Event())

    def lives(self, settings: Settings, step: str = "none", nth: int = 2) -> int:
        """Run as a process of its own that dies again and again; give how often."""
        return int(self._mortals.run(self.folder, self.environment(settings), step, nth))

    def environment(self, settings: Settings) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not _own(name)}
        said = settings.model_dump(mode="json", include=settings.model_fields_set)
        said = {f"HABITUS_{name.upper()}": str(value) for name, value in said.items()}
        return {**kept, **said, "PYTHONPATH": str(ROOT)}

    def state(self, settings: Settings) -> dict[str, list[Any]]:
        """Everything the store holds."""
        if self._server is not None:
            with psycopg.connect(settings.store) as server:
                return {
                    name: server.cursor(binary=True).execute(query.encode()).fetchall()
                    for name, query in _STATE.items()
                }
        path = settings.store.partition(":")[2]
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return {name: database.execute(query).fetchall() for name, query in _STATE.items()}
        finally:
            database.close()

    def published(self, settings: Settings) -> dict[str, set[bytes]]:
        """Lines published by topic, repeats taken together; half lines of a crash left out."""
        folder = Path(settings.sink.partition(":")[2])
        return {
            path.stem: {line for line in path.read_bytes().splitlines() if _whole(line)}
            for path in sorted(folder.iterdir())
        }


def _own(name: str) -> bool:
    return name.startswith("HABITUS_") and not name.startswith("HABITUS_TEST_")


def _whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


@pytest.fixture(autouse=True)
def _settings_of_the_test_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in filter(_own, list(os.environ)):
        monkeypatch.delenv(name)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of a store that is not made yet, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'habitus.db'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def store(settings: Settings) -> Iterator[PostgresStore]:
    """Give the store of the settings as every shard of it sees it."""
    with open_shard(settings.store, "") as opened:
        yield opened


@pytest.fixture
def from_outside() -> Callable[[str, str], None]:
    """Give what runs a statement on a store's tables as another program would."""
    return _from_outside


def _from_outside(url: str, statement: str) -> None:
    if url.startswith("postgresql:"):
        with psycopg.connect(url) as database:
            database.execute(statement.encode())
        return
    database = sqlite3.connect(url.removeprefix("sqlite:"))
    database.execute(statement)
    database.commit()
    database.close()


@pytest.fixture(scope="session")
def mortals() -> Iterator[Mortals]:
    made = Mortals()
    yield made
    made.close()


@pytest.fixture
def pipeline(tmp_path: Path, mortals: Mortals) -> Pipeline:
    return Pipeline(tmp_path, mortals)


@pytest.fixture(
    scope="module",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)],
)
def shared_pipeline(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, mortals: Mortals
) -> Iterator[Pipeline]:
    """One folder for the tests of a module, so that they compare with one uninterrupted run."""
    server = None
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql_server")
    made = Pipeline(tmp_path_factory.mktemp("pipeline"), mortals, server)
    yield made
    made.forget()


@pytest.fixture
def on_server(
    tmp_path_factory: pytest.TempPathFactory, mortals: Mortals, postgresql_server: str
) -> Iterator[Any]:
    """Give runs of the pipeline over databases of a server."""
    made = Pipeline(tmp_path_factory.mktemp("on-server"), mortals, postgresql_server)
    yield made
    made.forget()
