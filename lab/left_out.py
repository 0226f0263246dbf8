"""Leave families, or parts of the content detector, out of judging: what is lost is their worth.

Only judging changes. Values, amounts and tables are learned whole. The combination of a session is
calibrated without what is left out.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from models.errors import ConfigError
from models.event import Event
from models.features.families import FAMILIES
from models.provenance.knowledge import PARTS

if TYPE_CHECKING:
    from collections.abc import Collection

KINDS: dict[str, tuple[str, ...]] = {"family": tuple(FAMILIES), "content": PARTS}
"""What can be left out, by kind."""

KIND_OF = {name: kind for kind, names in KINDS.items() for name in names}


def left_out(names: Collection[str]) -> frozenset[str]:
    """Give what a worker leaves out (`Worker(without=...)`).

    Parameters
    ----------
    names
        Of `KINDS`.

    Raises
    ------
    ConfigError
        There is no such family or part.

    Examples
    --------
    >>> sorted(left_out(["hour", "intent"]))
    ['hour', 'intent']
    >>> left_out(["hours"])
    Traceback (most recent call last):
    models.errors.ConfigError: no feature 'hours' to leave out, did you mean 'hour'?
    """
    faults = [_unknown(name) for name in names if name not in KIND_OF]
    if faults:
        raise ConfigError("; ".join(faults))
    return frozenset(names)


def fields_and_features(names: Collection[str]) -> tuple[list[str], frozenset[str]]:
    """Separate fields of the event from families and parts; a field wins where both exist.

    Raises
    ------
    ConfigError
        A name is neither.

    Examples
    --------
    >>> fields_and_features(["volume.bytes_in", "hour"])
    (['volume.bytes_in'], frozenset({'hour'}))
    >>> fields_and_features(["colour"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    models.errors.ConfigError: nothing named 'colour' to leave out, expected a field of ...
    """
    fields = [name for name in names if name.partition(".")[0] in Event.__struct_fields__]
    others = [name for name in names if name not in fields]
    for name in others:
        if name not in KIND_OF:
            raise ConfigError(
                f"nothing named {name!r} to leave out, expected a field of the event "
                f"({', '.join(Event.__struct_fields__)}), a family ({', '.join(KINDS['family'])}) "
                f"or a part of the content detector ({', '.join(PARTS)})"
            )
    return fields, frozenset(others)


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, KIND_OF, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(KIND_OF)}"
    return f"no feature {name!r} to leave out, {hint}"
