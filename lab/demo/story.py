"""The report in the terminal: found incidents with reasons, quiet novelties, and errors."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.padding import Padding
from rich.table import Column, Table

from lab.demo.findings import by_kind
from pipeline.commands.pages.explanation import LEVEL_STYLE
from pipeline.commands.pages.recovery import MEANING, recovery_text
from pipeline.publishing.catalogue import title_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from lab.demo.filing import Filed
    from lab.demo.findings import FalseCase, Findings, Incident, Novelty
    from lab.simulation.sample.truth import Truth
    from models.trust.response import Answer
    from pipeline.processing.run_summary import RunSummary

_SEVERITY_STYLE = {"low": "dim", "medium": "yellow", "high": "red", "critical": "bold red"}


def opening(console: Console, truth: Truth, summary: RunSummary) -> None:
    """Print the judged data."""
    console.print(
        f"\n[bold]{summary.events:,} events[/] of a made-up fleet, {when(truth.start)[:10]} to "
        f"{when(truth.end)[:10]} 2026, judged one after the other in order of time; "
        f"{summary.rejected} rejected."
    )


def incidents(console: Console, findings: Findings) -> None:
    """Print each incident: agent, time, type, reason, and effect on trust."""
    found, all_ = len(findings.found), len(findings.incidents)
    console.rule(f"[bold]{found} of {all_} incidents found[/]", align="left")
    for number, incident in enumerate(findings.incidents, 1):
        head = f"[bold]{number}  {escape(incident.truth.agent_id)}[/]"
        console.print(f"\n{head}  {when(incident.truth.first)} UTC")
        console.print(Padding(_described(incident), (0, 0, 0, 3), expand=False))


def novelties(console: Console, findings: Findings) -> None:
    """Print the benign novelties that raised no alert."""
    quiet = [novelty for novelty in findings.novelties if not novelty.flagged]
    count = f"{len(quiet)} of {len(findings.novelties)}"
    console.print()
    console.rule(f"[bold]{count} benign novelties not flagged[/]", align="left")
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for kind, group in by_kind(findings.novelties).items():
        table.add_row(
            _verdict(group), kind.replace("_", " "), _agents_text(group), group[0].truth.what
        )
    console.print(table)


def false_cases(console: Console, findings: Findings, truth: Truth, alerts_per_day: float) -> None:
    """Print missed incidents and false cases."""
    console.print()
    console.rule("[bold]What went wrong[/]", align="left")
    missed = findings.missed
    names = ", ".join(one.truth.incident.replace("_", " ") for one in missed)
    console.print(f"missed: {names}" if missed else "missed: no incident")
    for incident in findings.found:
        rest = len(incident.truth.event_ids) - incident.in_cases
        if rest:
            kind = incident.truth.incident.replace("_", " ")
            console.print(f"  of {kind}, {rest} of {len(incident.truth.event_ids)} events passed")
    false = findings.false_cases
    days = (_instant(truth.end) - _instant(truth.start)) / timedelta(days=1)
    console.print(
        f"false cases: {len(false)} in {days:.0f} days, where the budget of {alerts_per_day} a "
        f"day for the whole fleet expects {alerts_per_day * days:.1f}"
    )
    for case in false:
        console.print(Padding(_false(case), (0, 0, 0, 2), expand=False))
    for agent, count in findings.beside.items():
        work = "event of its own work is" if count == 1 else "events of its own work are"
        console.print(f"{escape(agent)}: {count} {work} in a case that an incident raised")
    if findings.notes:
        console.print(f"{findings.notes} notes: rare for an agent, yet in no queue")


def trust_table(console: Console, rows: Iterable[dict[str, Any]]) -> None:
    """Print the trust of every agent at the end."""
    console.print()
    table = Table(
        Column("agent", no_wrap=True), Column("score/lower", justify="center"), "level", "state",
        "recovers", "weighs most",
        title="Trust at the end", title_justify="left", box=None, padding=(0, 1, 0, 0),
    )  # fmt: skip
    for row in rows:
        style = LEVEL_STYLE.get(row["level"], "")
        reason = row["top_reason"]
        table.add_row(
            escape(row["agent_id"]),
            f"{row['score']} / {row['lower']}",
            f"[{style}]{row['level']}[/]",
            row["state"],
            recovery_text(row),
            f"{reason['anomaly']} {reason['effect']}" if reason else "",
        )
    console.print(table)
    console.print(
        f"score is the estimate, lower its lower bound; {MEANING}",
        style="dim",
    )


def print_next_steps(console: Console, url: str, settings_file: str, at: str) -> None:
    """Print the addresses, and three commands to try."""
    event = f'{{"id":"try-1","time":"{at}","agent":{{"id":"ghost-1"}},"tool":"payments.create"}}'
    lines = (
        f"curl -s {url}/v1/agents/data-steward-1/trust",
        f"curl -s '{url}/v1/anomalies?severity=high&limit=2'",
        f"curl -s {url}/v1/actions -H 'content-type: application/json' -d '{event}'",
    )
    console.print()
    console.rule("[bold]Now yours[/]", align="left")
    console.print(f"console {url}/   API {url}/docs   Ctrl-C ends it and removes everything")
    for line in lines:
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    console.print("then ask for the trust of ghost-1. In another terminal:")
    more = f"  HABITUS_CONFIG={settings_file} habitus explain data-steward-1"
    console.print(more, markup=False, highlight=False, soft_wrap=True)


def when(text: str) -> str:
    """Format a time for people.

    >>> when("2026-10-19T14:22:59.000000Z")
    'Mon 19 Oct 14:22'
    """
    return _instant(text).strftime("%a %d %b %H:%M")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _described(incident: Incident) -> str:
    truth = incident.truth
    happened = f"[dim]really:[/] {escape(truth.what)}"
    if not incident.alerts:
        return f"[bold]missed[/]\n{happened}"
    lead = incident.alerts[0]
    style = _SEVERITY_STYLE.get(lead.severity or "", "")
    return "\n".join(
        (
            f"[{style}]{_title(lead)}[/] ({lead.severity}, {lead.anomaly}), "
            f"alert at event {incident.first} of {len(truth.event_ids)}{_also(incident)}",
            f"[dim]why:[/] {escape(_why(lead))}",
            f"[dim]how rare:[/] {rarity_text(lead.return_period_days)}",
            f"[dim]trust:[/] {_moved(incident.before, incident.after)}",
            happened,
        )
    )


def _title(alert: Filed) -> str:
    return title_of(alert.anomaly) if alert.anomaly is not None else "More of a case"


def _why(alert: Filed) -> str:
    return alert.reasons[0].why if alert.reasons else "the session continues"


def _also(incident: Incident) -> str:
    lead, *rest = incident.alerts
    same = sum(1 for alert in rest if alert.anomaly == lead.anomaly)
    more = [f"{same} more like it"] if same else []
    kinds = dict.fromkeys(alert.anomaly for alert in rest)
    more += [title_of(kind).lower() for kind in kinds if kind not in (lead.anomaly, None)]
    joined = "" if incident.own else ", in a case that other work had raised"
    return joined + (f"; also {', '.join(more)}" if more else "")


def rarity_text(days: float | None) -> str:
    """Say how rare something is over the whole fleet.

    >>> rarity_text(13.7), rarity_text(0.25), rarity_text(None)
    ('once in 14 days over the whole fleet', '4 times a day over the whole fleet', 'not known yet')
    """
    if days is None:
        return "not known yet"
    often = f"once in {days:,.0f} days" if days >= 1.5 else f"{1 / days:.2g} times a day"
    return f"{often} over the whole fleet"


def _moved(before: Answer | None, after: Answer | None) -> str:
    return f"{_trust_text(before)} → {_trust_text(after)}"


def _trust_text(answer: Answer | None) -> str:
    if answer is None:
        return "unknown"
    style = LEVEL_STYLE.get(answer.level, "")
    return f"{answer.score} (lower {answer.lower}, [{style}]{answer.level}[/])"


def _verdict(group: Sequence[Novelty]) -> str:
    flagged = sum(len(novelty.flagged) for novelty in group)
    return f"[red]{flagged} flagged[/]" if flagged else "[green]quiet[/]"


def _agents_text(group: Sequence[Novelty]) -> str:
    names = [novelty.truth.agent_id or "everyone" for novelty in group]
    return names[0] if len(names) == 1 else f"{len(names)} agents"


def _false(case: FalseCase) -> str:
    alert = case.raised_by
    near = f"; same day: {case.near.kind.replace('_', ' ')}" if case.near else ""
    head = f"{when(alert.time)}  {alert.agent_id}  {alert.anomaly} ({alert.severity})"
    return f"{escape(head)}{near}\n  {escape(_why(alert))}"
