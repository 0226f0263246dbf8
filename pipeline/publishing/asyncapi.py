"""Generate the AsyncAPI document of the topics from the message types.

``python -m pipeline.publishing.asyncapi`` writes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from models.event import Event
from models.trust.response import Answer
from pipeline.publishing.messages import Anomaly, Case, Published, Rejected
from pipeline.sources.kafka.topics import TOPICS

PATH: Final = Path(__file__).parents[2] / "data" / "schema" / "topics-v1.asyncapi.json"

_BINDING: Final = "0.5.0"
_ORIGINAL: Final[dict[str, Any]] = {
    "description": "The original bytes, of any content; cut where `full_length` is there."
}
# Topic, message, payload, headers, description of the key.
_CHANNELS: Final[tuple[tuple[str, str, Any, Any, str], ...]] = (
    ("agent.actions", "Event", Event, None, "agent id; one agent's events in their order"),
    ("agent.anomalies", "Anomaly", Anomaly, Published, "agent id"),
    ("agent.cases", "Case", Case, Published, "agent id, of the agent that opened the case"),
    ("agent.trust", "Trust", Answer, Published, "agent id; the latest answer is what is kept"),
    ("agent.actions.rejected", "Rejected", None, Rejected, "as received"),
)
_WORDS: Final = {
    "agent.actions": "What agents did, one native event each.",
    "agent.anomalies": "What was unusual, with reasons; at least once, newer versions later.",
    "agent.cases": (
        "One story each, versioned: opened, grew, closed; at least once. Compaction keeps the "
        "newest message of an agent, so older cases of an agent may be gone: GET /v1/cases has all."
    ),
    "agent.trust": "Trust of each agent as of its last event; at least once, compacted.",
    "agent.actions.rejected": "What could not become an event.",
}


def topics_document() -> dict[str, Any]:
    """Make the document; send and receive are seen from Habitus.

    >>> document = topics_document()
    >>> document["operations"]["receive_agent_actions"]["action"]
    'receive'
    """
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for topic, name, payload, headers, key in _CHANNELS:
        channels[topic] = {
            "address": topic,
            "description": _WORDS[topic],
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
            "bindings": {"kafka": _topic_binding(topic)},
        }
        action = "receive" if topic == "agent.actions" else "send"
        operations[f"{action}_{topic.replace('.', '_')}"] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{topic}"},
            "messages": [{"$ref": f"#/channels/{topic}/messages/{name}"}],
        }
        messages[name] = {
            "name": name,
            "contentType": "application/json" if payload else "application/octet-stream",
            "payload": _ORIGINAL,
            "bindings": {
                "kafka": {
                    "key": {"type": "string", "description": key},
                    "bindingVersion": _BINDING,
                }
            },
        }
        if payload is not None:
            schemas |= _schemas(payload, name, "")
            messages[name]["payload"] = {"$ref": f"#/components/schemas/{name}"}
        if headers is not None:
            schemas |= _schemas(headers, name, ".Headers")
            messages[name]["headers"] = {"$ref": f"#/components/schemas/{name}.Headers"}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Topics of Habitus",
            "version": "1.0.0",
            "description": "Written by habitus run; created by habitus doctor --create-topics.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": dict(sorted(schemas.items()))},
    }


def _topic_binding(topic: str) -> dict[str, Any]:
    """Give the topic configuration that `create_topics` sets."""
    configs = TOPICS[topic]
    topic_settings: dict[str, Any] = {"cleanup.policy": [configs["cleanup.policy"]]}
    if "max.message.bytes" in configs:
        topic_settings["max.message.bytes"] = int(configs["max.message.bytes"])
    return {"topic": topic, "topicConfiguration": topic_settings, "bindingVersion": _BINDING}


def _schemas(kind: Any, name: str, suffix: str) -> dict[str, Any]:
    """Give the schemas of a type under `name`, and of its parts under ``name.Part``."""
    template = f"#/components/schemas/{name}.{{name}}"
    _, parts = msgspec.json.schema_components([kind], ref_template=template)
    found = {f"{name}.{part}": _draft_07(schema) for part, schema in parts.items()}
    whole = found.pop(f"{name}.{kind.__name__}")
    return found | {name + suffix: whole}


def _draft_07(schema: Any) -> Any:
    """Convert a schema of draft 2020-12 to draft-07, the base of AsyncAPI schemas."""
    if isinstance(schema, list):
        return [_draft_07(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _draft_07(part) for name, part in schema.items()}
    if "prefixItems" in plain:
        plain["additionalItems"] = plain.pop("items", True)
        plain["items"] = plain.pop("prefixItems")
    if isinstance(plain.get("description"), str):
        plain["description"] = plain["description"].partition("\n\n")[0]
    return plain


def rendered() -> bytes:
    """Give the bytes of the file."""
    return msgspec.json.format(msgspec.json.encode(topics_document())) + b"\n"


if __name__ == "__main__":
    PATH.write_bytes(rendered())
