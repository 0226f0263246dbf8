"""SPIRE registration entries: ``spire-server entry show -output json``.

A workload's entries with different selectors are one agent. Entries of nodes (their parent is the
server, or their selector is another SPIFFE ID, as a join token makes them) and of downstream
servers are no agents.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipeline.inventory.importing.documents import Imported
from pipeline.inventory.importing.importer import Importer
from pipeline.inventory.importing.members import Members, json_entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.inventory.importing.documents import Columns, Document

_SERVER = "/spire/server"
_NODE_SELECTOR = "spiffe_id"


def _entries(document: Document) -> Iterator[Members]:
    return json_entries(document, "entries")


def _read(entry: Members, every: bool) -> Imported | None:
    """Give the agent of an entry.

    >>> entry = Members("entries.json, entry 1", {
    ...     "spiffe_id": {"trust_domain": "example.org", "path": "/agent/bot"},
    ...     "selectors": [{"type": "unix", "value": "uid:1001"}]})
    >>> _read(entry, False)
    Imported(agent_id='spiffe://example.org/agent/bot', columns={'selectors': ['unix:uid:1001']})
    """
    agent_id, parent = _spiffe_id(entry, "spiffe_id"), entry.members.get("parent_id")
    of_node = parent is not None and _spiffe_id(entry, "parent_id").endswith(_SERVER)
    selectors = [(one.need("type"), one.need("value")) for one in entry.objects("selectors")]
    of_node = of_node or any(kind == _NODE_SELECTOR for kind, _ in selectors)
    if (of_node or entry.flag("downstream")) and not every:
        return None
    columns: Columns = {}
    if selectors:
        columns["selectors"] = [f"{kind}:{value}" for kind, value in selectors]
    if (hint := entry.text("hint")) is not None:
        columns["hint"] = hint
    if (ends := _seconds(entry, "expires_at")) > 0:
        columns["entry_expires"] = f"{datetime.fromtimestamp(ends, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Imported(agent_id, columns)


def _spiffe_id(entry: Members, name: str) -> str:
    """Give a SPIFFE ID, which is an object of trust domain and path."""
    parts = entry.object(name)
    domain, path = parts.need("trust_domain"), parts.need("path")
    if not path.startswith("/") or path.endswith("/") or "/" in domain:
        raise parts.fault("a SPIFFE ID has a trust domain, and a path such as /agent/bot")
    return f"spiffe://{domain}{path}"


def _seconds(entry: Members, name: str) -> int:
    """Give seconds since 1970, which are a number or, as protobuf writes them, a text."""
    value = entry.members.get(name, 0)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**11:
        raise entry.wrong(name, "seconds since 1970", value)
    return value


IMPORTER = Importer(_entries, _read, merges=True)
