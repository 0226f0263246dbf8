"""docs/architecture.md names the loops, and every caller of the update of trust."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
PROSE = re.sub(r"\s+", " ", PAGE)
LONGEST = 150


def sources(*folders: str) -> dict[str, str]:
    return {
        path.relative_to(ROOT).as_posix(): path.read_text()
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
    }


def test_page_names_every_loop_with_its_file() -> None:
    loops = [
        f"`{name}` in `{path}`"
        for path, text in sources("pipeline").items()
        for name in re.findall(r"^class (\w*Loop)\b", text, re.MULTILINE)
    ]
    assert len(loops) == 2
    assert [one for one in loops if one not in PROSE] == []


def test_page_names_every_caller_of_the_update_of_trust() -> None:
    callers = [
        path
        for path, text in sources("models", "pipeline").items()
        if re.search(r"^from models\.trust\.update import", text, re.MULTILINE)
    ]
    assert len(callers) > 1
    assert [path for path in callers if path not in PAGE] == []
    assert "models/trust/update.py" in PAGE


def test_page_names_the_loop_that_serve_starts() -> None:
    path = "pipeline/processing/runner.py"
    assert "def serve_inbox(" in (ROOT / path).read_text()
    assert f"`serve_inbox` in `{path}`" in PROSE


def test_words_are_in_the_files_that_the_page_names() -> None:
    pairs = re.findall(r"`(\w+)` in `([\w./-]+\.py)`", PROSE)
    assert len(pairs) > 3
    assert [
        f"{word} in {file}" for word, file in pairs if word not in (ROOT / file).read_text()
    ] == []


def test_page_is_short() -> None:
    assert len(PAGE.splitlines()) <= LONGEST
