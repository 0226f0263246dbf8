"""Find what is hard to read in a text: long sentences, and phrases of the old dialect.

Each function takes text and returns findings, so that pages, docstrings and notebooks are checked
alike. `tests/repository/dialect.txt` lists the phrases, each with its replacement.
"""

from __future__ import annotations

import io
import json
import re
import tokenize
from functools import cache
from pathlib import Path
from statistics import mean

MEAN, LONGEST = 18.0, 35
DIALECT = Path(__file__).with_name("dialect.txt")


def paragraphs(text: str) -> list[str]:
    """Give the prose of a page: no tables, headings, code or quotes; an item of a list is its own.

    >>> paragraphs("# Title\\n\\nOne\\ntwo.\\n\\n- a\\n- b\\n\\n    code\\n")
    ['One two.', 'a', 'b']
    """
    found: list[list[str]] = [[]]
    for line in re.sub(r"```.*?```", "", text, flags=re.DOTALL).splitlines():
        if not line.strip() or re.match(r"\s*(\||#|>|<!--|!\[)|    (?!\s*-)", line):
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
    text = _without_links(re.sub(r"`[^`]*`", "X", paragraph)).replace("**", "")
    return [one for one in re.split(r"(?<=[.!?:;])\s+", text) if re.search(r"[a-z]", one)]


def hard_sentences(text: str) -> list[str]:
    """Find the sentences of a page above the longest, and say where their mean is too long.

    >>> hard_sentences("One short sentence.")
    []
    >>> hard_sentences("word " * 19)
    ['a sentence has 19.0 words on average, expected at most 18']
    """
    found = [one for part in paragraphs(text) for one in sentences(part)]
    hard = [one for one in found if len(one.split()) > LONGEST]
    if found and (average := mean(len(one.split()) for one in found)) > MEAN:
        hard.append(f"a sentence has {average:.1f} words on average, expected at most {MEAN:.0f}")
    return hard


def dialect(text: str) -> list[str]:
    """Find the phrases of the old dialect in a text; code and addresses are left out.

    >>> dialect("No agent is told.\\nNames such as `told` are fine.")
    ['line 1: told = alerted, reported, informed']
    """
    text = re.sub(r"```.*?```|`[^`]*`", _blank, text, flags=re.DOTALL)
    text = re.sub(r"(?m)^(?: {4,}|\t)(?!\s*(?:[-*]|\d+\.)\s).*$", _blank, text)
    text = _without_links(text)
    return [
        f"line {text[: hit.start()].count(chr(10)) + 1}: {phrase} = {better}"
        for phrase, (pattern, better) in _phrases().items()
        for hit in pattern.finditer(text)
    ]


def notebook_markdown(text: str) -> str:
    """Give the text cells of a notebook."""
    cells = json.loads(text)["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def unindented(text: str) -> str:
    """Give a file whose values are prose as well (YAML) without its indentation."""
    return "\n".join(line.strip() for line in text.splitlines())


def comments(text: str) -> str:
    """Give the comments of a file in which ``#`` starts one (TOML, Dockerfile, Makefile).

    >>> comments("a: 1  # one\\n# two\\n")
    'one\\ntwo'
    """
    return "\n".join(hit[1].strip() for hit in re.finditer(r"(?m)(?:^|\s)#+ (.*)$", text))


def python_comments(text: str) -> str:
    """Give the comments of a Python file.

    >>> python_comments("a = '# no'  # yes\\n")
    'yes'
    """
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return "\n".join(t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT)


def rust_comments(text: str) -> str:
    """Give the comments of a Rust file, each block as one paragraph.

    >>> rust_comments("//! One.\\n\\nfn f() {} // two\\n")
    'One.\\n\\ntwo\\n'
    """
    lines = (re.search(r"(?:^|\s)//[/!]? ?(.*)$", line) for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", "".join(f"{hit[1]}\n" if hit else "\n" for hit in lines))


@cache
def _phrases() -> dict[str, tuple[re.Pattern[str], str]]:
    """Read the list: ``phrase = replacement``, one a line; words may be apart by a line break."""
    found = {}
    for line in DIALECT.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        phrase, separator, better = line.partition(" = ")
        assert separator, f"expected 'phrase = replacement', got {line!r}"
        words = r"\s+".join(re.escape(word) for word in phrase.split())
        found[phrase.strip()] = (
            re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE),
            better.strip(),
        )
    return found


def _without_links(text: str) -> str:
    """Keep the text of links, not their addresses."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)


def _blank(hit: re.Match[str]) -> str:
    """Keep the line breaks of what is removed, so that line numbers stay true."""
    return "X" + "\n" * hit[0].count("\n")
