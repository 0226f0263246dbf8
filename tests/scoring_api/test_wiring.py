"""What the settings make of the API."""

from __future__ import annotations

import json
import time

import pytest

from models.errors import MalformedEvent
from models.event import rfc3339
from scoring_api.wiring import _validator

MINUTE_US = 60_000_000


def test_an_event_is_refused_as_the_worker_would_refuse_it():
    validate, now = _validator(5 * MINUTE_US), time.time_ns() // 1_000

    def told(ahead_us: int) -> bytes:
        at = rfc3339(now + ahead_us)
        return json.dumps({"id": "1", "time": at, "agent": {"id": "a"}, "tool": "t"}).encode()

    validate(told(0))
    validate(told(4 * MINUTE_US))
    with pytest.raises(MalformedEvent, match="future_time"):
        validate(told(10 * MINUTE_US))
    with pytest.raises(MalformedEvent, match="missing_key"):
        validate(b"{}")
