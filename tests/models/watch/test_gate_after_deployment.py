"""A deployment is no leave for what it leaves as it is."""

from __future__ import annotations

from typing import Any

import pytest

from models.event import Resource


@pytest.mark.parametrize("deployed", [True, False])
def test_what_a_new_version_leaves_as_it_is_goes_on_being_held(
    a_stream: Any, an_event: Any, deployed: bool
) -> None:
    """An area that nobody of the role has ever touched, again and again in one session."""
    stream = a_stream(alerts_per_day=1e-6, learning_sessions=10, pool_minimum=50)

    def act(number: int, area: str, session: str) -> Any:
        resource = Resource(id=f"{area}/notes/{number % 5}", type="file", domain=area)
        return an_event(at=20 * number, resource=resource, session=session)

    for number in range(600):
        stream.judge(act(number, "sales", f"s-{number // 6}"))
    if deployed:
        stream.judge(an_event(at=12_000, kind="deployment"))
    odd = [stream.judge(act(601 + number, "board", "odd")) for number in range(6)]
    assert not any(one.learned for one in odd)
