"""``habitus scan``: your own coding agents, out of the transcripts on this machine."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from models.errors import HabitusError
from models.event import rfc3339
from pipeline.commands.offline import begun
from pipeline.commands.terminal import AsJson, Force, console, note, print_json
from pipeline.files.overwrite_check import refuse_to_overwrite
from pipeline.processing.loop import collect_rarely
from pipeline.processing.progress import progress_for
from pipeline.scanning.page import page_of, title_of
from pipeline.scanning.reading import named
from pipeline.scanning.scan import scan as scanned
from pipeline.scanning.transcripts import in_words, locations
from pipeline.text.quoted import plain

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.scanning.scan import AgentSummary, Scan, Session

_SHOWN = 6
_LONGEST = 160


def scan(
    folder: Annotated[
        str | None, typer.Option(help="Home folder of the transcripts; default: yours.")
    ] = None,
    page: Annotated[str | None, typer.Option(help="Write the same as an HTML page.")] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Show what the coding agents of this machine usually do, and their three strangest sessions.

    Reads the transcripts on this machine. Starts, changes, keeps and uploads nothing.
    """
    settings = begun()
    collect_rarely()
    refuse_to_overwrite([("--page", page)], [], installed={}, force=force)
    found = locations(None if folder is None else Path(folder))
    files = {one.fmt: names for one in found if (names := one.files())}
    skipped = sum((one.skipped() for one in found), Counter())
    if not files:
        looked = ", ".join(str(one.folder) for one in found)
        raise HabitusError(
            ". ".join(filter(None, (f"no transcripts in {looked}", in_words(skipped))))
        )
    with progress_for(json=as_json) as progress:
        result = scanned(files, settings, progress, skipped=skipped)
    if as_json:
        print_json(summary_of(result))
    else:
        print_scan(result, console())
    if page is not None:
        Path(page).write_text(page_of(result))
        note(f"written: {page}")


def print_scan(found: Scan, out: Console) -> None:
    """Print what was found: agents, what they do, strange sessions, secrets and destinations."""
    table = Table("agent", "sessions", "days", "calls", "refused", "failed", "first", "last")
    for agent in found.agents.values():
        table.add_row(
            plain(agent.agent_id), f"{len(agent.sessions):,}", str(len(agent.days)),
            f"{agent.calls:,}", f"{agent.refused:,}", f"{agent.failed:,}",
            rfc3339(agent.first_us)[:10], rfc3339(agent.last_us)[:10],
        )  # fmt: skip
    out.print(table)
    for agent in found.agents.values():
        _print_habits(agent, out)
    strange = found.strangest()
    out.print(f"\n[bold]{title_of(found, strange)}[/]", highlight=False)
    for session in strange:
        _print_session(session, found.reasons_of(session), out)
    _print_unread(found, out)


def _print_unread(found: Scan, out: Console) -> None:
    """Name the files that could not be read, or not wholly, and count those that are skipped."""
    if found.skipped:
        out.print(f"\n{in_words(found.skipped)}", highlight=False)
    if not found.unread:
        return
    shown, more = named(found.unread)
    out.print(
        f"\n[bold]Not read, or not wholly[/]: {_number_of(len(found.unread), 'file')}, "
        f"{_number_of(found.rejected, 'record')}", highlight=False,
    )  # fmt: skip
    for name, why in shown:
        out.print(f"   {plain(name)}: {plain(why)}", highlight=False)
    if more:
        out.print(f"   and {more:,} more", highlight=False)


def _print_habits(agent: AgentSummary, out: Console) -> None:
    out.print(f"\n[bold]{plain(agent.agent_id)}[/]", highlight=False)
    rows = (
        ("uses", agent.tools, _shares),
        ("runs", agent.programs, _shares),
        ("reaches", agent.destinations, _calls),
        ("touches secrets", agent.secrets, _calls),
    )
    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, counts, in_numbers in rows:
        if counts:
            facts.add_row(f"[dim]{name}[/]", in_numbers(counts))
    out.print(facts)


def _shares(counts: Counter[str]) -> str:
    total = sum(counts.values())
    first = [f"{plain(name)} {_percent(n / total)}" for name, n in counts.most_common(_SHOWN)]
    return _with_more(first, counts)


def _percent(share: float) -> str:
    """Write a share; a small one is not nothing.

    >>> _percent(0.26), _percent(0.001)
    ('26%', 'below 1%')
    """
    return f"{share:.0%}" if share >= 0.005 else "below 1%"


def _calls(counts: Counter[str]) -> str:
    first = [f"{plain(name)} in {_number_of(n, 'call')}" for name, n in counts.most_common(_SHOWN)]
    return _with_more(first, counts)


def _number_of(number: int, noun: str) -> str:
    """Write a number of things.

    >>> _number_of(1, "call"), _number_of(1200, "call")
    ('1 call', '1,200 calls')
    """
    return f"{number:,} {noun}" + ("s" if number != 1 else "")


def _with_more(first: list[str], counts: Counter[str]) -> str:
    more = len(counts) - len(first)
    return ", ".join(first) + (f", {more} more" if more > 0 else "")


def _print_session(session: Session, reasons: list[str], out: Console) -> None:
    request = " ".join(session.request.split())[:_LONGEST]
    out.print(
        f"{rfc3339(session.first_us)[:16]}  {plain(session.agent_id)}  {plain(session.name)}  "
        f"{_number_of(session.calls, 'call')}",
        highlight=False,
    )
    if request:
        out.print(f"   [dim]{plain(request)}[/]", highlight=False)
    for why in reasons[:3]:
        out.print(f"   • {plain(why)}", highlight=False)


def summary_of(found: Scan) -> dict[str, object]:
    """Give what was found for programs."""
    return {
        "agents": [
            {
                "agent_id": agent.agent_id, "sessions": len(agent.sessions),
                "days": len(agent.days), "calls": agent.calls, "refused": agent.refused,
                "failed": agent.failed, "tools": dict(agent.tools.most_common()),
                "programs": dict(agent.programs.most_common()),
                "destinations": dict(agent.destinations.most_common()),
                "secrets": dict(agent.secrets.most_common()),
            }
            for agent in found.agents.values()
        ],
        "strangest": [
            {
                "session": one.name, "agent_id": one.agent_id, "time": rfc3339(one.first_us),
                "calls": one.calls, "rank": round(one.rank, 2), "reasons": found.reasons_of(one),
            }
            for one in found.strangest()
        ],
        "rejected": found.rejected,
        "skipped": found.skipped,
        "unread_files": len(found.unread),
        "unread": [{"file": name, "reason": why} for name, why in named(found.unread)[0]],
    }  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(scan)
