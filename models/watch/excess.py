"""How far the amounts of a call go beyond what the request states, where no result told them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.event import Event

_SIGN = r"[-+]?[$€£]?"
_DIGITS = r"(?P<whole>\d{1,3}(?:,\d{3})+|0|[1-9]\d{0,8})(?P<part>\.\d+|,\d{1,2})?"
_POINTS = r"(?P<points>\d{1,3}(?:\.\d{3})+)(?:,(?P<cents>\d{1,2}))?"
_AMOUNT = re.compile(rf"{_SIGN}{_DIGITS}\s?[$€£]?", re.ASCII)
_STATED = re.compile(
    rf"(?<![\w.,/:-]){_SIGN}(?:{_POINTS}(?!\d)|{_DIGITS})"
    r"\s?(?P<unit>k|m|thousand|million|billion)?(?![\w/:-])",
    re.ASCII | re.IGNORECASE,
)
_UNITS = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "billion": 1e9}


def excess(event: Event, request: str) -> int:
    """Give how often what the request states doubles up to an amount that stands nowhere.

    Only of what is not just read. An amount that a result told is a value with an origin, which is
    looked at as such; a share of what was asked for, or less than twice of it, is no excess.

    Parameters
    ----------
    request
        Of the session.

    Returns
    -------
    int
        Whole doublings from the largest amount of the request to the largest of the call, from 0.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from models.event import Agent, Event
    >>> at, agent = datetime(2026, 1, 5, tzinfo=UTC), Agent(id="a")
    >>> event = Event(id="1", time=at, agent=agent, tool="pay", operation="pay",
    ...               argument_origins={"amount": [("50000", [])], "payee": [("Lily", [])]})
    >>> excess(event, "Pay 50 euros to Lily"), excess(event, "Pay what I owe to Lily")
    (9, 0)
    """
    if not event.argument_origins or event.operation == "read":
        return 0
    amounts = (
        amount(value)
        for told in event.argument_origins.values()
        for value, origins in told
        if not origins
    )
    largest = max((one for one in amounts if one is not None), default=0.0)
    stated = largest_stated(request) if largest else 0.0
    return int(largest / stated).bit_length() - 1 if largest > stated > 0.0 else 0


def amount(text: str) -> float | None:
    """Read an amount; None where a text is none, such as an account number or a date.

    >>> amount("$1,250.50"), amount("-12,5"), amount("0042"), amount("8937040044"), amount("5 %")
    (1250.5, 12.5, None, None, None)
    """
    found = _AMOUNT.fullmatch(text)
    return _value(found) if found else None


@lru_cache(maxsize=4096)
def largest_stated(request: str) -> float:
    """Give the largest amount that a request states, 0 where there is none.

    Where points may part thousands they do.

    >>> largest_stated("Pay 2 invoices of 1.5k to DE8937 before 2026-01-05"), largest_stated("Pay")
    (1500.0, 0.0)
    >>> largest_stated("Pay 1.234,50 euros"), largest_stated("at most $2 million")
    (1234.5, 2000000.0)
    """
    return max(map(_stated, _STATED.finditer(request)), default=0.0)


def _stated(found: re.Match[str]) -> float:
    if found["points"]:
        value = float(f"{found['points'].replace('.', '')}.{found['cents'] or 0}")
    else:
        value = _value(found)
    return value * _UNITS.get((found["unit"] or "").lower(), 1.0)


def _value(found: re.Match[str]) -> float:
    part = (found["part"] or "").replace(",", ".")
    return float(found["whole"].replace(",", "") + part)
