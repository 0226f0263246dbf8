"""The panel asks detectors and keeps their state (models.detectors.panel)."""

from __future__ import annotations

import pytest

from models.detectors.panel import Failure, Panel
from models.errors import ConfigError, StateError
from tests.models.detectors.new_tool import NewTool


class Wordy(NewTool):
    name = "wordy"

    def dump(self) -> bytes:
        return "text"  # type: ignore[return-value]


def test_detectors_with_equal_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="different names"):
        Panel([NewTool(), NewTool()])


def test_state_that_is_not_bytes_is_a_failure_and_is_not_kept() -> None:
    panel = Panel([Wordy()])
    assert panel.dump() == panel.dump() == ([], [Failure("wordy", "TypeError")])
    with pytest.raises(StateError, match="'wordy' cannot be read"):
        panel.load({"detector:wordy": b"\xc1"})


def test_state_is_written_only_after_a_change() -> None:
    detector = NewTool()
    detector.known.add("a|t")
    panel = Panel([detector])
    ((name, _),), failures = panel.dump()
    assert (name, failures) == ("detector:new_tool", [])
    assert panel.dump() == ([], [])
    detector.known.add("a|u")
    assert [name for name, _ in panel.dump()[0]] == ["detector:new_tool"]
