"""Cases on a terminal: the queue with ids, and one case with its signals, reasons and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from pipeline.commands.pages.beginnings import one_with
from pipeline.commands.pages.explanation import print_reasons
from pipeline.commands.pages.listing import listing
from pipeline.commands.pages.return_period import period_in_words
from pipeline.publishing.catalogue import FRAMEWORK_NAMES, FRAMEWORKS
from pipeline.publishing.findings import findings_of
from pipeline.text.quoted import plain
from pipeline.text.visible import distinguishable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console, RenderableType

    from pipeline.store import Store

_KIND = "C-"
_STYLE = {"critical": "bold red", "high": "red", "medium": "yellow"}
HEADS = ("id", "severity", "comes up", "last", "agent", "events", "title")


def case_with(store: Store, beginning: str) -> dict[str, Any]:
    """Give the case with an id prefix; ``C-`` may be left out.

    Raises
    ------
    HabitusError
        No id or several ids have this prefix.
    """
    return one_with(beginning, _KIND, "case", store.case, store.case_ids)


def print_cases(found: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Print the queue: a table if it fits, else lines; ids are never cut or broken."""
    names = distinguishable(case["agent_id"] for case in found)
    listing(console, HEADS, (_row(case, names) for case in found), first="id", prose="title")


def print_case(case: Mapping[str, Any], console: Console) -> None:
    """Print all details of one case."""
    console.print(f"[bold]{plain(case['case_id'])}[/]  {plain(case['title'])}", highlight=False)
    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    facts.add_column(no_wrap=True, style="dim")
    facts.add_column(overflow="fold")
    for name, lines in _facts(case).items():
        for at, line in enumerate(filter(None, lines)):
            facts.add_row("" if at else name, line)
    console.print(_indented(facts))
    for signal in case["signals"]:
        _print_signal(signal, console)
    _print_others(case, console)
    _print_names("events", case["events"]["ids"], case["events"]["count"], console)
    _print_names("sessions", case["sessions"], len(case["sessions"]), console)
    _print_names("traces", case["traces"], len(case["traces"]), console)
    _print_comments(case["discussion"], console)


def _row(case: Mapping[str, Any], names: Mapping[str, str]) -> Sequence[str]:
    severity, others = case["severity"], case["agent_count"] - 1
    style = _STYLE.get(severity)
    return (
        plain(case["case_id"]),
        f"[{style}]{severity}[/]" if style else severity,
        period_in_words(case["return_period_days"]) if case["status"] == "open" else case["status"],
        _short(case["last"]),
        escape(names[case["agent_id"]]) + (f" and {others} more" if others else ""),
        str(case["events"]["count"]),
        plain(case["title"]),
    )


def _facts(case: Mapping[str, Any]) -> dict[str, list[str]]:
    names = distinguishable(case["agents"])
    agents = [escape(names[name]) for name in case["agents"]]
    left = case["agent_count"] - len(agents)
    first, last = _short(case["opened"]), _short(case["last"])
    return {
        "severity": [case["severity"]],
        "comes up": [period_in_words(case["return_period_days"])],
        "status": [_status(case)],
        "decision": [_decision(case["decision"], case["disposition"])],
        "agent" if len(agents) == 1 else "agents": [*agents, f"and {left} more" if left else ""],
        "mode": [case["mode"]],
        "role": [plain(case["role"] or "")],
        "owner": [plain(case["owner"] or "")],
        "findings": [", ".join(plain(one["anomaly"]) for one in findings_of(case))],
        "time": [first if first == last else f"{first} to {last}"],
        "trust": [_trust(case["trust"])],
    }


def _status(case: Mapping[str, Any]) -> str:
    status, disposition = case["status"], case["disposition"]
    if status == "suppressed":
        status = f"suppressed by {case['suppressed_by']}"
    version = f"version {case['version']}, {case['change']}"
    return ", ".join(filter(None, [status, disposition, version]))


def _decision(decision: Mapping[str, Any] | None, disposition: str | None) -> str:
    """Describe the latest decision; without a disposition, it took the one before back.

    >>> made = {"by": "ops", "at": "2026-03-02T10:00:00Z", "reason": "moved", "until": None}
    >>> _decision(made, "benign")
    'by ops at 2026-03-02T10:00:00Z: moved'
    >>> _decision(made, None)
    'taken back by ops at 2026-03-02T10:00:00Z: moved'
    """
    if decision is None:
        return ""
    until = f", until {decision['until']}" if decision["until"] else ""
    head = "" if disposition else "taken back "
    head += f"by {plain(decision['by'])} at {_short(decision['at'])}{until}"
    return f"{head}: {plain(decision['reason'])}"


def _trust(trust: Mapping[str, Any]) -> str:
    """Describe the effect on the agent that opened the case.

    >>> _trust({"before": {"score": 83, "lower": 62}, "after": {"score": 52, "lower": 31}})
    '83 (at least 62) before, 52 (at least 31) after'
    >>> _trust({"before": None, "after": None})
    ''
    """
    if trust["after"] is None:
        return ""
    words = [
        f"{one['score']} (at least {one['lower']}) {when}"
        for when in ("before", "after")
        if (one := trust[when]) is not None
    ]
    return ", ".join(words)


def _print_signal(signal: Mapping[str, Any], console: Console) -> None:
    tags = "; ".join(
        f"{FRAMEWORK_NAMES[name]} {', '.join(signal['tags'][name])}"
        for name in FRAMEWORKS
        if signal["tags"].get(name)
    )
    head = [plain(signal["anomaly"]), plain(signal["subject"]), plain(signal["detector"])]
    head.append(period_in_words(signal["return_period_days"]))
    console.print(f"\nsignal  {'  '.join(filter(None, head))}", highlight=False)
    if tags:
        console.print(_indented(plain(tags)), highlight=False)
    print_reasons(signal, console)


def _print_others(case: Mapping[str, Any], console: Console) -> None:
    """Print the findings whose types no signal has."""
    types = {signal["anomaly"] for signal in case["signals"]}
    others = [one for one in findings_of(case) if one["anomaly"] not in types]
    if others:
        console.print("\nbeside these")
    for one in others:
        text = f"{plain(one['anomaly'])}  {one['bits']:.1f} bits  {plain(one['why'])}"
        console.print(_indented(text), highlight=False)


def _print_names(what: str, names: Sequence[str], count: int, console: Console) -> None:
    if not names:
        return
    some = f", the newest {len(names)} of {count}" if count > len(names) else ""
    console.print(f"\n{what}{some}")
    for name in reversed(names):
        console.print(_indented(plain(name)), highlight=False)


def _print_comments(comments: Sequence[Mapping[str, Any]], console: Console) -> None:
    if comments:
        console.print("\ncomments")
    for one in comments:
        head = f"{_short(one['at'])} {plain(one['by'])}: "
        console.print(_indented(head + plain(one["text"])), highlight=False)


def _indented(what: RenderableType) -> Padding:
    return Padding(what, (0, 0, 0, 2), expand=False)


def _short(time: str) -> str:
    return time[:19].removesuffix("Z") + "Z"
