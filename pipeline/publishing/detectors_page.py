"""Write the tables of docs/detectors.md from the rows of detectors (``make schema``)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from models.alerting.naming import TYPES
from models.constants import DECLARED
from models.detectors.rules import RULES
from models.features.counters import COUNTERS
from models.features.families import FAMILIES
from models.features.plan import FEATURES
from pipeline.publishing.catalogue import FRAMEWORKS, catalogue, title_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from models.features.counters import Counter
    from models.features.family import Family
    from models.features.plan import NoveltyFeature

PATH = Path(__file__).resolve().parents[2] / "docs" / "detectors.md"
BY_HAND = "<!-- make schema writes everything above -->\n"
"""Line of the page below which it is written by hand."""
_HEAD = """# Detectors

`make schema` writes the tables of this page from the rows of `models/features/families.py`,
`plan.py` and `counters.py`, `models/detectors/rules.py` and `pipeline/data/anomalies.toml`.
[model.md](model.md) says how a detector gets its bits, and how bits become a case. A detector of
your own counts like these: [tuning.md](tuning.md#a-detector-of-your-own).

A *family* has one or more detectors that report the same kind of behaviour. Families of one
*story* report the same thing, so only the rarest of them counts in a combination.
"""
_TYPES = """## Anomaly types

The detector that leads a case names its type. Tags are those of OWASP Agentic (ASI), CSA MAESTRO
(L), MITRE ATT&CK (T) and MITRE ATLAS (AML).

| type | title | severity | facet | tags | families |
|---|---|---|---|---|---|
"""
_FAMILIES = """## Families

| family | finds | catches | blind to | needs |
|---|---|---|---|---|
"""
_FEATURES = """## Novelty

A feature has bits where a session brings a value that agent, role or fleet do not know.

| feature | family | fields | type | properties |
|---|---|---|---|---|
"""
_COUNTERS = """## Amounts

A counter has bits where a session has more than the largest session of past days.

| counter | family | counts | type |
|---|---|---|---|
"""
_RULES = """## Rules

A rule declares its bits. The declared rate holds until the rule has a history of its own:
`2^(-DECLARED · bits)` agent-days.

| rule | family | bits | declared rate: one agent-day in |
|---|---|---|---|
"""


def page(by_hand: str) -> str:
    """Give the whole page.

    Parameters
    ----------
    by_hand
        The text below the tables.
    """
    parts = [
        _HEAD,
        _TYPES + "".join(_types()),
        _FAMILIES + "".join(map(_family, FAMILIES.values())),
        _FEATURES + "".join(map(_feature, FEATURES)),
        _COUNTERS + "".join(map(_counter, COUNTERS)),
        _RULES + "".join(_rules()),
        BY_HAND,
    ]
    return "\n".join(parts) + by_hand


def by_hand(text: str) -> str:
    """Give the part of a page that is written by hand.

    >>> by_hand(f"generated {BY_HAND}by hand")
    'by hand'
    """
    return text.partition(BY_HAND)[2]


def families_of(anomaly: str) -> list[str]:
    """Give the families that report an anomaly type.

    >>> families_of("cred.reuse")
    ['two_locations']
    """
    found = [one.name for one in FAMILIES.values() if one.anomaly == anomaly]
    found += [one.family for one in FEATURES if one.anomaly == anomaly]
    found += [one.family for one in COUNTERS if one.anomaly == anomaly]
    if anomaly in dict(TYPES):  # more precise than the first use of a tool or a resource
        found += ["act", "data"]
    return sorted(set(found))


def _types() -> Iterator[str]:
    for name, kind in catalogue().items():
        tags = ", ".join(tag for framework in FRAMEWORKS for tag in kind.tags[framework])
        families = _names(families_of(name))
        title = f"{title_of(name)} | {kind.severity} | {kind.facet}"
        yield f"| `{name}` | {title} | {tags} | {families} |\n"


def _family(one: Family) -> str:
    marks = [f"story `{one.story}`"]
    marks += ["raises no case alone"] * (not one.alone)
    marks += ["one case for all agents with the same thing"] * one.shared
    marks += ["certain from the first day"] * one.certain
    return (
        f"| `{one.name}` | {one.title} ({'; '.join(marks)}) | {one.catches} | {one.blind} "
        f"| {one.needs} |\n"
    )


def _feature(one: NoveltyFeature) -> str:
    fields = _names(one.of) + (f" within {_names(one.within)}" if one.within else "")
    properties = ["of the agent alone"] * one.personal + ["lasting"] * one.lasting
    properties += ["spreads"] * one.spreads
    properties += [f"once `{one.after}` is known"] * (one.after is not None)
    return (
        f"| {one.words} | `{one.family}` | {fields} | `{one.anomaly}` | {', '.join(properties)} |\n"
    )


def _counter(one: Counter) -> str:
    peak = " (largest of an event)" if one.peak else ""
    return f"| `{one.name}` | `{one.family}` | {one.words}{peak} | `{one.anomaly}` |\n"


def _rules() -> Iterator[str]:
    for rule in RULES:
        more = f" and `log2({rule.number})`" if rule.number else ""
        days = 2.0 ** (DECLARED * rule.bits)
        yield f"| `{rule.name}` | `{rule.family}` | {rule.bits:g}{more} | {days:,.0f} |\n"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    PATH.write_text(page(by_hand(PATH.read_text())))
