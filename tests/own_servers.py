"""A plugin of pytest: a broker and a database of one worker, which its tests may stop and hang."""

from __future__ import annotations

import json
import os
import shutil
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
    _services("up", folder)
    try:
        for name, component in NAMES.items():
            if not (folder / f"{name}.json").exists():
                absent(component)
        yield Servers(home=folder)
    finally:
        database = folder / "postgresql.json"
        data = json.loads(database.read_text())["data"] if database.exists() else None
        _services("down", folder)
        if data is not None:
            shutil.rmtree(Path(data).parent)


def _services(action: str, folder: Path) -> None:
    program = [sys.executable, str(ROOT / "deploy" / "services" / "services.py"), action, *NAMES]
    environment = {**os.environ, "HABITUS_TEST_SERVICES": str(folder)}
    subprocess.run(program, env=environment, check=True)  # noqa: S603  # our own program
