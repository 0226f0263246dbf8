"""The plugin of these tests: turns, and what is left for the night."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEST = """
import pathlib, time
import pytest

def use(name, seconds):
    for what in ("begins", "ends"):
        with pathlib.Path("log").open("a") as log:
            log.write(f"{name} {what}\\n")
        if what == "begins":
            time.sleep(seconds)

@pytest.mark.parametrize("n", range(6))
def test_shares(n): use("shared", 0.2)

@pytest.mark.nightly
def test_long(): use("nightly", 0)
"""
ALONE = """
@pytest.mark.alone
@pytest.mark.timeout(1)
def test_alone(): use("alone", 0.7)
"""


def run(folder: Path, *arguments: str, **variables: str) -> str:
    """Give what pytest prints about the tests of this folder."""
    (folder / "pytest.ini").write_text(
        "[pytest]\nmarkers =\n  alone\n  nightly\n  slow\n  broker\n  postgresql\n"
    )
    plugins = [
        part for name in ("tests.turns", "xdist.plugin", "pytest_timeout") for part in ("-p", name)
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "HABITUS"))}
    environment |= {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "pytest", *plugins, *arguments],
        cwd=folder,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "test_a.py").write_text(TEST)
    (tmp_path / "test_b.py").write_text(TEST + ALONE)
    return tmp_path


def test_a_test_marked_alone_shares_the_machine_with_no_other(folder: Path) -> None:
    (folder / "test_c.py").write_text(TEST + ALONE)
    assert "20 passed" in run(folder, "--numprocesses=3", "--dist=loadfile")
    log = list(pairwise((folder / "log").read_text().splitlines()))
    assert log.count(("alone begins", "alone ends")) == 2
    assert ("shared begins", "shared begins") in log


def test_run_omits_nightly_tests_by_default(folder: Path) -> None:
    assert "13 passed, 2 deselected" in run(folder)
    assert "2 passed, 13 deselected" in run(folder, "-m", "nightly")
    assert "15 passed" in run(folder, HABITUS_NIGHTLY="true")
    assert "13 passed" in run(folder, HABITUS_NIGHTLY="false")


def test_files_that_wait_come_between_files_that_compute_and_slow_ones_first(folder: Path) -> None:
    for name, marks in (("c", "broker slow"), ("d", ""), ("e", "slow"), ("f", "postgresql")):
        lines = [f"pytest.mark.{mark}" for mark in marks.split()]
        text = f"import pytest\npytestmark = [{', '.join(lines)}]\ndef test_{name}(): pass\n"
        (folder / f"test_{name}.py").write_text(text)
    for name in ("a", "b"):
        (folder / f"test_{name}.py").unlink()
    names = re.findall(r"test_(\w)\.py", run(folder, "-v"))
    assert names == ["c", "e", "f", "d"]


def test_property_may_be_slow_on_a_loaded_machine(tmp_path: Path) -> None:
    (tmp_path / "test_slow.py").write_text(
        "import time\nfrom hypothesis import HealthCheck, given, settings, strategies as st\n"
        "@settings(max_examples=2)\n"
        "@given(st.integers())\n"
        "def test_slow(drawn):\n"
        "    time.sleep(0.25)\n"
        "    assert HealthCheck.too_slow in settings().suppress_health_check\n"
    )
    assert "1 passed" in run(tmp_path)
