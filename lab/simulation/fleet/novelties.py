"""Types of benign novelties: whom each affects, and for how long it shows."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Novelty(Struct, frozen=True):
    """One type.

    Attributes
    ----------
    what
        Description for the truth.
    agents, groups
        Whether it is planned for single agents, and for whole peer groups.
    shown_days
        Days on which it shows for a single agent; None draws one to three days.
    begins
        How the plan treats its first day: with a session of its own, as an absence, or as the
        first day of the agent; None changes only the working conditions.
    """

    what: str
    agents: bool = True
    groups: bool = False
    shown_days: int | None = None
    begins: Literal["session", "absence", "agent"] | None = None


NOVELTIES: dict[str, Novelty] = {
    "holiday": Novelty("hardly any delegated work for a few days", begins="absence"),
    "new_agent": Novelty("a registered agent starts work", shown_days=2, begins="agent"),
    "new_colleague": Novelty("a new person asks for work", shown_days=3),
    "first_use": Novelty("first use of a tool that peers use", shown_days=3, begins="session"),
    "deployment": Novelty(
        "a new version with changed habits, announced beforehand",
        groups=True, shown_days=2, begins="session",
    ),
    "new_resource": Novelty(
        "a resource that the whole group begins to use", agents=False, groups=True
    ),
    "month_end_peak": Novelty("the month ends: nearly twice the work", agents=False),
}  # fmt: skip
"""The types by name; the order is that in which an agent gets them."""
