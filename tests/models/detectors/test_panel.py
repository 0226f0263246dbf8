"""The panel names, asks and keeps registered detectors (models.detectors.panel)."""

from __future__ import annotations

from itertools import count

import pytest

from models.codec.stable_id import stable_id
from models.detectors.panel import DAYS, Failure, Panel
from models.errors import ConfigError, StateError
from tests.models.detectors.new_tool import NewTool


class Wordy(NewTool):
    name = "wordy"

    def dump(self) -> bytes:
        return "text"  # type: ignore[return-value]


def named(name: str) -> NewTool:
    detector = NewTool()
    detector.name = name
    return detector


def test_detectors_with_equal_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="different names"):
        Panel([NewTool(), NewTool()])


def test_a_detector_without_a_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="a name of its own"):
        Panel([named("")])


@pytest.mark.parametrize("name", ["act", "calls", "combination", "expired"])
def test_the_name_of_a_built_in_detector_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"'{name}' has the name of a built-in one"):
        Panel([named(name)])


def test_a_name_whose_number_another_series_has_is_refused() -> None:
    wanted = stable_id("calls")
    clash = next(f"d{n}" for n in count() if stable_id(f"d{n}") == wanted)
    with pytest.raises(ConfigError, match=f"'{clash}' has the number of 'calls'"):
        Panel([named(clash)])
    days = stable_id(DAYS + "new_tool")
    other = next(f"d{n}" for n in count() if stable_id(f"d{n}") == days)
    with pytest.raises(ConfigError, match="has the number of 'days of new_tool'"):
        Panel([NewTool(), named(other)])


def test_state_that_is_not_bytes_is_a_failure_and_is_not_kept() -> None:
    panel = Panel([Wordy()])
    assert panel.dump() == []
    assert panel.take_failures() == [Failure("wordy", "TypeError")]
    with pytest.raises(StateError, match="'wordy' cannot be read"):
        panel.load({"detector:wordy": b"\xc1"})


def test_state_is_written_only_after_a_change() -> None:
    detector = NewTool()
    panel = Panel([detector])
    ((name, _),) = panel.dump()
    assert name == "detector:new_tool"
    assert panel.dump() == []
    assert [name for name, _ in panel.dump(whole=True)] == ["detector:new_tool"]
    detector.known.add("a|u")
    assert [name for name, _ in panel.dump()] == ["detector:new_tool"]


def test_past_scores_begin_with_those_of_a_history() -> None:
    detector = NewTool()
    detector.reference = [number / 100 for number in range(100)]
    (window,) = Panel([detector]).windows
    assert window.bits("clerk", 0.5) < 1.1
    assert window.bits("clerk", 5.0) > 6.0
