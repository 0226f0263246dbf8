"""Find one row by its id, or by the beginning of its id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.errors import ConfigError, HabitusError
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_NAMED = 5
"""Number of ids in the message for an ambiguous prefix."""
_PLURAL = {"anomaly": "anomalies", "case": "cases"}


def one_with(
    beginning: str,
    prefix: str,
    what: str,
    get: Callable[[str], dict[str, Any] | None],
    ids: Callable[[str, int], list[str]],
) -> dict[str, Any]:
    """Give the row with an id prefix.

    Parameters
    ----------
    prefix
        Beginning of all ids of the kind, which may be left out.
    what
        The kind, as the command names it.
    get, ids
        Give a row by its id, and the ids with a prefix.

    Raises
    ------
    HabitusError
        No id or several ids have this prefix.
    """
    if not beginning.removeprefix(prefix):
        raise ConfigError(f"expected an id or its beginning, got {quoted(beginning)}")
    for start in (beginning, prefix + beginning):
        # A full id may be a prefix of others, and a finding of several agents has several ids.
        if (whole := get(start)) is not None:
            return whole
        found = ids(start, MAX_NAMED + 1)
        if len(found) > 1:
            more = ", …" if len(found) > MAX_NAMED else ""
            raise HabitusError(
                f"several ids begin with {quoted(start)}: {', '.join(found[:MAX_NAMED])}{more}"
            )
        if found and (row := get(found[0])) is not None:
            return row
    raise HabitusError(
        f"no {what} has an id that begins with {quoted(beginning)}; habitus {_PLURAL[what]} lists "
        "them"
    )
