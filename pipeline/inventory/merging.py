"""Merge an import into the inventory: what a person wrote stays."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from ruamel.yaml.comments import CommentedMap

from pipeline.inventory.document import plain_value, scalar, text_scalar
from pipeline.inventory.registered import IMPORTED

if TYPE_CHECKING:
    from pipeline.inventory.document import InventoryDocument
    from pipeline.inventory.importing.importer import Gathered, Importer

_DIGITS = 12
Value = str | list[str]


class Conflict(msgspec.Struct, frozen=True):
    """A value of the inventory that an import has otherwise; it stays.

    Attributes
    ----------
    kept
        Value of the inventory; None for one that a person took out.
    origin
        Where the kept value comes from: ``by hand``, or the source of an earlier import.
    """

    agent_id: str
    column: str
    kept: Value | None
    imported: Value
    origin: str


class Merged(NamedTuple):
    """Outcome of a merge.

    Attributes
    ----------
    added, changed
        Agents with a new entry, and with other values than before.
    absent
        Agents of earlier imports from this kind that the source no longer has.
    """

    added: list[str]
    changed: list[str]
    conflicts: list[Conflict]
    absent: list[str]


class _Record(NamedTuple):
    """What the inventory notes of an imported value."""

    kind: str
    source: str
    digest: str


class Merge:
    """Merges the agents of one import.

    Parameters
    ----------
    kind
        Kind of the import, which is the beginning of each source.
    at
        Time of the import, RFC 3339.
    replace
        Whether imported values replace those in conflict.
    """

    def __init__(
        self, document: InventoryDocument, importer: Importer, kind: str, at: str, *, replace: bool
    ) -> None:
        self._document = document
        self._importer = importer
        self._kind, self._at, self._replace = kind, at, replace

    def apply(self, gathered: Gathered) -> Merged:
        """Change the document, and say what changed."""
        merged = Merged([], [], [], self._absent(gathered))
        for agent_id, columns in gathered.agents.items():
            is_new = agent_id not in self._document
            entry = self._document.agent(agent_id)
            source = f"{self._kind} {gathered.sources[agent_id]}"
            changes = [
                self._take(merged, agent_id, entry, column, value, source)
                for column, value in columns.items()
            ]
            if is_new:
                merged.added.append(agent_id)
            elif any(changes):
                merged.changed.append(agent_id)
        return merged

    def _absent(self, gathered: Gathered) -> list[str]:
        """Give the agents that only earlier imports had."""
        if not self._importer.whole:
            return []
        return [
            agent_id
            for agent_id in self._document.agents()
            if agent_id not in gathered.agents and self._is_ours(self._document.agent(agent_id))
        ]

    def _is_ours(self, entry: CommentedMap) -> bool:
        return any((record := _record(entry, name)) and record.kind == self._kind for name in entry)

    def _take(
        self,
        merged: Merged,
        agent_id: str,
        entry: CommentedMap,
        column: str,
        value: Value,
        source: str,
    ) -> bool:
        """Take one value into an entry, or note the conflict; return whether it changed."""
        record = _record(entry, column)
        has_value = entry.get(column) is not None
        kept = plain_value(column, entry[column]) if has_value else None
        ours = _flat(column, value)
        if _are_same(kept, ours):
            return False
        if isinstance(kept, list) and isinstance(ours, list) and column in self._importer.adds:
            ours = list(dict.fromkeys([*kept, *ours]))
            if ours == kept:
                return False
            may = column == "aliases" or self._may_replace(record, kept)
        else:
            may = record is None if kept is None else self._may_replace(record, kept)
        if not (may or self._replace):
            origin = record.source if record and _digest(kept) == record.digest else "by hand"
            merged.conflicts.append(Conflict(agent_id, column, kept, ours, origin))
            return False
        self._write(entry, column, ours, source, by_hand=record is None and kept is not None)
        return True

    def _may_replace(self, record: _Record | None, kept: Value | None) -> bool:
        """Return whether a value is one of this kind's earlier imports, unchanged since."""
        return record is not None and record.kind == self._kind and record.digest == _digest(kept)

    def _write(
        self, entry: CommentedMap, column: str, value: Value, source: str, *, by_hand: bool
    ) -> None:
        entry[column] = scalar(column, value)
        if by_hand and not self._replace:  # a list of a person with further aliases stays theirs
            return
        records = entry.get(IMPORTED)
        if not isinstance(records, CommentedMap):
            records = CommentedMap()
        entry.pop(IMPORTED, None)
        entry[IMPORTED] = records  # last: people read the values first
        note = CommentedMap(
            source=text_scalar(source), at=text_scalar(self._at), digest=text_scalar(_digest(value))
        )
        note.fa.set_flow_style()
        records[column] = note


def _are_same(kept: Value | None, ours: Value) -> bool:
    if isinstance(kept, list) and isinstance(ours, list):
        return set(kept) == set(ours)
    return kept == ours


def _flat(column: str, value: Value) -> Value:
    """Give a value as the document has it."""
    return plain_value(column, scalar(column, value))


def _record(entry: CommentedMap, column: str) -> _Record | None:
    """Give what is noted of a column; None for a value of a person, or a damaged note."""
    records: Any = entry.get(IMPORTED)
    note = records.get(column) if isinstance(records, CommentedMap) else None
    if not isinstance(note, CommentedMap):
        return None
    source, digest = note.get("source"), note.get("digest")
    if not isinstance(source, str) or digest is None:
        return None
    return _Record(source.partition(" ")[0], source, str(digest))


def _digest(value: Value | None) -> str:
    """Give a digest of a value, by which a change by hand shows."""
    return sha256(msgspec.json.encode(value)).hexdigest()[:_DIGITS]
