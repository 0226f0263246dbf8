"""The rules of who may import whom hold, and each of them can be broken."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("models", "pipeline", "scoring_api", "lab", "habitus")
MAX_FILES = 15
FIRST_PARTY = (*PACKAGES, "benchmarks", "chaos")
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]

# Contract -> the file that breaks it, and the line that does.
OFFENCES = {
    "HTTP and the lab on top of the stream, the stream on top of the core": (
        "pipeline/processing/stream_types.py",
        "import scoring_api",
    ),
    "Inside the core": ("models/errors.py", "import models.engine"),
    "What is unusual does not depend on trust": (
        "models/scoring.py",
        "import models.trust.opinion",
    ),
    "The core does no I/O and reads no clock": ("models/event.py", "import time"),
    "The API never loads the edges of the stream": (
        "scoring_api/__init__.py",
        "import pipeline.formats",
    ),
    "Kafka lives in its adapter": ("pipeline/processing/stream_types.py", "import kafka"),
    "SQLite lives in the store": ("pipeline/processing/stream_types.py", "import sqlite3"),
    "PostgreSQL lives in its folder": ("pipeline/store/batch.py", "import psycopg"),
}

_COMMAND = "from importlinter.cli import lint_imports_command as command; command()"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the packages and their contracts, to be spoilt."""
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of one tree, with import paths that lead to this tree alone."""
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", _COMMAND, "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_tree_keeps_every_contract() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout


def test_every_contract_has_an_offence_below() -> None:
    assert {contract["name"] for contract in CONFIGURATION["contracts"]} == set(OFFENCES)


@pytest.mark.parametrize("contract", OFFENCES)
def test_a_broken_contract_is_reported_by_its_name(contract: str, tree: Path) -> None:
    name, line = OFFENCES[contract]
    spoilt = tree / name
    spoilt.write_text(spoilt.read_text() + f"\n{line}\n")
    result = lint_imports(tree)
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"{contract} BROKEN" in result.stdout


def test_every_module_of_the_core_has_a_layer() -> None:
    contract = next(c for c in CONFIGURATION["contracts"] if c["name"] == "Inside the core")
    listed = [f"models.{name}" for row in contract["layers"] for name in re.split(r"[\s:]+", row)]
    graph = grimp.build_graph("models", cache_dir=None)
    modules = {one for one in graph.modules if not graph.find_children(one)}
    outside = {one for one in modules if not one.startswith((*(f"{name}." for name in listed),))}
    assert sorted(listed) == sorted(set(listed))
    where = '`layers` of the contract "Inside the core" in pyproject.toml'
    assert outside - set(listed) == set(), f"name the module in {where}"
    assert set(listed) - graph.modules == set(), f"remove the name from {where}"


def test_every_file_of_the_kernel_names_the_module_that_it_compiles() -> None:
    sources = ROOT / "native" / "src"
    unnamed = []
    for file in sorted(sources.rglob("*.rs")):
        name = file.relative_to(sources)
        if name.name in ("mod.rs", "lib.rs"):
            continue
        about = re.match(r"(?://!.*\n)+", file.read_text())
        if not (ROOT / "models" / name.with_suffix(".py")).exists() and not re.search(
            r"`(models|pipeline)\.|Python", about.group() if about else ""
        ):
            unnamed.append(str(name))
    assert unnamed == []


def test_no_folder_has_more_than_fifteen_files() -> None:
    crowded = {}
    for top in ("models", "native", "pipeline", "scoring_api", "lab", "benchmarks", "tests"):
        counts = Counter(
            file.parent.relative_to(ROOT).as_posix()
            for file in (ROOT / top).rglob("*")
            if file.suffix in (".py", ".rs") and file.name not in ("__init__.py", "mod.rs")
            if "target" not in file.relative_to(ROOT).parts
        )
        crowded |= {folder: count for folder, count in counts.items() if count > MAX_FILES}
    assert crowded == {}


def circle_among(*packages: str) -> list[str]:
    """Give the modules of one circle of imports, empty without one.

    Imports for type checkers and imports inside functions count as well.
    """
    graph = grimp.build_graph(*packages, cache_dir=None)
    imports = {one: graph.find_modules_directly_imported_by(one) for one in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return []


def test_modules_import_each_other_in_no_circle() -> None:
    assert circle_among(*FIRST_PARTY) == []


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("plain_circle", "import plain_circle.one"),
        ("late_circle", "def late():\n    from late_circle import one"),
        (
            "typing_circle",
            "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from typing_circle.one import X",
        ),
    ],
)
def test_circle_of_imports_is_found(
    name: str, statement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / name
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "one.py").write_text(f"import {name}.two\n")
    (package / "two.py").write_text(statement + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert set(circle_among(name)) == {f"{name}.one", f"{name}.two"}
