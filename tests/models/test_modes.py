"""An agent that begins to work in another mode, and one that has always worked in two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from models.baseline.agent_state import AgentState
from models.baseline.profile import Profile
from models.event import Origin
from models.trust.state import TrustState

if TYPE_CHECKING:
    from collections.abc import Callable

DAY, NIGHT, DAYS = 24 * 60, 600, 10
AGENT = "billing-7"


@pytest.mark.parametrize(("first_night", "nights"), [(0, 0), (6, DAYS - 6)])
def test_only_a_mode_that_begins_later_is_a_change(
    a_stream: Callable[..., Any], an_event: Callable[..., Any], first_night: int, nights: int
) -> None:
    engine = a_stream().engine
    states = {
        mode: AgentState(Profile(AGENT, mode), TrustState(agent_id=AGENT, mode=mode))
        for mode in ("delegated", "autonomous")
    }
    changed = 0
    for day in range(DAYS):
        for mode, at in (("delegated", 0), ("autonomous", NIGHT)):
            if mode == "delegated" or day >= first_night:
                event = an_event(AGENT, DAY * day + at, session=f"{mode}-{day}", mode=mode)
                result = engine.judge(event, Origin(), states[mode])
                changed += result.lead == "mode_shift"
    assert changed == nights
