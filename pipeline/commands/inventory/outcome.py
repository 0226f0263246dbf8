"""What an import changes, for people and for programs."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from pipeline.commands.terminal import note
from pipeline.text.quoted import LONGEST_PATH, quoted
from pipeline.text.visible import visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.inventory.importing.importer import Gathered
    from pipeline.inventory.merging import Conflict, Merged

_NAMED = 5


def show_import(path: Path, before: str, after: str, merged: Merged, gathered: Gathered) -> None:
    """Print the difference, the conflicts and the numbers."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), str(path), str(path), lineterm=""
    )
    for line in lines:
        typer.echo(visible(line))
    for one in merged.conflicts:
        note(f"conflict: {_in_words(one)}")
    if merged.conflicts:
        note("kept values stay; --replace takes the imported ones")
    for text in _notes(merged, gathered):
        note(text)
    new, changed, all_of = len(merged.added), len(merged.changed), len(gathered.agents)
    note(f"{all_of} agents: {new} new, {changed} changed, {len(merged.conflicts)} conflicts")


def _in_words(one: Conflict) -> str:
    kept = "taken out" if one.kept is None else f"{quoted(one.kept)} stays"
    where = f"{quoted(one.agent_id, LONGEST_PATH)}, {one.column}"
    return f"{where}: {kept} ({one.origin}), the import has {quoted(one.imported)}"


def _notes(merged: Merged, gathered: Gathered) -> list[str]:
    notes = list(gathered.notes)
    if gathered.left_out:
        notes.append(f"{gathered.left_out} entries are no agents and are left out")
    if merged.absent:
        notes.append(f"no longer there, and kept: {_some(merged.absent)}")
    return notes


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(quoted(one) for one in names[:_NAMED]) + more


def import_object(
    path: Path, merged: Merged, gathered: Gathered, *, written: bool, proposed: int
) -> dict[str, Any]:
    """Give the outcome, for programs."""
    return {
        "inventory": str(path),
        "agents": len(gathered.agents),
        "added": merged.added,
        "changed": merged.changed,
        "conflicts": msgspec.to_builtins(merged.conflicts),
        "absent": merged.absent,
        "left_out": gathered.left_out,
        "notes": gathered.notes,
        "written": written,
        "aliases_proposed": proposed,
    }
