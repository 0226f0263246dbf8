"""Every parameter of the model has bounds, within which an engine runs."""

from __future__ import annotations

import pytest

from models.config import ModelConfig
from models.errors import ConfigError

NAMES = sorted(ModelConfig().numbers())


@pytest.mark.parametrize("value", [-1, 1e301, float("nan"), float("inf")])
@pytest.mark.parametrize("name", NAMES)
def test_parameter_out_of_bounds_is_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=name):
        ModelConfig(**{name: value}).validate()


def test_smallest_parameters_are_accepted(a_stream, an_event):
    minimum = {"alerts_per_day": 1e-9, "learning_sessions": 0, "relearning_sessions": 0,
               "idle_minutes": 1, "snapshot_minutes": 1, "held_days": 1}  # fmt: skip
    assert set(minimum) == set(NAMES)
    stream = a_stream(**minimum)
    for number in range(120):
        kind = "deployment" if number == 60 else "action"
        tool, session = f"tool-{number % 7}", f"s-{number // 4}"
        event = an_event(at=number * 90, kind=kind, tool=tool, session=session, purpose="File it")
        judged = stream.judge(event)
    assert judged.p is not None
