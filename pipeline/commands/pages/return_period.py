"""A return period in words: once in how many days, over the whole fleet, if all is well."""

from __future__ import annotations

_YEAR = 365.25
_WITHIN_A_DAY = 1 / 1.5


def period_in_words(days: float | None) -> str:
    """Describe a return period; empty where it is unknown.

    >>> period_in_words(140.2), period_in_words(0.205), period_in_words(1.2), period_in_words(None)
    ('once in 140 days', '5 times a day', 'once a day', '')
    >>> period_in_words(2.4), period_in_words(4_000.0)
    ('once in 2.4 days', 'once in 11 years')
    """
    if days is None:
        return ""
    if days < _WITHIN_A_DAY:
        return f"{1 / days:,.0f} times a day" if days else "all the time"
    if days <= 1 / _WITHIN_A_DAY:
        return "once a day"
    if days >= 2 * _YEAR:
        return f"once in {days / _YEAR:,.0f} years"
    return f"once in {days:.1f} days" if days < 10 else f"once in {days:.0f} days"
