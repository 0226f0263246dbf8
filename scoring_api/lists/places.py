"""Sort keys in cursors: a cursor may come from anybody, so its key is checked."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.store import Place

MAX_NUMBER = 2**63 - 1
LONGEST_ID = 256


def is_place(place: Place | None, columns: Sequence[str]) -> bool:
    r"""Return whether a sort key fits these columns: numbers, and an id as the last.

    >>> is_place([1, "an-1"], ("first_us", "id")), is_place([1, "an\0"], ("first_us", "id"))
    (True, False)
    """
    if place is None or len(place) != len(columns):
        return False
    *numbers, name = place
    return (
        isinstance(name, str)
        and len(name) <= LONGEST_ID
        and "\0" not in name
        and all(not isinstance(one, str) and abs(one) <= MAX_NUMBER for one in numbers)
    )
