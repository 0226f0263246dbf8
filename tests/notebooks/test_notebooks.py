"""The notebooks run from top to bottom, are paired, and carry no outputs."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

jupytext = pytest.importorskip("jupytext", reason="absent: extra notebooks (jupytext)")
nbclient = pytest.importorskip("nbclient", reason="absent: extra notebooks (nbclient)")
pytest.importorskip("altair", reason="absent: extra plots (altair)")

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
SCRIPTS = sorted(FOLDER.glob("*.py"))
NAMES = [path.stem for path in SCRIPTS]
each = pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)


def cells(path: Path) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source.strip()) for cell in jupytext.read(path).cells]


def test_notebooks_are_numbered_and_the_readme_names_each() -> None:
    assert len(NAMES) >= 5
    assert [int(name.partition("_")[0]) for name in NAMES] == [*range(1, len(NAMES) + 1)]
    rows = re.findall(r"^\| `(\w+)` \|", (FOLDER / "README.md").read_text(), re.M)
    assert rows == NAMES, "notebooks/README.md has a row for each notebook, in order"


@each
def test_both_halves_of_a_pair_are_the_same(script: Path) -> None:
    pair = script.with_suffix(".ipynb")
    assert pair.is_file(), "run jupytext --set-formats ipynb,py:percent on the script"
    assert cells(script) == cells(pair), "run jupytext --sync notebooks/*.ipynb"


@each
def test_no_output_is_committed(script: Path) -> None:
    notebook = jupytext.read(script.with_suffix(".ipynb"))
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell for cell in code if cell.outputs or cell.execution_count] == []


@each
def test_a_notebook_defines_no_logic(script: Path) -> None:
    source = "\n".join(text for kind, text in cells(script) if kind == "code")
    defined = re.findall(r"^(?:def|class) (\w+)", source, re.M)
    # The fourth shows how a detector is built.
    assert defined == (["SentByTool"] if script.stem.startswith("4") else [])


# By day a notebook runs over a smaller fleet; its code is the same.
SMALLER = {
    "2_evaluate_and_compare": ('["content", "carried", "act", "hour"]', '["content"]'),
    "3_tune": ("made_up(FOLDER, agents=8,", "made_up(FOLDER, activity=0.25, agents=8,"),
    "4_build_a_detector": (
        "agents=24, days=20, quiet_days=12, activity=0.3",
        "agents=8, days=16, quiet_days=12, activity=0.2",
    ),
    "5_slow_poisoning": ("activity=0.5,", "activity=0.1,"),
}


@pytest.mark.slow
@each
@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.nightly)])
def test_a_notebook_runs_from_top_to_bottom(
    script: Path, monkeypatch: pytest.MonkeyPatch, *, whole: bool
) -> None:
    for name in [name for name in os.environ if name.startswith("HABITUS_")]:
        monkeypatch.delenv(name)
    # The kernel finds the product as the notebooks do: as an installed package, or beside them.
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parent))
    source = script.read_text()
    if not whole and script.stem in SMALLER:
        shipped, small = SMALLER[script.stem]
        assert shipped in source
        source = source.replace(shipped, small)
    notebook = jupytext.reads(source, fmt="py:percent")
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}
    )
    client.execute()
    assert errors(notebook) == []


def errors(notebook: Any) -> list[Any]:
    return [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "error"
    ]
