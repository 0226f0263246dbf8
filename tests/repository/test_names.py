"""Files and modules that documents and docstrings name exist."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATH = re.compile(
    r"(?<![\w./-])((?:models|pipeline|scoring_api|lab|native|tests|benchmarks|chaos|deploy|docs"
    r"|data|notebooks)/[\w./-]*\w)"
)
MODULE = re.compile(r"`((?:models|pipeline|scoring_api|lab)(?:\.\w+)+)`")
# Words that stand for a name, and what an installation makes.
PLACEHOLDER = re.compile(r"NAME|NNNN")
MADE = {"native/target"}


@cache
def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files"],  # noqa: S607  # the git of whoever runs the tests
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.splitlines()]


def exists(name: str) -> bool:
    """Tell whether a dotted name leads to a module, or to a word in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:length])
        module = place.with_suffix(".py")
        if not module.is_file() and not place.is_dir():
            continue
        source = module if module.is_file() else place / "__init__.py"
        rest = parts[length:]
        return not rest or (
            source.is_file() and re.search(rf"\b{rest[0]}\b", source.read_text()) is not None
        )
    return False


def test_every_path_in_a_document_exists() -> None:
    missing = {
        f"{page.relative_to(ROOT)}: {name}"
        for page in tracked()
        if page.suffix == ".md" and page.name != "CHANGELOG.md"
        for name in PATH.findall(page.read_text())
        if not PLACEHOLDER.search(name) and name not in MADE and not (ROOT / name).exists()
    }
    assert not missing


def test_every_module_in_a_docstring_or_a_document_exists() -> None:
    missing = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in tracked()
        if file.suffix in (".py", ".rs", ".md") and file.name != "CHANGELOG.md"
        for name in MODULE.findall(file.read_text())
        if not exists(name)
    }
    assert not missing
