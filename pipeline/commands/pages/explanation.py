"""The page of `habitus explain`: trust of an agent, reasons, and recovery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs, to_builtins

from models.trust.response import Answer  # noqa: TC001  # a struct reads its annotations
from pipeline.commands.pages.anomaly_basis import basis_in_words
from pipeline.commands.pages.listing import listing
from pipeline.commands.pages.recovery import recovery_text
from pipeline.text.quoted import plain, plain_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

LEVEL_STYLE = {
    "trusted": "green",
    "normal": "green",
    "watch": "yellow",
    "restricted": "bold red",
}

_STATES = {
    "active": "its habits are known",
    "learning": "its habits are still being learnt",
    "relearning": "its habits are being learnt again after a change",
    "stale": "the pipeline is behind or a live source is quiet, so this may be out of date",
}


class Explained(Struct, frozen=True):
    """Trust overall and by mode, and the newest anomalies."""

    trust: Answer
    by_mode: list[Answer]
    anomalies: list[dict[str, Any]]


def explanation(explained: Explained, console: Console) -> None:
    """Print it."""
    answer = explained.trust
    style = LEVEL_STYLE.get(answer.level, "")
    gate = ", [bold red]quarantined[/]" if answer.gate == "quarantined" else ""
    console.print(f"[bold]{plain_name(answer.agent_id)}[/]", soft_wrap=True, highlight=False)
    console.print(
        f"trust {answer.score}, cautiously {answer.lower}: [{style}]{answer.level}[/]{gate}; "
        f"{answer.state}: {_STATES.get(answer.state, 'nothing is known of it')}"
    )
    console.print(
        f"evidence for {_share(answer.belief)}, against {_share(answer.disbelief)}, "
        f"not known {_share(answer.uncertainty)}"
    )
    facets = structs.asdict(answer.facets)
    console.print("facets  " + "  ".join(f"{name} {score}" for name, score in facets.items()))
    if len(explained.by_mode) > 1:
        modes = (f"{one.mode} {one.score} ({one.level})" for one in explained.by_mode)
        console.print("by mode  " + "  ".join(modes))
    _reasons(explained, console)
    _return(answer, console)
    for anomaly in explained.anomalies:
        _anomaly(anomaly, console)


def _share(share: float) -> str:
    text = f"{share:.0%}"
    return "under 1%" if share and text == "0%" else text


def _reasons(explained: Explained, console: Console) -> None:
    answer = explained.trust
    if not answer.reasons:
        console.print(f"\n{_without_reasons(explained)}")
        return
    heads = ("id", "points", "anomaly", "severity", "at")
    rows = (
        (plain(one.id), str(one.effect), one.anomaly, one.severity, one.at[:19] + "Z")
        for one in answer.reasons
    )
    console.print()
    listing(console, heads, rows, first="id", title="what lowers it")


def _without_reasons(explained: Explained) -> str:
    """Explain why no anomaly lowers the score: there is no evidence, or it is old or weak."""
    answer = explained.trust
    it = f"it in {answer.mode} mode" if len(explained.by_mode) > 1 else "it"
    if answer.disbelief:
        return (
            f"no anomaly takes a point off any more: what counts against {it} "
            f"({_share(answer.disbelief)} of the evidence) has faded, or was slight"
        )
    if any(_counted(one, answer.mode) for one in explained.anomalies):
        return f"nothing counts against {it} any more: what did has faded"
    return f"nothing counts against {it}"


def _counted(anomaly: dict[str, Any], mode: str) -> bool:
    """Return whether an anomaly once counted in the decisive mode of the agent."""
    return anomaly.get("mode", mode) == mode and anomaly.get("status") != "dismissed"


def _return(answer: Answer, console: Console) -> None:
    console.print(f"recovers  {recovery_text(to_builtins(answer))}")


def _anomaly(anomaly: dict[str, Any], console: Console) -> None:
    head = (anomaly["time"][:19] + "Z", anomaly["severity"], anomaly["anomaly"])
    console.print(f"\n[bold]{plain('  '.join(head))}[/]  {plain(anomaly['id'])}")
    if basis := basis_in_words(anomaly):
        console.print(f"  {basis}")
    print_reasons(anomaly, console)


def print_reasons(anomaly: Mapping[str, Any], console: Console) -> None:
    """Print the reasons of an anomaly: bits, observed and expected values."""
    for reason in anomaly.get("reasons", ()):
        console.print(f"  {reason['bits']:5.1f} bits  {plain(reason['why'])}")
        expected = ", ".join(f"{name} {share:.0%}" for name, share in reason["expected"])
        suffix = f"; expected: {plain(expected)}" if expected else ""
        console.print(f"              seen: {plain(reason['observed'])}{suffix}")
