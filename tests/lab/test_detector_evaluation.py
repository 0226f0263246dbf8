"""A detector is measured before it is trusted (lab.detector_evaluation)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.detector_evaluation import Recorder, ranked_by
from lab.evaluation.figures import figures
from lab.evaluation.run import measured
from lab.examples import made_up
from models.detectors.registry import DETECTORS
from tests.models.detectors.new_tool import NewTool

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_recorder_measures_a_detector_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(NewTool())
    monkeypatch.setitem(DETECTORS, "new_tool", lambda: recorder)
    example = made_up(tmp_path, agents=4, days=8, quiet_days=4, attacks=("tool.new",))
    run = measured(
        example.files,
        fmt=example.fmt,
        truth=example.truth,
        history_days=4,
        settings=example.settings.model_copy(update={"detectors": ("new_tool",), "clock": "event"}),
    )
    alone = ranked_by(run, recorder)
    assert {e.rank for s in alone for e in s.events} == {0.0, 1.0}
    assert len(alone) == len(run.sessions)
    assert figures(alone)["auroc"] > 0.5
