"""A plugin of pytest: a broker and a database of one worker, which its tests may stop and hang."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chaos.servers import Servers
from tests.components import KAFKA, POSTGRESQL, ROOT, absent

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = {"kafka": KAFKA, "postgresql": POSTGRESQL}


@pytest.fixture(scope="session")
def own_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Give servers that no other worker uses."""
    folder = tmp_path_factory.mktemp("servers")
    # Every worker has ports of its own, so that two starts never choose the same.
    ports = {
        f"HABITUS_TEST_{name.upper()}_PORT": str(_free_port(21_000 + 1_000 * number))
        for number, name in enumerate(NAMES)
    }
    _services("up", folder, ports)
    try:
        for name, component in NAMES.items():
            if not (folder / f"{name}.json").exists():
                absent(component)
        yield Servers(home=folder)
    finally:
        database = folder / "postgresql.json"
        data = json.loads(database.read_text())["data"] if database.exists() else None
        _services("down", folder, {})
        if data is not None:
            shutil.rmtree(Path(data).parent)


def _services(action: str, folder: Path, ports: dict[str, str]) -> None:
    program = [sys.executable, str(ROOT / "deploy" / "services" / "services.py"), action, *NAMES]
    environment = {**os.environ, **ports, "HABITUS_TEST_SERVICES": str(folder)}
    subprocess.run(program, env=environment, check=True)  # noqa: S603  # our own program


def _free_port(first: int) -> int:
    """Give a port of this worker that is free, and so is the next one."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for port in range(first + 50 * worker, first + 50 * worker + 50, 2):
        if all(_is_free(one) for one in (port, port + 1)):
            return port
    raise RuntimeError(f"no free port from {first + 50 * worker} on")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
