"""JSON Schema of the native event, made from the structs.

``python -m pipeline.events.schema`` writes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from models.event import Event

PATH = Path(__file__).parents[2] / "data" / "schema" / "event-v1.schema.json"

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "least": {
        "id": "0193-7f3a",
        "time": "2026-10-05T08:00:00Z",
        "agent": {"id": "support-desk-4"},
        "tool": "mail.send",
    },
    "full": {
        "id": "0193-7f3b",
        "time": "2026-10-05T08:00:01.250000Z",
        "agent": {
            "id": "spiffe://example.com/ns/shop/sa/refunds",
            "instance": "pod-7",
            "role": "refund-assistant",
            "model": "model-5",
            "version": "3.1",
            "owner": "shop@example.com",
        },
        "human": {"id": "amal@example.com"},
        "mode": "delegated",
        "delegation": ["spiffe://example.com/ns/shop/sa/front-desk"],
        "session": "s-1842",
        "task": "t-77",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "purpose": "refund order 1842",
        "tool": "payments.refund",
        "operation": "pay",
        "arguments": {"order": "1842", "amount": 40.5},
        "argument_origins": {"order": [["1842", ["request"]]]},
        "resource": {
            "id": "orders/1842",
            "type": "order",
            "domain": "shop",
            "sensitivity": "confidential",
        },
        "network": {
            "source_ip": "192.0.2.10",
            "destination": "payments.example.com",
            "egress": "corporate",
            "asn": 64500,
            "country": "NL",
        },
        "volume": {"bytes_in": 812, "bytes_out": 240, "records": 1},
        "outcome": "ok",
        "duration_ms": 83.5,
        "credential": {
            "id": "sha256:9f86d081",
            "issued_at": "2026-10-05T07:45:00Z",
            "expires_at": "2026-10-05T08:45:00Z",
            "scopes": ["payments:refund"],
            "purpose": "refunds",
        },
        "kind": "action",
        "attributes": {"call_id": "call-12"},
    },
}


def event_parts(template: str) -> dict[str, Any]:
    """Give the schemas of the event and of its parts by name.

    Parameters
    ----------
    template
        Format of a reference to another schema; contains ``{name}``.

    Examples
    --------
    >>> sorted(event_parts("#/$defs/{name}"))
    ['Agent', 'Credential', 'Event', 'Human', 'Network', 'Resource', 'Volume']
    """
    _, parts = msgspec.json.schema_components([Event], ref_template=template)
    for part in parts.values():
        part["description"] = part["description"].partition("\n\n")[0]
    parts["Event"]["examples"] = list(EXAMPLES.values())
    plain: dict[str, Any] = _without_boolean_items(parts)
    return plain


def _without_boolean_items(schema: Any) -> Any:
    """Leave out ``"items": false``, which `maxItems` implies and client generators misread."""
    if isinstance(schema, list):
        return [_without_boolean_items(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _without_boolean_items(part)
        for name, part in schema.items()
        if not (name == "items" and part is False and "maxItems" in schema)
    }


def event_schema() -> dict[str, Any]:
    """Make the schema.

    The schema describes what the decoder accepts, with two intended exceptions. The decoder treats
    null as a missing key everywhere, and it keeps unknown keys.

    >>> event_schema()["required"]
    ['id', 'time', 'agent', 'tool']
    """
    parts = event_parts("#/$defs/{name}")
    event = parts.pop("Event")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://habitus.example.com/schema/event-v1.schema.json",
        **event,
        "title": "Action of an agent, version 1",
        "$defs": {name: parts[name] for name in sorted(parts)},
    }


def rendered() -> bytes:
    """Give the bytes of the schema file."""
    return msgspec.json.format(msgspec.json.encode(event_schema())) + b"\n"


if __name__ == "__main__":
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_bytes(rendered())
