"""CSV and YAML of registered agents, in the form of the inventory itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.inventory.importing.documents import Imported
from pipeline.inventory.importing.importer import Importer
from pipeline.inventory.importing.members import Members
from pipeline.inventory.registered import IMPORTED, LISTS, registered, words
from pipeline.inventory.rows import csv_entries, yaml_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.inventory.importing.documents import Columns, Document
    from pipeline.inventory.rows import Entry


def _entries_by(split: Callable[[Path, str], Iterator[Entry]]) -> Callable[..., Iterator[Members]]:
    def entries(document: Document) -> Iterator[Members]:
        path = Path(document.name)
        try:
            text = document.content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{document.name}: expected UTF-8, {error.reason}") from None
        for line, row in split(path, text):
            registered(path, line, row)  # says what is wrong with the values
            yield Members(f"{document.name}, line {line}", row)

    return entries


def _read(entry: Members, every: bool) -> Imported:
    """Give the agent of a row.

    >>> _read(Members("a.csv, line 2", {"agent_id": "a", "owner": "", "peers": "b;c"}), False)
    Imported(agent_id='a', columns={'peers': ['b', 'c']})
    """
    del every
    columns: Columns = {}
    for name, value in entry.members.items():
        if name in ("agent_id", IMPORTED) or value is None or str(value).strip() == "":
            continue
        if name in LISTS:
            columns[name] = words(value) if isinstance(value, str) else [str(one) for one in value]
        else:
            columns[name] = str(value).strip()
    return Imported(str(entry.members["agent_id"]).strip(), columns)


CSV = Importer(_entries_by(csv_entries), _read)
YAML = Importer(_entries_by(yaml_entries), _read)
