"""The anomaly type of a case: of the signal that leads it, refined by what the event is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.features.conditions import Condition, Test, holds
from models.features.counters import BY_NAME, COUNTERS
from models.features.families import CARRIED, FAMILIES
from models.features.network import ANONYMISERS
from models.features.plan import FEATURES, INDEX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.alerting.signals import Signal
    from models.features.family import Family
    from models.features.fields import Fields

_COUNTERS = {counter.name: counter for counter in COUNTERS}
_REFINED = frozenset({"tool.new", "resource.new", "goal.drift"})
_ABOUT = ("tool", "target")

TYPES: tuple[tuple[str, Condition], ...] = (
    ("config.change", BY_NAME["settings"].when),
    ("memory.write", BY_NAME["remembered"].when),
    ("peer.new", ((Test("tool", parts=(("agents", "a2a", "agent_card", "peer"),)),),)),
    ("secret.access", BY_NAME["secrets"].when),
    ("code.exec", ((Test("operation", equal=("execute",)),),)),
    ("destructive.burst", ((Test("operation", equal=("delete",)),),)),
)
"""More precise types than the first use of a tool or a resource, the first that holds."""


def anomaly_of(signal: Signal, fields: Fields, families: Mapping[str, Family]) -> str:
    """Give the anomaly type of a signal.

    Parameters
    ----------
    fields
        Fields of the event; they refine the type where the event has raised the signal.
    families
        All families by name.
    """
    anomaly = _type_of(signal, families)
    if anomaly in _REFINED and signal.fresh:
        return next((name for name, when in TYPES if holds(when, fields)), anomaly)
    return anomaly


def _type_of(signal: Signal, families: Mapping[str, Family]) -> str:
    subject = signal.subject
    if signal.family not in FAMILIES:  # a registered detector
        return families[signal.family].anomaly
    if signal.detector in _COUNTERS:
        return _COUNTERS[signal.detector].anomaly
    if subject is not None and subject.name == "egress" and subject.text not in ANONYMISERS:
        return "net.new_origin"
    if subject is not None and subject.name in INDEX and signal.family not in (CARRIED, "spread"):
        return FEATURES[INDEX[subject.name]].anomaly
    if subject is not None and subject.name == "provenance":
        return "resource.new"
    return families[signal.family].anomaly
