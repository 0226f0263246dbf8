"""Real components for tests, by name: what is absent is skipped and named, or fails in CI."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString
from urllib.parse import urlsplit

import psycopg
import pytest

from models.errors import ConfigError
from pipeline.installed_kernel import installed_kernel
from pipeline.sources.kafka.clients.kafka_module import KafkaAdminClient
from tests import own_servers, turns
from tests.components import (
    ABSENT,
    CHROMIUM,
    HOW,
    KAFKA,
    OPA,
    POSTGRESQL,
    PROMTOOL,
    ROOT,
    RUST,
    SHARED,
    TOOLS,
    absent,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

_BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def tools() -> Path:
    """Give the folder of the tools that have an environment of their own."""
    folder = ROOT / ".venv" / "tools" / "bin"
    if not folder.exists():
        absent(TOOLS)
    return folder


@pytest.fixture(scope="session")
def rust() -> None:
    """Need a Rust compiler."""
    if shutil.which("cargo") is None:
        absent(RUST)


@pytest.fixture(scope="session")
def kafka_address() -> str:
    """Give HOST:PORT of a broker that accepts connections."""
    address = os.environ.get("HABITUS_TEST_KAFKA") or _started_broker()
    if address is None or not _accepts(address):
        absent(KAFKA)
    return address


@pytest.fixture
def admin(kafka_address: str) -> Iterator[Any]:
    """Give a client that makes and deletes topics."""
    client = KafkaAdminClient(bootstrap_servers=kafka_address)
    yield client
    client.close()


@pytest.fixture(params=["kafka-python", "librdkafka"])
def kafka_client(request: pytest.FixtureRequest) -> str:
    """Say who reads from Kafka and publishes: what holds for one client holds for the other."""
    return str(request.param)


@pytest.fixture(scope="session")
def postgresql_server() -> str:
    """Give the URL of a PostgreSQL server on which we may make databases."""
    url = os.environ.get("HABITUS_TEST_POSTGRESQL") or _started_postgresql()
    if url is None:
        absent(POSTGRESQL)
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error:
        absent(POSTGRESQL)
    return url


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """Give the URL of an empty database of this test alone."""
    yield from _database(postgresql_server)


@pytest.fixture
def other_postgresql_url(postgresql_server: str) -> Iterator[str]:
    """Give the URL of another one."""
    yield from _database(postgresql_server)


@pytest.fixture
def ascii_postgresql_url(postgresql_server: str) -> Iterator[str]:
    """Give the URL of a database as a server without a locale makes it."""
    yield from _database(postgresql_server, "encoding 'SQL_ASCII' locale 'C' template template0")


def _database(postgresql_server: str, how: LiteralString = "") -> Iterator[str]:
    name = f"habitus_{secrets.token_hex(6)}"
    with psycopg.connect(postgresql_server, autocommit=True) as server:
        server.execute(f"create database {name} {how}")
        yield urlsplit(postgresql_server)._replace(path=f"/{name}").geturl()
        server.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Give the path of a Chromium that playwright can launch."""
    named = os.environ.get("HABITUS_TEST_CHROMIUM")
    path = named or next((found for found in map(shutil.which, _BROWSERS) if found), None)
    if path is None or not Path(path).is_file():
        absent(CHROMIUM)
    return path


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    """Give a browser without a window."""
    from playwright.sync_api import sync_playwright  # few tests need it

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium_path, args=_BROWSER_FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def promtool() -> str:
    """Give the path of Prometheus' own checker."""
    unpacked = ROOT / ".services" / "prometheus" / "usr" / "bin" / "promtool"
    found = os.environ.get("HABITUS_TEST_PROMTOOL") or shutil.which("promtool") or str(unpacked)
    if not Path(found).is_file():
        absent(PROMTOOL)
    return found


@pytest.fixture(scope="session")
def opa_path() -> str:
    """Give the path of Open Policy Agent."""
    compiled = sorted((ROOT / ".services").glob("opa-v*/opa"))
    found = os.environ.get("HABITUS_TEST_OPA") or shutil.which("opa")
    path = found or next(map(str, reversed(compiled)), "")
    if not Path(path).is_file():
        absent(OPA)
    return path


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Give the folder of labelled data and recorded fixtures beside the repository."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        absent(SHARED)
    return folder


def _started_broker() -> str | None:
    """Give the address that `make services` wrote down."""
    try:
        return str(json.loads((ROOT / ".services" / "kafka.json").read_text())["bootstrap"])
    except (FileNotFoundError, ValueError, KeyError):
        return None


def _started_postgresql() -> str | None:
    """Give the URL that `make services` wrote down."""
    try:
        return str(json.loads((ROOT / ".services" / "postgresql.json").read_text())["url"])
    except (FileNotFoundError, ValueError, KeyError):
        return None


def _accepts(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError):
        return False
    return True


def pytest_configure(config: pytest.Config) -> None:
    """End where the compiled kernel is not of the sources here: its results would mislead."""
    try:
        installed_kernel("auto")
    except ConfigError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
    config.pluginmanager.register(turns)
    config.pluginmanager.register(own_servers)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(parent: pytest.Collector) -> Iterator[None]:
    """Look for no examples in the tests, which would import each of them twice."""
    asked = parent.config.option.doctestmodules
    parent.config.option.doctestmodules = False
    try:
        return (yield)
    finally:
        parent.config.option.doctestmodules = asked


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the absent components and what that cost, before pytest's closing line."""
    counts: Counter[str] = Counter()
    for outcome in ("skipped", "error", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            said = report.longrepr[2] if outcome == "skipped" else report.longreprtext
            counts.update(name for name in HOW if f"{ABSENT}{name}" in said)
    if counts:
        terminalreporter.section("absent components")
    for name, count in sorted(counts.items()):
        terminalreporter.line(f"{name}: {count} tests did not run; {HOW[name]}")
