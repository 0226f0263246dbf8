"""Documents are in short sentences: 18 words on average, and none above 35."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import mean

import pytest

ROOT = Path(__file__).resolve().parents[1]
MEAN, LONGEST = 18.0, 35
# Rewritten by other work: the specification and the catalogue of detectors with the judge, pages of
# measurements with the command that will generate them.
LATER = {
    "benchmarks/README.md", "docs/detectors.md", "docs/measured.md",
    "docs/model.md", "docs/scale.md",
}  # fmt: skip
PAGES = [
    page
    for folder in (".", "docs", "data", "benchmarks", "notebooks")
    for page in sorted((ROOT / folder).glob("*.md"))
    if page.name != "CHANGELOG.md" and str(page.relative_to(ROOT)) not in LATER
]


def paragraphs(text: str) -> list[str]:
    """Give the prose of a page: no tables, headings, code or quotes; an item of a list is its own.

    >>> paragraphs("# Title\\n\\nOne\\ntwo.\\n\\n- a\\n- b\\n\\n    code\\n")
    ['One two.', 'a', 'b']
    """
    found: list[list[str]] = [[]]
    for line in re.sub(r"```.*?```", "", text, flags=re.DOTALL).splitlines():
        if not line.strip() or re.match(r"\s*(\||#|>)|    (?!\s*-)", line):
            found.append([])
            continue
        item = re.match(r"\s*(?:[-*]|\d+\.)\s+", line)
        if item:
            found.append([])
        found[-1].append(line[item.end() if item else 0 :].strip())
    return [" ".join(lines) for lines in found if lines]


def sentences(paragraph: str) -> list[str]:
    """Split a paragraph; code is one word, and a link its text.

    >>> sentences("Run `make test` now. See [the page](docs/model.md): it says why.")
    ['Run X now.', 'See the page:', 'it says why.']
    """
    text = re.sub(r"`[^`]*`", "X", paragraph)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("**", "")
    return [one for one in re.split(r"(?<=[.!?:;])\s+", text) if re.search(r"[a-z]", one)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_is_in_short_sentences(page: Path) -> None:
    found = [one for part in paragraphs(page.read_text()) for one in sentences(part)]
    lengths = [len(one.split()) for one in found]
    assert [one for one in found if len(one.split()) > LONGEST] == []
    assert mean(lengths) <= MEAN
