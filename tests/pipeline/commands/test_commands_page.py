"""docs/commands.md lists every command of the terminal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.cli import app

if TYPE_CHECKING:
    from click import Command

PAGE = Path(__file__).parents[3] / "docs" / "commands.md"


def names(command: Command, path: str) -> set[str]:
    """Give the commands that do something, below one of them."""
    below = getattr(command, "commands", {})
    found = {name for word, sub in below.items() for name in names(sub, f"{path} {word}")}
    return found or {path}


def listed() -> set[str]:
    found = set()
    for row in re.findall(r"^\| (`habitus .*?) \|", PAGE.read_text(), flags=re.MULTILINE):
        first, *others = re.findall(r"`([^`]*)`", row)
        words = re.sub(r" (\[|[A-Z]).*", "", first)
        group = words.rpartition(" ")[0]
        found |= {words, *(f"{group} {re.sub(r' [A-Z].*', '', other)}" for other in others)}
    return found


def test_commands_page_lists_every_command() -> None:
    assert names(typer.main.get_command(app), "habitus") - listed() == set()
