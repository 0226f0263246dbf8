"""`habitus run` and `--version` as an operator meets them: what to set, and why nothing came in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[3]
SECRET = "hunter2-of-the-input"  # noqa: S105  # a word to look for


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HABITUS_")}
    said = {f"HABITUS_{name}": value for name, value in settings.items()}
    return kept | said | {"PYTHONPATH": str(ROOT)}


@contextmanager
def running(place: Path, *args: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, "-m", "pipeline.cli", *args],
        cwd=place,
        env=environment(settings),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def habitus(
    place: Path, *args: str, given: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "pipeline.cli", *args],
        cwd=place,
        env=environment(settings),
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_run_without_a_source_names_the_setting_and_creates_no_store(tmp_path: Path) -> None:
    done = habitus(tmp_path, "run")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no source is set: set HABITUS_SOURCE to ")
    assert done.stderr.count("\n") == 1
    for example in ("kafka://HOST:9092/", "file:/var/log/agents?follow=1", "habitus serve"):
        assert example in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_only_the_demonstration_has_a_default_source(tmp_path: Path) -> None:
    shown = json.loads(habitus(tmp_path, "config", "--json").stdout)
    assert shown["source"] == ""
    checks = json.loads(habitus(tmp_path, "doctor", "--json").stdout)["checks"]
    (source,) = [one for one in checks if one["name"] == "source"]
    assert source["state"] == "optional"
    assert "HABITUS_SOURCE" in source["todo"]


@pytest.mark.parametrize("source", ["file:in.jsonl", "-"])
def test_a_run_that_can_read_nothing_says_why_and_fails(tmp_path: Path, source: str) -> None:
    lines = f'{{"secret":"{SECRET}"}}\n\n{SECRET}\n{{"id":7}}\n'
    (tmp_path / "in.jsonl").write_text(lines)
    done = habitus(tmp_path, "run", given=lines, SOURCE=source)
    assert done.returncode == 1
    said, error = done.stderr.splitlines()[-2:]
    counts = "1 malformed_json, 1 missing_key, 1 wrong_type"
    assert f"3 rejected ({counts}), kept in 'habitus.db.rejected.jsonl'" in said
    name = "standard input" if source == "-" else f"'{tmp_path / 'in.jsonl'}'"
    assert error == (
        f"error: nothing could be read as native: all 3 records were rejected ({counts}); "
        f"first: line 1 of {name}: missing_key"
    )
    assert SECRET not in done.stderr
    assert SECRET in (tmp_path / "habitus.db.rejected.jsonl").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_on_an_unreadable_followed_file_fails_when_stopped(tmp_path: Path, number: int) -> None:
    (tmp_path / "in.jsonl").write_text(f"{SECRET}\n{SECRET}\n")
    kept = tmp_path / "habitus.db.rejected.jsonl"
    with running(tmp_path, "run", SOURCE="file:in.jsonl?follow=1") as process:
        begun = time.monotonic()
        while time.monotonic() < begun + 60 and not (kept.exists() and kept.stat().st_size):
            time.sleep(0.05)
        process.send_signal(number)
        said = process.communicate(timeout=60)[1].splitlines()
    assert process.returncode == 1
    assert said[-1] == (
        "error: nothing could be read as native: all 2 records were rejected (2 malformed_json); "
        f"first: line 1 of '{tmp_path / 'in.jsonl'}': malformed_json"
    )


def test_run_with_some_readable_records_reports_rejected_ones_and_succeeds(tmp_path: Path) -> None:
    event = '{"id":"1","time":"2026-01-05T08:00:00Z","agent":{"id":"a"},"tool":"t"}'
    (tmp_path / "in.jsonl").write_text(f"{event}\nbroken\n")
    done = habitus(tmp_path, "run", SOURCE="file:in.jsonl", REJECTED="none")
    assert done.returncode == 0
    assert done.stderr.splitlines()[-1] == (
        "1 events judged, 0 anomalies, 1 rejected (1 malformed_json), kept nowhere: "
        "HABITUS_REJECTED is none, and so is HABITUS_SINK"
    )
    again = habitus(tmp_path, "run", SOURCE="file:in.jsonl")
    assert (again.returncode, again.stderr.splitlines()[-1][:15]) == (0, "0 events judged")


def test_invalid_folder_for_rejected_records_is_named(tmp_path: Path) -> None:
    done = habitus(tmp_path, "run", SOURCE="-", REJECTED="here")
    assert done.returncode == 2
    assert "HABITUS_REJECTED: must be store, none or file:FOLDER, got 'here'" in done.stderr


def test_the_version_is_printed_with_the_kernel_in_use(tmp_path: Path) -> None:
    done = habitus(tmp_path, "--version", KERNEL="python")
    assert (done.returncode, done.stdout) == (0, f"habitus {version('habitus')}, kernel python\n")
    wrong = habitus(tmp_path, "--version", KERNEL="pyton")
    assert wrong.returncode == 0
    assert "kernel unknown: HABITUS_KERNEL: input should be 'auto'" in wrong.stdout


def test_the_version_of_the_compiled_kernel_is_printed(tmp_path: Path) -> None:
    pytest.importorskip("habitus_native")
    done = habitus(tmp_path, "--version")
    assert done.stdout.endswith(f", kernel native {version('habitus-native')}\n")
