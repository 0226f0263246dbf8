"""A leak is as odd when there was another one some hours or days before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from models.event import Volume

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.event import Event

DAY = 1_440
USUAL = 2_000


def days_of_mail(an_event: Any) -> Iterator[Event]:
    """Four clerks who send some mail on each of thirty days."""
    for day in range(30):
        for agent in range(4):
            for call in range(12):
                at = day * DAY + 60 * (call // 2) + 7 * agent + call
                sent = Volume(bytes_out=USUAL + 37 * ((day + call) % 20))
                yield an_event(
                    f"clerk-{agent}", at, tool="mail.send", volume=sent, session=f"{day}"
                )


@pytest.fixture
def known(a_known_stream: Any) -> Any:
    """Four clerks who are known by a past."""
    return a_known_stream(days_of_mail, trusted_history=True, alerts_per_day=5.0)


@pytest.mark.parametrize("first", [1, 0], ids=["the second call of its hour", "the first"])
def test_a_leak_hides_no_later_one(known, an_event, first):
    def leak(day: int, times: int) -> Any:
        for call in range(first + 1):
            sent = Volume(bytes_out=USUAL * times if call == first else USUAL)
            at = day * DAY + 120 + call
            out = known.judge(
                an_event("clerk-0", at, tool="mail.send", volume=sent, session=f"n-{day}")
            )
        return out

    assert leak(30, 12_000).alert
    for day in (31, 32, 34):
        again = leak(day, 10_000)
        assert again.alert
        assert again.anomaly == "volume.exfil"
