"""Amounts are held against what the request states."""

from __future__ import annotations

from typing import Any

import pytest

from models.watch.excess import amount, excess, largest_stated

DAY = 1_440
REQUEST = "Pay the 2 invoices of Ines, 80 euros at most"


@pytest.mark.parametrize(
    ("text", "value"),
    [("80", 80.0), ("$1,250.50", 1250.5), ("-12,5", 12.5), ("5€", 5.0), ("0.5", 0.5),
     ("EUR 5.000,00", 5e3), ("5 000 €", 5e3), ("5k", 5e3), ("50.000", 50.0), ("5000000000", 5e9),
     ("0042", None), ("DE8937040044", None), ("2026-01-05", None), ("9" + ",999" * 110, None),
     ("5%", None), ("1e5", None),
     ("1,2,3", None), ("", None), ("eighty", None), ("12.", None), ("٣", None)],
)  # fmt: skip
def test_an_amount_is_a_number_and_no_name_of_anything(text, value):
    assert amount(text) == value


@pytest.mark.parametrize(
    ("request_text", "value"),
    [("Pay 50 to Lily, 12.5 to Bo", 50.0), ("at most $1,000", 1_000.0), ("1.234,50 euros", 1234.5),
     ("spend 1.5k", 1_500.0), ("20 million", 2e7), ("by 5.", 5.0), ("Pay what I owe", 0.0),
     ("50EUR of EUR60, 70/month", 70.0), ("by 5 January 2026 pay 50", 50.0),
     ("May 5, 2026: 50 for #4711", 50.0), ("invoice 20261105 of 50 EUR", 50.0),
     ("1 000 euros", 1_000.0), ("50 within 30m", 50.0), (f"0.{'0' * 320}1", 0.0),
     ("to DE8937040044 on 2026-01-05 at 10:30, room 3B", 0.0), ("", 0.0)],
)  # fmt: skip
def test_of_a_request_the_largest_amount_counts(request_text, value):
    assert largest_stated(request_text) == value


@pytest.mark.parametrize(
    ("told", "doublings"),
    [
        ({"amount": [("80", [])]}, 0),
        ({"amount": [("159", [])]}, 0),
        ({"amount": [("160", [])]}, 1),
        ({"amount": [("81920", [])], "note": [("thanks", [])]}, 10),
        ({"amount": [("81920", ["result:mail.read"])]}, 0),
        ({"amount": [("81920", ["system"])]}, 0),
        ({"account": [("37040044", [])], "due": [("20260131", [])], "limit": [("9000", [])]}, 0),
        ({"total": [("9" + ",999" * 110, []), ("999999999999999", [])]}, 20),
        (None, 0),
    ],
)
def test_what_stands_nowhere_and_is_more_than_asked_for_is_excess(an_event, told, doublings):
    event = an_event(tool="bank.pay", operation="pay", argument_origins=told)
    assert excess(event, REQUEST) == doublings


def test_the_bounds_of_a_search_are_no_excess(an_event):
    told = {"price_max": [("100000", [])]}
    assert excess(an_event(tool="shop.find", operation="read", argument_origins=told), REQUEST) == 0
    assert excess(an_event(tool="shop.buy", argument_origins=told), REQUEST) == 10


@pytest.fixture
def of_invoices(an_event: Any) -> Any:
    """Give the session of a clerk who looks an invoice up, and pays it."""

    def session(agent: str, at: float, value: str, *, told: bool) -> list[Any]:
        stood = ["result:mail.read"] if told else []
        paid = {"amount": [(value, stood)], "payee": [("ines", ["request"])]}
        common = {"session": f"{agent}-{at}", "purpose": REQUEST}
        return [
            an_event(agent, at, tool="mail.read", **common),
            an_event(agent, at + 1, tool="bank.pay", operation="pay", argument_origins=paid,
                     **common),
        ]  # fmt: skip

    return session


@pytest.mark.parametrize("computes", [False, True], ids=["never", "always"])
def test_an_amount_a_thousand_times_what_was_asked_for_alerts(a_stream, of_invoices, computes):
    """Of an agent that works such amounts out day by day it is how it works."""
    stream = a_stream(alerts_per_day=5.0)
    stream.engine.trusted_history = True
    for day in range(30):
        for agent in range(4):
            usual = "81920" if computes else str(40 + day)
            for turn in range(3):
                at = day * DAY + 97 * turn + 7 * agent
                stream.judge_all(of_invoices(f"clerk-{agent}", at, usual, told=not computes))
    stream.engine.trusted_history = False
    at = 30 * DAY + 97
    asked = stream.judge_all(of_invoices("clerk-1", at + 7, "80", told=False))
    assert not any(one.alert for one in asked)
    _, paid = stream.judge_all(of_invoices("clerk-0", at, "81920", told=False))
    assert paid.alert is not computes
    if not computes:
        assert paid.anomaly == "goal.drift"
        assert paid.reasons[0].feature == "excess"
        assert "by 10 doublings" in paid.reasons[0].why


def test_of_an_agent_that_works_out_sums_alone_they_are_usual(a_stream, of_invoices):
    """No other clerk does; what goes twice as far still alerts."""
    stream, alerts = a_stream(alerts_per_day=5.0), []
    stream.engine.trusted_history = True
    for day in range(40):
        stream.engine.trusted_history = day < 25
        for agent in range(6):
            for turn in range(3):
                sums = not agent and not turn
                value = str(80 * (40 + day % 24)) if sums else str(40 + day)
                at = day * DAY + 97 * turn + 7 * agent
                judged = stream.judge_all(of_invoices(f"clerk-{agent}", at, value, told=not sums))
                alerts += [one for one in judged if one.anomaly == "goal.drift"]
    assert not alerts
    _, paid = stream.judge_all(of_invoices("clerk-0", 40 * DAY, str(80 << 15), told=False))
    assert paid.alert
