"""What a scan found, as one HTML page that loads nothing."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined

from models.event import rfc3339
from pipeline.scanning.reading import named
from pipeline.scanning.transcripts import in_words
from pipeline.text.visible import visible

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from pipeline.scanning.scan import AgentSummary, Scan, Session

TEMPLATE = Path(__file__).parents[1] / "data" / "scan.html"
_SHOWN, _REASONS, _LONGEST, _HEIGHT, _MOST_DAYS = 8, 3, 240, 40, 1_000


def page_of(found: Scan) -> str:
    """Write the page: habits of each agent, and the strangest sessions with their reasons."""
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(
        TEMPLATE.read_text()
    )
    strange, (unread, more) = found.strangest(), named(found.unread)
    return template.render(
        sessions=f"{len(found.sessions):,}",
        rejected=found.rejected,
        agents=[_agent(one) for one in found.agents.values()],
        heading=title_of(found, strange),
        strange=[_session(one, found) for one in strange],
        skipped=in_words(found.skipped),
        unread=[(visible(name), visible(why)) for name, why in unread],
        more=f"{more:,}" if more else "",
    )


def title_of(found: Scan, strange: Sequence[Session]) -> str:
    """Give the title of the strangest sessions; a sentence where there are none."""
    if not found.sessions:
        return "No session was read."
    if not strange:
        return "Nothing is strange: each session is like those of most days."
    return f"The {len(strange)} strangest sessions" if len(strange) > 1 else "The strangest session"


def heights(days: Counter[str]) -> list[int]:
    """Give the height of each day from the first to the last, the busiest `40`.

    >>> from collections import Counter
    >>> heights(Counter({"2026-01-05": 10, "2026-01-07": 5}))
    [40, 0, 20]
    """
    first, last = date.fromisoformat(min(days)), date.fromisoformat(max(days))
    first = max(first, last - timedelta(days=_MOST_DAYS))
    most = max(days.values())
    all_days = (first + timedelta(days=day) for day in range((last - first).days + 1))
    return [round(_HEIGHT * days[day.isoformat()] / most) for day in all_days]


def _agent(agent: AgentSummary) -> dict[str, Any]:
    lists = [
        ("Tools", agent.tools, "tools"), ("Programs", agent.programs, "tools"),
        ("Destinations", agent.destinations, "tools"), ("Secrets", agent.secrets, "secrets"),
    ]  # fmt: skip
    return {
        "name": visible(agent.agent_id),
        "facts": [
            (f"{len(agent.sessions):,}", "sessions"), (f"{len(agent.days):,}", "days"),
            (f"{agent.calls:,}", "calls"), (f"{agent.refused:,}", "refused"),
            (f"{agent.failed:,}", "failed"),
        ],
        "days": heights(agent.days),
        "first": rfc3339(agent.first_us)[:10],
        "last": rfc3339(agent.last_us)[:10],
        "lists": [(title, _rows(counts), kind) for title, counts, kind in lists if counts],
    }  # fmt: skip


def _rows(counts: Counter[str]) -> list[tuple[str, str, int]]:
    most = max(counts.values())
    return [
        (visible(name)[:_LONGEST], f"{count:,}", max(1, round(100 * count / most)))
        for name, count in counts.most_common(_SHOWN)
    ]


def _session(session: Session, found: Scan) -> dict[str, Any]:
    return {
        "time": rfc3339(session.first_us)[:16].replace("T", " "),
        "agent": visible(session.agent_id),
        "name": visible(session.name),
        "calls": session.calls,
        "request": visible(" ".join(session.request.split()))[:_LONGEST],
        "reasons": [visible(why) for why in found.reasons_of(session)[:_REASONS]],
    }
