"""A recording with planted cases in a file: what is refused, and what a cold start lacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.evaluation.report.details import side_by_side
from lab.evaluation.run import evaluate
from models.errors import ConfigError
from pipeline.settings import Settings
from tests.lab.evaluation.printed import text

if TYPE_CHECKING:
    from collections.abc import Callable


def test_fitted_baselines_are_absent_from_a_cold_start(
    recording: tuple[str, str],
) -> None:
    pytest.importorskip("agentnorm")
    events, truth = recording
    cold = evaluate([events], fmt="native", truth=truth, cold=True, baselines=["agentnorm"],
                    draws=0, settings=Settings())  # fmt: skip
    assert cold["unmeasured_cases"] == 0
    assert cold["intervals"] == {}
    assert "history" in cold["baselines"]["agentnorm"]["skipped"]
    assert "learns from a history" in text(side_by_side(cold))


def test_invalid_case_is_refused_with_its_line_number(
    tmp_path: Path, recording: tuple[str, str]
) -> None:
    truth = tmp_path / "truth.jsonl"
    truth.write_text('{"id":"a","kind":"attack","type":"tool.new"}\n{"id":3}\n')
    with pytest.raises(ConfigError, match=r"line 2 of .* is not a planted case"):
        evaluate([recording[0]], fmt="native", truth=str(truth), settings=Settings())


def test_unknown_kind_and_duplicate_case_are_refused(
    tmp_path: Path, recording: tuple[str, str]
) -> None:
    truth, line = tmp_path / "truth.jsonl", '{"id":"a","kind":"attack","type":"tool.new"}\n'
    for lines, said in (
        (line.replace("attack", "bogus"), "line 1 of .* kind .attack or benign"),
        (line * 2, "case 'a' occurs twice"),
    ):
        truth.write_text(lines)
        with pytest.raises(ConfigError, match=said):
            evaluate([recording[0]], fmt="native", truth=str(truth), settings=Settings())


@pytest.mark.parametrize(
    ("changed", "days", "said"),
    [
        (lambda lines: lines, 30, "nothing was judged: what could .* the first 30 days, .*days.$"),
        (lambda lines: [one.replace('"e-', '"f-') for one in lines], 6, "of another recording"),
        (lambda lines: lines[:750] + lines[750:][::-1], 6, "must be in order of event time"),
        (lambda lines: lines[:1] + lines[1:500][::-1] + lines[500:], 6, "must be in order"),
        (
            lambda lines: ["{}\n"] * len(lines),
            6,
            "nothing was judged; rejected for .--format.: [0-9]+ [a-z_]+$",
        ),
    ],
    ids=["all is history", "another recording", "out of order", "history too", "unreadable"],
)
def test_a_recording_and_a_truth_file_that_do_not_go_together_are_refused(
    tmp_path: Path,
    recording: tuple[str, str],
    changed: Callable[[list[str]], list[str]],
    days: int,
    said: str,
) -> None:
    events = tmp_path / "events.jsonl"
    lines = Path(recording[0]).read_text().splitlines(keepends=True)
    events.write_text("".join(changed(lines)))
    with pytest.raises(ConfigError, match=said):
        evaluate([str(events)], fmt="native", truth=recording[1], history_days=days, draws=0,
                 settings=Settings())  # fmt: skip
