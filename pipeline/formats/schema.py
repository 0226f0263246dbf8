"""JSON Schema of the native event, made from the structs: ``python -m pipeline.formats.schema``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from models.event import Event

PATH = Path(__file__).parents[2] / "data" / "schema" / "event-v1.schema.json"


def event_schema() -> dict[str, Any]:
    """Make the schema.

    It says what the decoder accepts, with two liberties of the decoder left out on purpose: null
    for a key that has no null here means the same as no key, and unknown keys are kept.

    >>> event_schema()["required"]
    ['id', 'time', 'agent', 'tool']
    """
    (_,), components = msgspec.json.schema_components([Event], ref_template="#/$defs/{name}")
    for component in components.values():
        component["description"] = component["description"].partition("\n\n")[0]
    event = components.pop("Event")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://habitus.example.com/schema/event-v1.schema.json",
        **event,
        "title": "Action of an agent, version 1",
        "$defs": {name: components[name] for name in sorted(components)},
    }


def rendered() -> bytes:
    """Give the bytes of the schema file."""
    return msgspec.json.format(msgspec.json.encode(event_schema())) + b"\n"


if __name__ == "__main__":
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_bytes(rendered())
