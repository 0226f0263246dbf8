"""Outcomes and durations in access logs of gateways."""

from __future__ import annotations

import re
from typing import Any

from pipeline.formats.members import number

_REFUSED = (401, 403)
_DURATION = re.compile(r"(?P<amount>\d{1,15}(?:\.\d{1,9})?)(?P<unit>ns|us|µs|ms|s|m)?")
_MS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
# Methods that set up a session, and are no action of an agent.
HOUSEKEEPING = {"initialize", "ping", "logging/setLevel", "server/discover", "server/ping"}


def outcome_of(status: Any, *, failed: bool = False) -> str | None:
    """Give the outcome of an HTTP status; None for none.

    >>> outcome_of(200), outcome_of("403"), outcome_of(200, failed=True), outcome_of(None)
    ('ok', 'denied', 'error', None)
    """
    code = number(status)
    if code in _REFUSED:
        return "denied"
    if failed or (code is not None and code >= 400):
        return "error"
    return None if code is None or code < 100 else "ok"


def milliseconds_of(value: Any) -> float | None:
    """Give a duration in milliseconds; a number without a unit is one.

    >>> milliseconds_of("117ms"), milliseconds_of("1.5s"), milliseconds_of(3), milliseconds_of("-")
    (117.0, 1500.0, 3.0, None)
    """
    if not isinstance(value, str):
        return number(value)
    found = _DURATION.fullmatch(value)
    return float(found["amount"]) * _MS[found["unit"] or "ms"] if found else None


def is_housekeeping(method: str) -> bool:
    """Return whether an MCP method is no action of an agent."""
    return method in HOUSEKEEPING or method.startswith("notifications/")
