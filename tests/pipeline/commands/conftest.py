"""The command line in this process: exit code, output, errors."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pipeline.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = tuple[int, str, str]


@pytest.fixture
def habitus(capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    def run(*args: str) -> Run:
        with pytest.raises(SystemExit) as ended:
            app(list(args))
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove all settings, and work in an empty folder."""
    for name in [name for name in os.environ if name.startswith("HABITUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
