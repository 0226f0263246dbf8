"""The document of the topics is current, valid AsyncAPI, and true of what is published."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema
import pytest

from pipeline.publishing.asyncapi import PATH, rendered, topics_document
from pipeline.sources.kafka.topics import TOPICS


def schema_of(part: str) -> dict[str, Any]:
    """Give a schema of the document, with what it refers to beside it."""
    components = topics_document()["components"]
    return {"$ref": f"#/components/schemas/{part}", "components": components}


@cache
def validator_of(part: str) -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(schema_of(part))


def faults(value: Any, part: str) -> list[str]:
    return [error.message for error in validator_of(part).iter_errors(value)]


def test_the_committed_document_is_the_generated_one() -> None:
    assert PATH.read_bytes() == rendered(), "run make schema"


@pytest.mark.shared
def test_document_is_valid_asyncapi_3(shared_dir) -> None:
    path = shared_dir / "fixtures" / "asyncapi" / "asyncapi-3.0.0.schema.json"
    validator = jsonschema.Draft7Validator(json.loads(path.read_text()))
    document = topics_document()
    assert [error.message for error in validator.iter_errors(document)] == []
    # The validator means it: the words of 2.x are refused.
    document["channels"]["agent.trust"]["subscribe"] = {}
    assert not validator.is_valid(document)


def test_description_of_every_topic_agrees_with_its_creation() -> None:
    channels = topics_document()["channels"]
    todo = "describe it in _CHANNELS and _WORDS of pipeline/publishing/asyncapi.py"
    assert channels.keys() == TOPICS.keys(), todo
    for topic, configs in TOPICS.items():
        said = channels[topic]["bindings"]["kafka"]["topicConfiguration"]
        assert said["cleanup.policy"] == [configs["cleanup.policy"]]
        assert str(said.get("max.message.bytes")) == configs.get("max.message.bytes", "None")


def test_every_reference_leads_somewhere() -> None:
    document = topics_document()
    found = 0

    def follow(value: Any) -> None:
        nonlocal found
        if isinstance(value, list):
            for part in value:
                follow(part)
        elif isinstance(value, dict):
            if "$ref" in value:
                place: Any = document
                for step in value["$ref"].removeprefix("#/").split("/"):
                    place = place[step]
                found += 1
            for part in value.values():
                follow(part)

    follow(document)
    assert found > 20


def test_events_and_published_messages_of_a_run_fit_their_schemas(pipeline) -> None:
    lines = pipeline.events(1500)
    settings = pipeline.settings(pipeline.file(lines), "run")
    pipeline.run(settings)
    assert [fault for line in lines for fault in faults(json.loads(line), "Event")] == []
    out = pipeline.published(settings)
    for topic, part in (
        ("agent.anomalies", "Anomaly"),
        ("agent.cases", "Case"),
        ("agent.trust", "Trust"),
    ):
        messages = [json.loads(line) for line in out[topic]]
        assert messages
        assert [fault for message in messages for fault in faults(message, part)] == []
        known = topics_document()["components"]["schemas"][part]["properties"].keys()
        # Only an anomaly of several agents names them.
        assert all(known - message.keys() <= {"agents"} for message in messages)
        assert all(message.keys() <= known for message in messages)


def test_a_message_that_does_not_fit_is_refused() -> None:
    assert faults({"id": "a-1"}, "Anomaly")
    assert faults({"case_id": "C-1", "change": "shrank"}, "Case")
    assert faults({"agent_id": "a", "level": "splendid"}, "Trust")
    assert faults({"id": "1", "reason": "not_utf8"}, "Rejected.Headers")
