"""Write docs/integrations.md: what can be connected, and what it contains (``make schema``)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.connecting import CONNECTORS
from pipeline.formats import FORMATS, PartFormat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.formats import AnyFormat

DOCS = Path(__file__).resolve().parents[2] / "docs"
PATH = DOCS / "integrations.md"
_CARRIED = ("arguments", "results", "request", "human", "network", "tokens")
_CONNECTED = {"gemini-cli": "gemini", "otlp": "otel"}
"""Name of `habitus connect` for a format, where it is another one."""
_HEAD = """# Integrations

`make schema` writes this page from the formats. Each page has the switches of the emitter, an
example with the events that it gives, what is poorer and why, and what happens while Habitus is
down. `habitus doctor --format F FILE` says what the records of a file contain, and which switch
adds what they lack.

*Results* and *request* show where the values of a call come from: a source without them is blind to
an instruction that a tool result has planted. *Human* is the person for whom an agent acts.
"""
_TITLES = {
    "agents": "Coding agents and recordings",
    "frameworks": "Frameworks",
    "gateways": "Gateways and protocols",
    "identity": "Identities",
}
"""Heading of the table for each folder of formats."""
BY_HAND = "<!-- make schema writes everything above -->\n"
"""Line of the page below which it is written by hand."""


def page(by_hand: str) -> str:
    """Give the whole page.

    Parameters
    ----------
    by_hand
        The text below the tables.
    """
    return _HEAD + "".join(map(_table, _TITLES)) + "\n" + BY_HAND + by_hand


def _table(folder: str) -> str:
    columns = ["source", "`HABITUS_FORMAT`", "`habitus connect`", *_CARRIED]
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns), *_rows(folder)]
    return f"\n## {_TITLES[folder]}\n\n" + "\n".join(lines) + "\n"


def _rows(folder: str) -> Iterator[str]:
    for name, wire in FORMATS.items():
        path = DOCS / "integrations" / f"{name}.md"
        if _folder_of(wire) != folder or not isinstance(wire, PartFormat) or not path.exists():
            continue  # OTLP has one page for its encodings
        title = path.read_text().partition("\n")[0].removeprefix("# ")
        connector = _CONNECTED.get(name, name)
        connected = f"`{connector}`" if connector in CONNECTORS else ""
        carried = ["yes" if what in wire.supports else "" for what in _CARRIED]
        cells = [f"[{title}](integrations/{name}.md)", f"`{name}`", connected, *carried]
        yield f"| {' | '.join(cells)} |"


def _folder_of(wire: AnyFormat) -> str:
    """Give the folder of a format; that of OTLP is one of frameworks.

    >>> _folder_of(FORMATS["otlp"]), _folder_of(FORMATS["mcp"])
    ('frameworks', 'gateways')
    """
    folder = type(wire).__module__.split(".")[2]
    return "frameworks" if folder == "otlp" else folder


if __name__ == "__main__":
    PATH.write_text(page(PATH.read_text().partition(BY_HAND)[2]))
