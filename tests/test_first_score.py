"""README's first score: its events and commands give the table that it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAX_LINES = 120


@pytest.fixture
def part() -> str:
    """Give the section about a first score."""
    (found,) = re.findall(
        r"^## A first score.*?(?=^## )", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    return str(found)


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= MAX_LINES


def test_events_and_commands_of_readme_give_its_table(part: str, tmp_path: Path) -> None:
    (events,) = re.findall(r"^```json\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
    (shown,) = re.findall(r"^```\n(no inventory .*?┏.*?)^```$", part, re.MULTILINE | re.DOTALL)
    (settings,) = re.findall(r"^    export (.+)$", part, re.MULTILINE)
    commands = re.findall(r"^    habitus (.+)$", part, re.MULTILINE)
    assert commands == ["run --drain", "agents"]
    (tmp_path / "actions.jsonl").write_text(events)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HABITUS_")}
    environment = kept | dict(setting.split("=", 1) for setting in settings.split())
    for command in commands:
        done = subprocess.run(  # noqa: S603  # our own interpreter
            [sys.executable, "-m", "pipeline.cli", *command.split()],
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert done.stdout.split() == shown.split()
