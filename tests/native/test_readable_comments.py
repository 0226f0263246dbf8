"""Comments of the compiled kernel are in short sentences and standard terms.

Files that mirror the old detectors, and those of provenance, are left out: both are rewritten.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.repository.readability import dialect, hard_sentences, rust_comments

SOURCES = Path(__file__).resolve().parents[2] / "native" / "src"
FOLDERS = (
    "features", "baseline", "peers", "calibration", "trust", "codec", "learning", "json", "loop",
)  # fmt: skip
TOP = ("lib", "config", "units", "float_sums", "prefetch")
FILES = [
    *(SOURCES / f"{name}.rs" for name in TOP),
    *(file for folder in FOLDERS for file in sorted((SOURCES / folder).rglob("*.rs"))),
]


def named(path: Path) -> str:
    return str(path.relative_to(SOURCES))


@pytest.mark.parametrize("file", FILES, ids=named)
def test_comment_has_short_sentences_and_standard_terms(file: Path) -> None:
    prose = rust_comments(file.read_text())
    assert hard_sentences(prose) + dialect(prose) == []


def test_old_phrase_and_long_sentence_are_found() -> None:
    text = "/// Whether anyone is told.\nlet a = 1;\n// " + "word " * 36 + "end.\n"
    prose = rust_comments(text)
    assert dialect(prose) == ["line 1: told = alerted, reported, informed"]
    assert hard_sentences(prose)[0].startswith("word")
