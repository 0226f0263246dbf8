"""The calibrated series: detectors, rules, counters, and the families that they belong to."""

from __future__ import annotations

from models.behaviour.novelty import CARRIED
from models.behaviour.rules import FAMILIES as RULE_FAMILIES
from models.calibration.rates import Series
from models.features.counters import COUNTER_FAMILIES, COUNTERS
from models.features.family import Family
from models.features.plan import FAMILIES as NOVELTY_FAMILIES

SPREAD, CONTENT = "spread", "content"

FAMILIES: dict[str, Family] = {
    **NOVELTY_FAMILIES,
    CARRIED: Family(CARRIED, "work"),
    SPREAD: Family(SPREAD, "work"),
    CONTENT: Family(CONTENT, "work"),
    **COUNTER_FAMILIES,
    **RULE_FAMILIES,
}
_OF_COUNTER = {counter.name: counter.family for counter in COUNTERS}
_SINGLE = [name for name in FAMILIES if name not in COUNTER_FAMILIES]
SERIES: tuple[Series, ...] = (
    *(Series(name, declared=1.0 if name == CONTENT else 0.5) for name in _SINGLE),
    *(Series(counter.name) for counter in COUNTERS),
    *(Series(name) for name in COUNTER_FAMILIES if name not in _OF_COUNTER),
)
"""Series of the detectors, and of the families of several counters."""
INDEX = {one.name: number for number, one in enumerate(SERIES)}
FAMILY_OF = {INDEX[name]: _OF_COUNTER.get(name, name) for name in INDEX}
