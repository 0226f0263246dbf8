"""What an anomaly says of itself."""

from __future__ import annotations

import pytest

from models.assessment import Assessment
from pipeline.outputs import _session_p


@pytest.mark.parametrize(
    ("ground", "whole", "decisive", "said"),
    [
        ("session", 0.004, 1e-4, 1e-4),
        ("session", 1e-5, None, 1e-5),
        ("event", 0.004, 1e-4, 0.004),
        ("rule", None, None, None),
    ],
)
def test_of_a_session_the_p_value_that_decided_is_told(ground, whole, decisive, said):
    out = Assessment("e", "a", "unknown", "s", 0, session_p=whole, decisive_p=decisive)
    out.ground = ground
    assert _session_p(out) == said
