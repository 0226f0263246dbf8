"""Agents that are silent for far longer than expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from models.telemetry.last_seen import BUCKETS
from models.telemetry.overdue import Overdue, in_order, overdue
from models.units import HOUR_US
from pipeline.commands.pages.listing import listing
from pipeline.commands.terminal import console
from pipeline.text.quoted import plain
from pipeline.text.visible import distinguishable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.store import Store

NO_AGENT, NONE_OF_THESE = (
    f"{who} is silent for far longer than expected." for who in ("No agent", "None of these agents")
)


def silent_agents(store: Store) -> dict[str, Overdue]:
    """Give the agents of a store that are silent for far longer than expected, in order."""
    judged_us = store.status().judged_us
    if judged_us is None:
        return {}
    hour = judged_us // HOUR_US
    found = (one for at in range(BUCKETS) for one in overdue(store.last_seen_records(at), hour))
    return {one.agent_id: one for one in in_order(found)}


def print_silent(rows: Sequence[dict[str, Any]]) -> None:
    """Print rows of silent agents."""
    names = distinguishable(row["agent_id"] for row in rows)
    heads = ("agent", "last heard", "silent", "usually at most", "times", "role", "owner")
    cells = (
        (
            escape(names[row["agent_id"]]),
            row["last_seen"][:19] + "Z",
            f"{row['silent']['hours']} h",
            f"{row['silent']['usual_hours']:.0f} h",
            f"{row['silent']['times']:.1f}",
            plain(row["role"] or ""),
            plain(row["owner"] or ""),
        )
        for row in rows
    )
    listing(console(), heads, cells)
