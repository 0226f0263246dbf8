"""What lies in deploy/, as those who use it read it; and an API to hold it against."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
import yaml

from pipeline.formats import Native
from pipeline.store import open_store
from scoring_api.app import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


@pytest.fixture(scope="session")
def manifests() -> list[dict[str, Any]]:
    """All objects that the kustomization names."""
    folder = DEPLOY / "kubernetes"
    found: list[dict[str, Any]] = []
    for name in yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]:
        found += yaml.safe_load_all((folder / name).read_text())
    return found


@pytest.fixture
def client(tmp_path) -> Iterator[httpx.Client]:
    """A client of the API, served over a socket as in operation, over an empty store."""
    with open_store(f"sqlite:{tmp_path}/h.db") as store, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        app = create_app(store, Native().read)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            with httpx.Client(base_url=url) as client:
                end = time.monotonic() + 20
                while not server.started or client.get("/readyz").status_code != 200:
                    assert time.monotonic() < end
                    time.sleep(0.02)
                yield client
        finally:
            server.should_exit = True
            thread.join(10)
