"""Options of a scope, and its words for people."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from models.errors import ConfigError
from models.event import Mode as ModeName  # a command reads its annotations
from models.event import microseconds
from models.units import HOUR_US
from pipeline.casework.scope import Scope
from pipeline.text.quoted import plain, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

Agent = Annotated[str | None, typer.Option(help="Cases of this agent alone.")]
Role = Annotated[str | None, typer.Option(help="Cases of agents with this role alone.")]
Mode = Annotated[ModeName | None, typer.Option(help="Cases in this mode alone.")]
Anomaly = Annotated[str | None, typer.Option(help="Only this type, e.g. rate.burst.")]
Detector = Annotated[str | None, typer.Option(help="Only signals of this detector.")]
Subject = Annotated[
    str | None, typer.Option(help="Only about this subject; a prefix ends with an asterisk.")
]
Until = Annotated[
    str | None,
    typer.Option(metavar="30d|DATE", help="End: days (30d), hours (12h), a date, or RFC 3339."),
]
_LONGEST = 256
_SPAN = re.compile(r"(\d{1,5})([dh])")


def scope_of(*members: str | None) -> Scope | None:
    """Give the scope of the options, in the order of `Scope`; None without any."""
    for value in members:
        if value is not None and not 0 < len(value) <= _LONGEST:
            raise ConfigError(
                f"a member of a scope must have 1 to {_LONGEST} characters, got {len(value)}"
            )
    return Scope(*members) if any(value is not None for value in members) else None


def end_of(text: str, at_us: int) -> int:
    """Parse an end: a span, a date (its start in UTC), or an RFC 3339 time.

    >>> end_of("2d", 0) // 3_600_000_000, end_of("1970-01-02", 0) // 3_600_000_000
    (48, 24)
    """
    span = _SPAN.fullmatch(text)
    if span:
        return at_us + int(span[1]) * HOUR_US * (24 if span[2] == "d" else 1)
    try:
        if len(text) == len("2027-01-01"):
            return microseconds(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC))
        found = msgspec.convert(text, datetime)
    except (ValueError, OverflowError, msgspec.ValidationError):
        found = None
    if found is None or found.tzinfo is None:
        raise ConfigError(
            "--until must be a span such as 30d or 12h, a date such as 2027-01-01, or an RFC 3339 "
            f"time with a zone, got {quoted(text)}"
        )
    return microseconds(found)


def hidden_in_words(hides: Mapping[str, Any]) -> str:
    """Say what a scope would have hidden.

    >>> hidden_in_words({"days": 30, "count": 0, "cases": [], "complete": True})
    'it would have hidden no case in the last 30 days'
    >>> hidden_in_words({"days": 30, "count": 2, "cases": ["C-1", "C-2"], "complete": False})
    'it would have hidden at least 2 cases in the last 30 days: C-1, C-2'
    """
    number = {0: "no case", 1: "1 case"}.get(hides["count"], f"{hides['count']} cases")
    some = [plain(name) for name in hides["cases"][:20]]
    more = hides["count"] - len(some)
    names = ", ".join([*some, *([f"and {more} more"] if more > 0 else [])])
    least = "" if hides["complete"] else "at least "
    sentence = f"it would have hidden {least}{number} in the last {hides['days']} days"
    return f"{sentence}: {names}" if names else sentence
