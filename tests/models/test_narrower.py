"""Fewer scopes and a credential that ends sooner are no escalation; more and longer are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models.event import Credential

BEGIN = datetime(2026, 1, 5, 8, tzinfo=UTC)
SCOPES = ["crm:read", "crm:write", "mail:send"]
HOUR = timedelta(hours=1)


def token(at, scopes=SCOPES, lifetime=8 * HOUR, begins=True):
    begun, expires = at if begins else None, None if lifetime is None else at + lifetime
    return Credential(id="cr-1", scopes=list(scopes), issued_at=begun, expires_at=expires)


@pytest.fixture
def used(a_stream, an_event):
    """Judge a call with a credential of an agent that has used one kind of it for weeks."""

    def judge(**fields):
        stream = a_stream(pool_minimum=100, learning_sessions=5)
        for number in range(600):
            at = BEGIN + number * timedelta(minutes=30)
            stream.judge(an_event(at=at, session=f"s-{number}", credential=token(at)))
        at = BEGIN + timedelta(days=13)
        return [
            stream.judge(an_event(at=at + number * HOUR, session=f"new-{number}",
                                  credential=token(at + number * HOUR, **fields)))
            for number in range(2)
        ]  # fmt: skip

    return judge


@pytest.mark.parametrize(
    "fields",
    [
        {"scopes": SCOPES[:1]},
        {"scopes": SCOPES[1:]},
        {"scopes": [*SCOPES, SCOPES[0]]},
        {"scopes": [" ".join(reversed(SCOPES))]},
        {"lifetime": HOUR / 60},
        {"lifetime": HOUR},
        {"lifetime": 8 * HOUR, "begins": False},
    ],
)
def test_what_grants_less_is_no_odder_than_what_is_known(used, fields):
    first, second = used(**fields)
    assert first.p > 0.1
    assert first.learned
    assert second.p > 0.1


@pytest.mark.parametrize(
    ("fields", "anomaly"),
    [
        ({"scopes": [*SCOPES, "iam:write"]}, "scope.escalation"),
        ({"scopes": [*SCOPES[:1], "iam:write"]}, "scope.escalation"),
        ({"lifetime": 2_000 * HOUR}, "cred.lifetime"),
        ({"lifetime": None}, "cred.lifetime"),
        ({"lifetime": 2_000 * HOUR, "begins": False}, "cred.lifetime"),
        ({"lifetime": None, "begins": False}, "cred.lifetime"),
    ],
)
def test_what_grants_more_is(used, fields, anomaly):
    first, _ = used(**fields)
    assert first.p < 0.01
    assert first.anomaly == anomaly
