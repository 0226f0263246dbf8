"""The section Parameters of a docstring names parameters that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("models", "pipeline", "scoring_api", "lab", "habitus", "benchmarks", "chaos", "deploy")
_SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=\n\n\S|\n\n *>>>|\Z)", re.DOTALL | re.MULTILINE)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def unknown_parameters(source: str) -> list[str]:
    """Find documented parameters that a function, or the constructor of a class, does not have.

    >>> unknown_parameters('def f(a):\\n  "Do.\\\\n\\\\nParameters\\\\n---\\\\nb\\\\n    Text."')
    ['f: b']
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, _Function | ast.ClassDef):
            continue
        section = _SECTION.search(ast.get_docstring(node) or "")
        known = _parameters(node)
        if section is None or known is None:
            continue
        for line in section.group(1).splitlines():
            if line and not line.startswith(" "):
                names = [name.strip(" *") for name in line.partition(":")[0].split(",")]
                found += [f"{node.name}: {name}" for name in names if name not in known]
    return found


def _parameters(node: ast.AST) -> set[str] | None:
    """Give the names of parameters and fields; None where a class inherits its constructor."""
    if isinstance(node, _Function):
        a = node.args
        given = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
        return {one.arg for one in given}
    assert isinstance(node, ast.ClassDef)
    fields = {
        one.target.id
        for one in node.body
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
    }
    made_by = [one for one in node.body if isinstance(one, _Function) and one.name == "__init__"]
    if not made_by and not fields:
        return None
    return fields.union(*(_parameters(one) or set() for one in made_by))


@pytest.mark.parametrize("folder", FOLDERS)
def test_documented_parameters_exist(folder: str) -> None:
    found = {
        str(file.relative_to(ROOT)): unknown
        for file in sorted((ROOT / folder).rglob("*.py"))
        if (unknown := unknown_parameters(file.read_text()))
    }
    assert found == {}
