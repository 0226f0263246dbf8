"""Anomalies on a terminal: a list with ids, and the details of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from pipeline.commands.pages.anomaly_basis import basis_in_words, is_of_before
from pipeline.commands.pages.beginnings import one_with
from pipeline.commands.pages.explanation import print_reasons
from pipeline.commands.pages.return_period import period_in_words
from pipeline.publishing.catalogue import FRAMEWORK_NAMES, FRAMEWORKS, title_of
from pipeline.text.quoted import plain
from pipeline.text.visible import distinguishable, visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console, RenderableType

    from pipeline.store import Store

_KIND = "an-"
_ONE_LINE = 130


def anomaly_with(store: Store, beginning: str) -> dict[str, Any]:
    """Give the anomaly with an id prefix; ``an-`` may be left out.

    Raises
    ------
    HabitusError
        No id or several ids have this prefix.
    """
    return one_with(beginning, _KIND, "anomaly", store.anomaly, store.anomaly_ids)


def print_anomalies(found: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Print a list: a table if it fits, else lines; ids are never cut or broken."""
    names = distinguishable(name for anomaly in found for name in _named(anomaly))
    if console.width < _ONE_LINE:
        for anomaly in found:
            head = "  ".join((_id(anomaly), _time(anomaly), anomaly["severity"]))
            console.print(f"[bold]{head}[/]  {plain(anomaly['anomaly'])}", highlight=False)
            agent = f"{_agents(anomaly, names)}  {_rank(anomaly)}".rstrip()
            console.print(_indented(f"{agent}\n{_reason_text(anomaly)}"), highlight=False)
        return
    table = Table()
    for name in ("id", "time", "severity"):
        table.add_column(name, no_wrap=True)
    for name in ("anomaly", "agent", "comes up", "why"):
        table.add_column(name, overflow="fold")
    for anomaly in found:
        table.add_row(
            _id(anomaly), _time(anomaly), anomaly["severity"], plain(anomaly["anomaly"]),
            _agents(anomaly, names), _rank(anomaly), _reason_text(anomaly),
        )  # fmt: skip
    console.print(table)


def print_anomaly(anomaly: Mapping[str, Any], console: Console) -> None:
    """Print all details of one anomaly."""
    title = title_of(anomaly["anomaly"])
    head = f"[bold]{_id(anomaly)}[/]  {plain(anomaly['anomaly'])}: {plain(title)}"
    console.print(head, highlight=False)
    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    facts.add_column(no_wrap=True, style="dim")
    facts.add_column(overflow="fold")
    names = distinguishable(_named(anomaly))
    for name, value in _facts(anomaly).items():
        if name == "agents":
            for at, line in enumerate(_agent_lines(anomaly.get("agents"), names)):
                facts.add_row("" if at else name, line)
        elif value:
            facts.add_row(name, escape(names[value]) if name == "agent" else plain(value))
    console.print(_indented(facts))
    console.print("\nreasons")
    print_reasons(anomaly, console)
    console.print("\nevidence")
    for event in anomaly.get("events", ()):
        where = f"{plain(event['id'])}  {plain(event['position'])}"
        console.print(_indented(where), highlight=False)
    if (known := len(anomaly.get("events", ()))) < anomaly.get("count", known):
        console.print(_indented(f"the newest {known} of {anomaly['count']} events"))


def _facts(anomaly: Mapping[str, Any]) -> dict[str, str]:
    first, last = str(anomaly.get("first_time") or anomaly["time"]), str(anomaly["time"])
    trust, p = anomaly.get("trust") or {}, anomaly.get("p")
    numbers = [_rank(anomaly), "" if p is None else f"p = {p:.1e}"]
    return {
        "severity": str(anomaly["severity"]),
        "agent": str(anomaly["agent_id"]),
        "agents": "",  # one line each
        "mode": str(anomaly.get("mode") or ""),
        "owner": str(anomaly.get("owner") or ""),
        "time": _short(first) if first == last else f"{_short(first)} to {_short(last)}",
        "session": str(anomaly.get("session") or ""),
        "tool": str(anomaly.get("tool") or ""),
        "case": str(anomaly.get("case_id") or ""),
        "status": str(anomaly.get("status") or ""),
        "how sure": basis_in_words(anomaly) or "",
        "numbers": ", ".join(filter(None, numbers)),
        "trust": _trust(trust.get("before"), trust.get("after"), str(anomaly.get("facet") or "")),
        "tags": _tags(anomaly.get("tags") or {}),
    }


def _agents(anomaly: Mapping[str, Any], names: Mapping[str, str]) -> str:
    others = anomaly.get("agents", {"count": 1})["count"] - 1
    return _one_of(names[anomaly["agent_id"]]) + (f" and {others} more" if others else "")


def _named(anomaly: Mapping[str, Any]) -> list[str]:
    return [anomaly["agent_id"], *(anomaly.get("agents") or {"first": []})["first"]]


def _agent_lines(agents: Mapping[str, Any] | None, names: Mapping[str, str]) -> list[str]:
    """Give the number of agents, the first ones with their operations, then all others."""
    if agents is None or agents["count"] == 1:
        return []
    first, operations = agents["first"], agents.get("operations", {})
    lines = [str(agents["count"])]
    lines += [_one_of(names[name]) + f"  {operations.get(name, '')}".rstrip() for name in first]
    listed = set(first)
    others = [name for name in agents.get("members", ()) if name not in listed]
    lines += [_one_of(visible(name, name=True)) for name in others]
    left = agents["count"] - len(first) - len(others)
    return [*lines, f"and {left} more"] if left > 0 else lines


def _one_of(name: str) -> str:
    r"""Give an id for use within a sentence; quoted if it contains more than id characters.

    >>> _one_of("agent-1"), _one_of("agent-1 and 3 more")
    ('agent-1', '"agent-1 and 3 more"')
    """
    if any(char in name for char in ' ,"'):
        name = '"' + name.replace('"', '\\"') + '"'
    return escape(name)


def _trust(before: float | None, after: float | None, facet: str) -> str:
    """Describe the effect on the score.

    >>> _trust(83.2, 52.0, "data"), _trust(None, 20.0, "identity")
    ('83 before, 52 after; facet data', 'unknown before, 20 after; facet identity')
    """
    if after is None:
        return ""
    previous = "unknown" if before is None else f"{before:.0f}"
    return f"{previous} before, {after:.0f} after" + (f"; facet {facet}" if facet else "")


def _tags(tags: Mapping[str, Sequence[str]]) -> str:
    """List the entries of each framework.

    >>> _tags({"owasp": ["ASI02"], "attack": ["T1530", "T1041"], "atlas": []})
    'OWASP ASI02; ATT&CK T1530, T1041'
    """
    named = [(FRAMEWORK_NAMES[name], ", ".join(tags.get(name, ()))) for name in FRAMEWORKS]
    return "; ".join(f"{name} {words}" for name, words in named if words)


def _indented(what: RenderableType) -> Padding:
    return Padding(what, (0, 0, 0, 2), expand=False)


def _id(anomaly: Mapping[str, Any]) -> str:
    return plain(anomaly["id"])


def _time(anomaly: Mapping[str, Any]) -> str:
    return _short(anomaly["time"])


def _short(time: str) -> str:
    return time[:19] + "Z"


def _rank(anomaly: Mapping[str, Any]) -> str:
    rank = anomaly.get("rank")
    return "" if rank is None or is_of_before(anomaly) else period_in_words(2.0**rank)


def _reason_text(anomaly: Mapping[str, Any]) -> str:
    reasons = anomaly.get("reasons") or [{}]
    return plain(reasons[0].get("why", ""))
