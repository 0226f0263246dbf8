"""The command line in this process: exit code, output, errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = tuple[int, str, str]


@pytest.fixture
def habitus(capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    def run(*args: str) -> Run:
        with pytest.raises(SystemExit) as ended:
            app(list(args))
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run
