"""Real issuers of identities, and the command that tests run against them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.components import KEYCLOAK, ROOT, SPIRE, absent
from tests.identity.realm import Realm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Command:
    """Runs ``habitus`` in a folder, with settings as variables."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def arguments(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "pipeline.cli", *words]

    def variables(self, **settings: str) -> dict[str, str]:
        kept = {name: said for name, said in os.environ.items() if not name.startswith("HABITUS_")}
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        said = {f"HABITUS_{name.upper()}": value for name, value in settings.items()}
        return kept | {"PYTHONPATH": paths} | said

    def __call__(self, *words: str, **settings: str) -> str:
        done = subprocess.run(  # noqa: S603 - our own program
            self.arguments(*words), cwd=self.folder, env=self.variables(**settings),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def decoded(self, fmt: str, *records: Any) -> list[dict[str, Any]]:
        """Give what ``habitus decode`` makes of records: objects, or lines of text."""
        path = self.folder / f"{fmt}.log"
        lines = [one if isinstance(one, str) else json.dumps(one) for one in records]
        path.write_text("".join(f"{line}\n" for line in lines))
        out = self("decode", str(path), "--format", fmt)
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def habitus(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture
def realm() -> Iterator[Realm]:
    """Give a realm of this test alone, in the Keycloak that `make services` started."""
    try:
        found = json.loads((ROOT / ".services" / "keycloak.json").read_text())
        httpx.get(f"{found['url']}/realms/master", timeout=30).raise_for_status()
    except (OSError, ValueError, KeyError, httpx.HTTPError):
        absent(KEYCLOAK)
    made = Realm(**found)
    yield made
    made.delete()


@pytest.fixture
def spire_programs() -> Path:
    """Give the folder of SPIRE's programs."""
    programs = sorted((ROOT / ".services").glob("spire-*/bin/spire-server"))
    if not programs or not programs[-1].with_name("spire-agent").is_file():
        absent(SPIRE)
    return programs[-1].parent
