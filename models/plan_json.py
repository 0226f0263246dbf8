"""The rows and constants of the judge as JSON: the compiled kernel executes this plan."""

from __future__ import annotations

from typing import Any

import msgspec

from models import constants, scoring
from models.alerting.combination import little_bits
from models.baseline import profile
from models.calibration import day_maxima
from models.calibration.series import COMBINATION, SERIES, Series
from models.codec.stable_id import stable_id
from models.detectors import (
    amounts,
    novelty,
    promises,
    relations,
    rules,
    slow_change,
    spread,
    traces,
)
from models.detectors.panel import Panel
from models.features import commands, conditions, containers, fields, network, plan
from models.features.counters import COUNTERS
from models.features.families import CARRIED, CASCADE, CONTENT, FAMILIES, SEVERAL, SLOW, SPREAD
from models.features.plan import FEATURES, INDEX

_MODULES = (
    constants, day_maxima, profile, amounts, novelty, promises, relations, slow_change, spread,
    traces, conditions, containers, fields, plan, scoring,
)  # fmt: skip
_ROLES = {
    "carried": CARRIED,
    "spread": SPREAD,
    "content": CONTENT,
    "slow": SLOW,
    "cascade": CASCADE,
}


def plan_json(
    without: frozenset[str] = frozenset(), panel: Panel | None = None, cases_per_day: float = 5.0
) -> bytes:
    """Write all rows and constants that the compiled kernel executes.

    Parameters
    ----------
    without
        Families that are left out.
    panel
        The registered detectors, each with a family and a series of its own.
    cases_per_day
        Expected false cases a day.
    """
    registered = Panel() if panel is None else panel
    families = FAMILIES | registered.families
    places = {name: place for place, name in enumerate(families)}
    return msgspec.json.encode(
        {
            "constants": _constants() | {"constants.LITTLE_BITS": little_bits(cases_per_day)},
            "cases_per_day": cases_per_day,
            "families": [
                {
                    "name": name, "story": one.story, "alone": one.alone, "certain": one.certain,
                    "series": stable_id(name), "several": name in SEVERAL,
                    "left_out": name in without,
                }
                for name, one in families.items()
            ],
            "series": [_series(one, places) for one in (*SERIES, *registered.series)],
            "combination": _series(COMBINATION, places),
            "features": [
                msgspec.to_builtins(one)
                | {"family": places[one.family], "after": INDEX.get(one.after or "")}
                for one in FEATURES
            ],
            "counters": [
                msgspec.to_builtins(one) | {"id": one.id, "new": INDEX.get(one.new)}
                for one in COUNTERS
            ],
            "rules": [
                msgspec.to_builtins(one) | {"series": stable_id(one.family)} for one in rules.RULES
            ],
            "roles": {role: [stable_id(name), name] for role, name in _ROLES.items()},
            "words": {
                "commands": sorted(commands.COMMANDS), "tokens": fields.TOKENS,
                "prices": fields.PRICES, "approvals": fields.APPROVALS, "asked": fields.ASKED,
                "own_networks": sorted(network.OWN_NETWORKS), "tainted": novelty.TAINTED,
                "new": profile.NEW, "deployed": profile.DEPLOYED, "reported": plan.REPORTED,
            },
            "value": INDEX["value"],
            "flow": INDEX["flow"],
        }
    )  # fmt: skip


def _series(one: Series, places: dict[str, int]) -> dict[str, Any]:
    return {
        "id": one.id, "name": one.name, "family": places.get(one.family, len(places)),
        "declared": one.declared, "tests": one.tests, "tail_bits": one.tail_bits,
        "exposure": one.exposure,
    }  # fmt: skip


def _constants() -> dict[str, Any]:
    """Give the numbers of all modules, as ``MODULE.NAME``."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{name.lstrip('_')}": value
        for module in _MODULES
        for name, value in vars(module).items()
        if name.isupper() and _is_numeric(value)
    }


def _is_numeric(value: Any) -> bool:
    return all(
        isinstance(one, int | float) for one in (value if isinstance(value, tuple) else [value])
    )
