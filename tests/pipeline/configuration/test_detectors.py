"""Detectors that settings name (pipeline.configuration.detectors)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.detectors.registry import DETECTORS, register
from models.errors import ConfigError
from pipeline.commands.doctor.checks import examine
from pipeline.configuration.detectors import detectors_named
from pipeline.settings import Settings
from tests.models.detectors.new_tool import NewTool

if TYPE_CHECKING:
    from pathlib import Path


class Unmade(NewTool):
    name = "unmade"

    def __init__(self) -> None:
        raise RuntimeError("no model file")


def test_a_registered_detector_is_made_by_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DETECTORS, "new_tool", NewTool)
    assert isinstance(detectors_named(["new_tool"])[0], NewTool)


def test_a_detector_that_is_registered_again_replaces_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(DETECTORS, "new_tool", Unmade)
    register("new_tool", NewTool)
    assert isinstance(detectors_named(["new_tool"])[0], NewTool)


def test_a_name_that_leads_to_no_detector_is_refused() -> None:
    with pytest.raises(ConfigError, match="makes no detector"):
        detectors_named(["collections:Counter"])
    with pytest.raises(ConfigError, match="cannot be loaded"):
        detectors_named(["collections:Nothing"])
    with pytest.raises(ConfigError, match="cannot be loaded"):
        detectors_named(["no_such_module_here:Nothing"])


def test_an_unknown_word_names_the_registered_detectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DETECTORS, "new_tool", NewTool)
    with pytest.raises(ConfigError, match=r"no detector 'nope'.*new_tool"):
        detectors_named(["nope"])


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (f"{__name__}:Unmade", "cannot be made: RuntimeError: no model file"),
        ("broken_module:X", "cannot be loaded: SyntaxError"),
        ("models.detectors.detector:Detector", "cannot be made: TypeError"),
    ],
)
def test_a_detector_that_cannot_be_made_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, said: str
) -> None:
    (tmp_path / "broken_module.py").write_text("class X(:\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=said):
        detectors_named([word])
    settings = Settings(detectors=(word,), clock="event")
    (check,) = [one for one in examine(settings, 0) if one.name == "detectors"]
    assert check.state == "missing"
    assert said in check.found
