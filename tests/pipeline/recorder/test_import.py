"""An agent that imports the recorder loads little, and type checkers see the types of its tools."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HEAVY = (
    "pandas river numpy scipy sklearn pyarrow pydantic fastapi uvicorn kafka sqlglot tree_sitter"
)


def python(*arguments: str, folder: Path, path: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own code
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(path)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_import_loads_msgspec_and_nothing_else(tmp_path: Path) -> None:
    script = (
        "import sys; before = set(sys.modules); import habitus; "
        "print(*sorted({m.split('.')[0] for m in set(sys.modules) - before} - "
        "set(sys.stdlib_module_names)))"
    )
    done = python("-c", script, folder=tmp_path)
    assert done.stdout.split() == ["habitus", "msgspec", "pipeline", "typing_extensions"]


def test_first_call_does_not_load_the_judge(tmp_path: Path) -> None:
    script = f"""
import sys
from habitus import Recorder
with Recorder("bot", to="file:events.jsonl") as recorder, recorder.call("find"):
    pass
print(*({{"models.engine"}} | set({HEAVY!r}.split())) & set(sys.modules))
"""
    done = python("-c", script, folder=tmp_path)
    assert (done.stdout.split(), done.stderr) == (["tree_sitter"], "")
    assert (tmp_path / "events.jsonl").exists()


def test_package_models_of_another_project_is_named_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("")
    script = "from habitus import Recorder; Recorder('bot')"
    done = python("-c", script, folder=tmp_path)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: the package `models` of habitus is hidden by another one")


@pytest.mark.slow
def test_types_of_a_tool_are_kept(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text("""
from collections.abc import AsyncGenerator
from typing import assert_type
from habitus import AsyncRecorder, Recorder

recorder = Recorder("bot", version="1.4")

@recorder.tool
def find(number: str, *, deep: bool = False) -> int:
    return 1

@recorder.tool(name="x", exclude=("pin",))
async def stream(pin: str) -> AsyncGenerator[bytes, None]:
    yield b""

async def main() -> None:
    assert_type(find("1", deep=True), int)
    assert_type(stream("1"), AsyncGenerator[bytes, None])
    async with AsyncRecorder("bot") as other:
        assert_type(await other.flush(), bool)
    assert_type(recorder.flush(), bool)
    find(1)
    Recorder("bot", colour="red")
""")
    done = python("-m", "mypy", "--strict", "--no-error-summary", "agent.py", folder=tmp_path)
    faults = [line.partition("error: ")[2] for line in done.stdout.splitlines() if "error" in line]
    assert faults == [
        'Argument 1 to "find" has incompatible type "int"; expected "str"  [arg-type]',
        'Unexpected keyword argument "colour" for "Recorder"  [call-arg]',
    ], done.stdout + done.stderr
