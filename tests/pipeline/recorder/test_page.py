"""The page of the recorder: its example runs, and gives the event that it shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from pipeline.tap.variables import RECORD_TO
from tests.pipeline.recorder.conftest import lines_of

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "recorder.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def without_chance(event: dict[str, Any]) -> dict[str, Any]:
    return event | {
        "id": "",
        "time": "",
        "duration_ms": 0.0,
        "attributes": list(event["attributes"]),
    }


def test_example_gives_the_event_of_the_page(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    subprocess.run(  # noqa: S603  # the page's code
        [sys.executable, "-c", block("python")],
        env={**os.environ, "PYTHONPATH": str(ROOT), RECORD_TO: f"file:{path}"},
        check=True,
        timeout=60,
    )
    first, second = lines_of(path)
    shown = json.loads(block("json"))
    assert first["argument_origins"] == {"number": [["1041", ["request"]]]}
    assert without_chance(second) == without_chance(shown)
    assert list(second) == list(shown)


def test_page_has_at_most_60_lines() -> None:
    assert len(PAGE.splitlines()) <= 60
