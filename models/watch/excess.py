"""How far the amounts of a call go beyond what the request states, where no result told them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.event import Event

MAX = 20  # doublings of one call: a million times what was asked for

_CURRENCY = r"(?:[$€£¥]|[A-Z]{3}\b|\b[A-Z]{3}(?=\d))"
_GROUPED = r"\d{1,3}(?:[,' \u00a0\u202f]\d{3}){1,4}(?!\d)(?:\.\d{1,9}(?!\d))?"
_POINTS = r"\d{1,3}(?:\.\d{3}){1,4}(?!\d)(?:,\d{1,2}(?!\d))?"
_PLAIN = r"(?:0|[1-9]\d{0,14})(?:\.\d{1,9}|,\d{1,2})?(?!\d)"
_UNIT = r"(?:\s?(?P<unit>k|K|M|[Tt]housand|[Mm]illion|[Bb]illion)\b)?"
_NUMBER = rf"(?:(?P<points>{_POINTS})|(?P<grouped>{_GROUPED})|(?P<plain>{_PLAIN}))"
_AMOUNT = re.compile(
    rf"[-+]?\s?(?:{_CURRENCY}\s?)?[-+]?{_NUMBER}{_UNIT}\s?(?:[$€£¥]|[A-Z]{{3}})?", re.ASCII
)
_STATED = re.compile(
    rf"(?<![\w.,/:#-])(?:{_CURRENCY}\s?)?{_NUMBER}{_UNIT}(?=$|[^\w/:-]|[A-Z]{{3}}\b|/[a-z])",
    re.ASCII,
)
_DAY = re.compile(
    r"\b(?:\d{1,2}\s+)?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+"
    r"(?:\d{1,2}(?:st|nd|rd|th)?\b,?\s*)?(?:(?:19|20)\d\d\b)?",
    re.ASCII | re.IGNORECASE,
)
_NAMES = re.compile(
    r"amount|price|quantit|qty|total|sum|cost|(?<!ac)(?<!dis)count(?!r)|budget|fee|payment|balance|units|value",
    re.ASCII | re.IGNORECASE,
)
_MAX_DIGITS = 6  # of a number in a request without a currency and separators: more are an id
_UNITS = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "billion": 1e9}


def excess(event: Event, request: str) -> int:
    """Give how often what the request states doubles up to an amount that stands nowhere.

    Of arguments whose key names an amount, a price or a quantity, where the call does more than
    read. An amount that a result told is a value with an origin, which is looked at as such; less
    than twice of what was asked for is no excess.

    Parameters
    ----------
    request
        Of the session.

    Returns
    -------
    int
        Whole doublings from the largest amount of the request to the largest of the call, from 0
        to `MAX`.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from models.event import Agent, Event
    >>> at, agent = datetime(2026, 1, 5, tzinfo=UTC), Agent(id="a")
    >>> event = Event(id="1", time=at, agent=agent, tool="pay", operation="pay",
    ...               argument_origins={"amount": [("50000", [])], "order": [("4711", [])]})
    >>> excess(event, "Pay 50 euros to Lily"), excess(event, "Pay what I owe to Lily")
    (9, 0)
    """
    if not event.argument_origins or event.operation == "read":
        return 0
    amounts = (
        amount(value)
        for key, told in event.argument_origins.items()
        if _NAMES.search(key)
        for value, origins in told
        if not origins
    )
    largest = max((one for one in amounts if one is not None), default=0.0)
    stated = largest_stated(request) if largest else 0.0
    return min(MAX, int(largest / stated).bit_length() - 1) if largest > stated > 0.0 else 0


def amount(text: str) -> float | None:
    """Read an amount; None where a text is none, such as a date, a share or an account.

    >>> amount("$1,250.50"), amount("-12,5"), amount("EUR 5.000,00"), amount("5k")
    (1250.5, 12.5, 5000.0, 5000.0)
    >>> amount("0042"), amount("DE8937040044"), amount("2026-01-05"), amount("5 %")
    (None, None, None, None)
    """
    found = _AMOUNT.fullmatch(text)
    return _value(found, thousands=False) if found else None


@lru_cache(maxsize=4096)
def largest_stated(request: str) -> float:
    """Give the largest amount that a request states, 0 where there is none.

    Where a point may part thousands it does. Days, and numbers of many digits without a currency,
    are no amounts.

    >>> largest_stated("Pay 2 invoices of 1.5k to DE8937 before 5 March 2026")
    1500.0
    >>> largest_stated("Pay 1.234,50 euros"), largest_stated("at most $2 million")
    (1234.5, 2000000.0)
    """
    found = _STATED.finditer(_DAY.sub(" ", request))
    return max((_value(one, thousands=True) for one in found if not _is_id(one)), default=0.0)


def _is_id(found: re.Match[str]) -> bool:
    digits = found["plain"] or ""
    return len(digits) > _MAX_DIGITS and digits.isdigit() and found[0][0].isdigit()


def _value(found: re.Match[str], *, thousands: bool) -> float:
    """Give the number that was found; with `thousands` 1.234 is more than a thousand."""
    if found["points"] and (thousands or "," in found["points"] or found["points"].count(".") > 1):
        text = found["points"].replace(".", "").replace(",", ".")
    elif found["grouped"]:
        text = re.sub(r"[,'\s]", "", found["grouped"])
    else:
        text = (found["points"] or found["plain"]).replace(",", ".")
    return float(text) * _UNITS.get((found["unit"] or "").lower(), 1.0)
