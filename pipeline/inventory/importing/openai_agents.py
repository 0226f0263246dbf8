"""OpenAI Agents SDK: the agent spans of exported traces.

A span names all tools and handoffs that its agent declares. Tools of several spans and of earlier
imports are added up, because an agent may switch tools on and off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.formats.members import name as name_of
from pipeline.inventory.importing.documents import Imported
from pipeline.inventory.importing.importer import Importer
from pipeline.inventory.importing.members import Members, json_entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.inventory.importing.documents import Columns, Document


def _entries(document: Document) -> Iterator[Members]:
    return json_entries(document, "data")


def _read(entry: Members, every: bool) -> Imported | None:
    """Give the agent of an agent span; traces and other spans are left out.

    >>> _read(Members("traces.jsonl, entry 1", {"object": "trace.span", "span_data": {
    ...     "type": "agent", "name": "Clerk", "tools": ["pay"], "handoffs": ["Payer"]}}), False)
    Imported(agent_id='Clerk', columns={'allowed_tools': ['pay'], 'peers': ['Payer']})
    """
    del every
    kind, span = entry.need("object"), entry.object("span_data")
    if kind != "trace.span" or span.need("type") != "agent":
        return None
    columns: Columns = {}
    tools, handoffs = span.texts("tools"), span.texts("handoffs")
    if tools is not None:
        columns["allowed_tools"] = sorted(set(tools))
    if handoffs:
        columns["peers"] = sorted(set(handoffs))
    return Imported(name_of(span.need("name")) or "", columns)


IMPORTER = Importer(
    _entries, _read, adds=frozenset({"aliases", "allowed_tools", "peers"}), whole=False,
    merges=True,
)  # fmt: skip
