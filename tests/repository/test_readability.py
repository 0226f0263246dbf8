"""Pages are in short sentences and standard terms: at most 35 words, 18 on average, no dialect."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.repository.readability import (
    LONGEST,
    comments,
    dialect,
    hard_sentences,
    notebook_markdown,
    python_comments,
    rust_comments,
    unindented,
)

ROOT = Path(__file__).resolve().parents[2]
# Its tables hold published titles.
OF_ROWS = ROOT / "docs" / "detectors.md"
PAGES = [
    page
    for folder in (".", "docs", "docs/*", "data", "benchmarks", "notebooks", "policies")
    for page in sorted(ROOT.glob(f"{folder}/*.md"))
]
# How the prose of a file is found, by suffix or by name.
PROSE = {
    ".md": str,
    ".ipynb": notebook_markdown,
    ".py": python_comments,
    ".rs": rust_comments,
    ".yaml": unindented,
    ".yml": unindented,
    ".toml": comments,
    "Dockerfile": comments,
    "Makefile": comments,
}
TEXTS = [page for page in PAGES if page != OF_ROWS] + [
    file
    for pattern in (
        "notebooks/*.ipynb",
        "deploy/**/*",
        "policies/**/*",
        "Makefile",
        "native/src/**/*.rs",
    )
    for file in sorted(ROOT.glob(pattern))
    if (file.suffix or file.name) in PROSE and file not in PAGES
]
RUST = [file for file in TEXTS if file.suffix == ".rs"]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_page_has_short_sentences(page: Path) -> None:
    assert hard_sentences(page.read_text()) == []


@pytest.mark.parametrize("file", RUST, ids=named)
def test_comments_of_rust_file_have_short_sentences(file: Path) -> None:
    assert hard_sentences(rust_comments(file.read_text())) == []


@pytest.mark.parametrize("file", TEXTS, ids=named)
def test_text_has_no_phrase_of_the_old_dialect(file: Path) -> None:
    assert dialect(PROSE[file.suffix or file.name](file.read_text())) == []


def test_long_sentence_is_found() -> None:
    assert hard_sentences("word " * (LONGEST - 1) + "end. " + "Short one. " * 9) == []
    (found,) = hard_sentences("word " * LONGEST + "end. " + "Short one. " * 9)
    assert found.startswith("word word")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("One line.\nThis is Odd.", "line 2: odd = anomalous, surprising"),
        ("It goes as\never.", "line 1: as ever = as before, unchanged"),
        ("| a table | told |", "line 1: told = alerted, reported, informed"),
        ("```\ncode\n```\n[what is told](told.md)", "line 4: told = alerted, reported, informed"),
    ],
)
def test_phrase_is_found_with_its_line_and_replacement(text: str, line: str) -> None:
    assert dialect(text) == [line]


@pytest.mark.parametrize(
    "text", ["The oddments.", "A `told` name.", "    told = 1", "[a page](told/odd.md)"]
)
def test_parts_of_words_code_and_addresses_are_not_prose(text: str) -> None:
    assert dialect(text) == []


def test_old_phrase_and_long_sentence_of_a_rust_comment_are_found() -> None:
    prose = rust_comments("/// Whether anyone is told.\nlet a = 1;\n// " + "word " * 36 + "end.\n")
    assert dialect(prose) == ["line 1: told = alerted, reported, informed"]
    assert hard_sentences(prose)[0].startswith("word")
