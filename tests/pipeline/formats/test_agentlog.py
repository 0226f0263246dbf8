"""Labelled benchmark lines: the event has no label in it, the labels are read apart."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from models.errors import MalformedEvent
from pipeline.formats import AgentLog, Labels

if TYPE_CHECKING:
    from pathlib import Path

LOG = AgentLog()
LABELS = {
    "phase": "eval",
    "session_label": "attacked_succeeded",
    "event_label": 1,
    "attack_id": "goal-3",
    "task_id": "task-9",
    "source": "bench-lab",
}


def a_line(**changes: Any) -> bytes:
    line = {
        "agent_id": "lab/shop/a",
        "agent_role": "shop",
        "variant": "model-2",
        "session_id": "s-1",
        "step": 4,
        "time": "2026-01-05T08:00:00.123Z",
        "tool": "send_money",
        "arguments": {"to": "NL00"},
        "argument_origins": {"to": [["NL00", ["result:read_inbox"]]]},
        "status": "success",
        "result_bytes": 41,
        "purpose": "pay the rent",
        **LABELS,
    }
    return json.dumps({**line, **changes}).encode()


def test_a_line_becomes_an_event_without_its_labels() -> None:
    event = LOG.normalise(a_line())
    assert (event.id, event.session, event.agent.role, event.agent.version) == (
        "s-1:4", "s-1", "shop", "model-2",
    )  # fmt: skip
    assert (event.outcome, event.operation, event.mode) == ("ok", "pay", "unknown")
    assert event.volume is not None
    assert event.volume.bytes_in == 41
    assert event.argument_origins == {"to": [("NL00", ["result:read_inbox"])]}
    text = msgspec.json.encode(event).decode()
    assert not any(str(word) in text for word in LABELS.values() if isinstance(word, str))
    assert event.task is None


def test_the_labels_are_read_apart() -> None:
    assert LOG.labels(a_line()) == Labels(
        "eval", "attacked_succeeded", 1, "goal-3", "task-9", "bench-lab"
    )


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        ("success", None, "ok"),
        ("error", None, "error"),
        ("error", "AccessDenied", "denied"),
        ("error", "AccessDeniedException", "denied"),
        ("error", "NoSuchBucket", "error"),
        ("odd", None, None),
        (None, None, None),
    ],
)
def test_outcome_is_read(status: str | None, code: str | None, outcome: str | None) -> None:
    assert LOG.normalise(a_line(status=status, context={"error_code": code})).outcome == outcome


def test_only_an_address_becomes_the_source_address() -> None:
    by_person = LOG.normalise(a_line(context={"source_ip": "192.0.2.7"}))
    by_service = LOG.normalise(a_line(context={"source_ip": "ec2.amazonaws.com"}))
    assert by_person.network is not None
    assert by_person.network.source_ip == "192.0.2.7"
    assert by_service.network is None


def test_a_missing_result_is_unknown_volume_and_a_long_purpose_is_cut() -> None:
    event = LOG.normalise(a_line(result_bytes=None, purpose="p" * 3000))
    assert event.volume is None
    assert event.purpose is not None
    assert (len(event.purpose), event.purpose[-1]) == (2000, "…")


@pytest.mark.parametrize(
    ("changes", "reason", "place"),
    [
        ({"tool": None}, "wrong_type", "$.tool"),
        ({"session_id": "s" * 200}, "too_long", "$.session_id"),
        ({"result_bytes": -1}, "bad_value", "$.result_bytes"),
        ({"time": "2026-01-05T08:00:00"}, "bad_value", "$.time"),
    ],
)
def test_a_bad_line_is_rejected(changes: dict[str, Any], reason: str, place: str) -> None:
    with pytest.raises(MalformedEvent) as caught:
        LOG.normalise(a_line(**changes))
    assert caught.value.reason == reason
    assert caught.value.detail.endswith(place)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["agentdyn", "agentdojo", "taubench", "cloudtrail"])
def test_every_line_of_the_benchmark_files_is_an_event(shared_dir: Path, name: str) -> None:
    ids = set()
    with gzip.open(shared_dir / "datasets" / f"{name}.jsonl.gz") as lines:
        for line in lines:
            event = LOG.normalise(line)
            ids.add((event.agent.id, event.id))
            assert LOG.labels(line).phase in ("baseline", "eval")
    assert len(ids) > 1000
