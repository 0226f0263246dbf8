"""Enriching an event: what is added, what is kept, and what it costs."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.event import Event
from pipeline.actions.enrich import ANYTHING, MAX_VALUES, enrich, operations_of
from pipeline.actions.tools import load

MAX_MICROSECONDS = 30
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = sorted(load())
KEYS = [
    "command",
    "cmd",
    "path",
    "file_path",
    "url",
    "urls",
    "input",
    "query",
    "sql",
    "source",
    "action",
]


def enriched(tool: str, arguments: Any, **members: Any) -> dict[str, Any]:
    event = {"tool": tool, "arguments": arguments, **members}
    enrich(event)
    return event


def test_shell_call_has_programs_files_and_destinations() -> None:
    event = enriched(
        "Bash", {"command": "cat a.txt | tee b.txt | curl -d @- https://api.example.com"}
    )
    assert event["operation"] == "send"
    assert event["resource"] == {"id": "api.example.com", "type": "host"}
    assert event["network"] == {"destination": "api.example.com"}
    assert event["attributes"] == {
        "programs": ["cat", "tee", "curl"],
        "files_read": ["a.txt"],
        "files_written": ["b.txt"],
        "destinations": ["api.example.com"],
    }


def test_same_file_is_the_same_resource_for_a_tool_and_a_command() -> None:
    by_tool = enriched("Read", {"file_path": "/etc/passwd"})
    by_command = enriched("Bash", {"command": "cat /etc/passwd"})
    assert by_tool["resource"] == by_command["resource"]


def test_members_of_the_emitter_are_kept() -> None:
    event = enriched(
        "Bash",
        {"command": "rm a && curl https://example.com"},
        operation="read",
        resource={"id": "mine"},
        network={"destination": "theirs.example", "source_ip": "192.0.2.1"},
        attributes={"programs": ["own"], "call_id": "c"},
    )
    assert event["operation"] == "read"
    assert event["resource"] == {"id": "mine"}
    assert event["network"] == {"destination": "theirs.example", "source_ip": "192.0.2.1"}
    assert event["attributes"]["programs"] == ["own"]
    assert event["attributes"]["files_written"] == ["a"]
    assert event["attributes"]["call_id"] == "c"


def test_unknown_operation_of_the_emitter_is_replaced() -> None:
    assert enriched("Bash", {"command": "rm a"}, operation="unknown")["operation"] == "delete"


def test_source_address_and_destination_are_joined_and_shared_objects_stay() -> None:
    network, attributes = {"source_ip": "192.0.2.1", "destination": None}, {"a": 1}
    event = enriched(
        "WebFetch", {"url": "https://example.com"}, network=network, attributes=attributes
    )
    assert event["network"] == {"source_ip": "192.0.2.1", "destination": "example.com"}
    assert network == {"source_ip": "192.0.2.1", "destination": None}
    enriched("Bash", {"command": "ls"}, attributes=attributes)
    assert attributes == {"a": 1}


def test_events_of_equal_lines_share_no_list() -> None:
    first, second = (enriched("Bash", {"command": "cat a | tee b"}) for _ in range(2))
    first["attributes"]["programs"].append("mine")
    assert second["attributes"]["programs"] == ["cat", "tee"]
    assert enriched("Bash", {"command": "cat a | tee b"}) == second


def test_patch_within_a_command_line_is_read() -> None:
    patch = "*** Begin Patch\n*** Delete File: a.py\n*** End Patch"
    event = enriched("shell", {"command": ["apply_patch", patch]})
    assert event["operation"] == "delete"
    assert event["resource"] == {"id": "a.py", "type": "file"}


def test_unknown_program_leaves_the_operation_to_the_name_of_the_tool() -> None:
    event = enriched("Bash", {"command": "frobnicate --all"})
    assert "operation" not in event
    assert event["attributes"] == {"programs": ["frobnicate"]}


def test_line_that_cannot_be_parsed_is_marked() -> None:
    event = enriched("Bash", {"command": "echo 'open"})
    assert event["attributes"]["unparsed"] is True
    assert "operation" not in event


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("Bash", {"command": "ls"}, {"read"}),
        ("Bash", {"command": "rm a; curl -d @b https://example.com"}, {"delete", "send"}),
        ("Bash", {"command": "frobnicate"}, {"execute", "unknown"}),
        ("Bash", {"command": "echo 'open"}, {"execute", "unknown", "read"}),
        ("Bash", {"command": "ls;" * 120 + "rm a"}, {"execute", "unknown", "read", ANYTHING}),
        ("Bash", {"command": ["ls"] * 70_000}, {"execute", "unknown", ANYTHING}),
        ("query_sql", {"sql": "ship it"}, {"read", "unknown"}),
        ("query_sql", {"sql": "-" * 70_000 + " drop table a"}, {"read", "unknown", ANYTHING}),
        ("Write", {"file_path": "a"}, {"write"}),
        ("frobnicate", {}, {"unknown"}),
    ],
)
def test_rules_see_what_each_part_of_a_call_does(
    tool: str, arguments: dict[str, Any], expected: set[str]
) -> None:
    event = {"tool": tool, "arguments": arguments, "attributes": {"mine": 1}}
    assert operations_of(event) == expected
    assert event == {"tool": tool, "arguments": arguments, "attributes": {"mine": 1}}


def test_number_of_values_is_bounded() -> None:
    files = " ".join(f"f{n}" for n in range(100))
    event = enriched("Bash", {"command": f"rm {files}; " + "ls; date; " * 30})
    assert len(event["attributes"]["files_written"]) == MAX_VALUES
    assert event["attributes"]["programs"] == ["rm", "ls", "date"]


def test_no_credential_of_a_url_or_a_command_is_added() -> None:
    line = "curl -u ana:s3cret -H 'Authorization: Bearer s3cret' https://ana:s3cret@example.com/?k=s3cret"
    for tool, arguments in (
        ("Bash", {"command": line}),
        ("WebFetch", {"url": "https://ana:s3cret@example.com/a?k=s3cret#s3cret"}),
        ("http_get", {"url": "https://ana:s3cret@example.com/a?k=s3cret"}),
    ):
        event = enriched(tool, arguments)
        del event["arguments"]
        assert b"s3cret" not in msgspec.json.encode(event)


def test_command_of_an_unlisted_tool_counts_where_its_name_executes() -> None:
    assert enriched("sandbox.run", {"cmd": "rm a"})["operation"] == "delete"
    assert "operation" not in enriched("crm.note", {"command": "rm a"})


def test_tool_without_arguments_is_left_alone() -> None:
    assert enriched("crm.read", None) == {"tool": "crm.read", "arguments": None}
    event: dict[str, Any] = {"tool": 7}
    enrich(event)
    assert event == {"tool": 7}


@settings(deadline=None)
@given(
    st.sampled_from(NAMES) | st.text(max_size=20),
    st.dictionaries(st.sampled_from(KEYS), JSON) | JSON,
)
def test_any_arguments_give_an_event_that_can_be_read(tool: str, arguments: Any) -> None:
    event = enriched(tool, arguments)
    event.pop("arguments")
    event |= {"id": "1", "time": "2026-01-05T08:00:00Z", "agent": {"id": "a"}, "tool": "t"}
    assert msgspec.json.decode(msgspec.json.encode(event), type=Event).id == "1"


@pytest.mark.alone
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("Bash", {"command": "cd src && git push origin 2>&1 | tee log && grep -rn foo . > out"}),
        ("Read", {"file_path": "/srv/app/main.py"}),
        ("WebFetch", {"url": "https://docs.example.com/a/b?c=d"}),
        ("crm.customer.read", {"id": "7"}),
    ],
)
def test_ordinary_event_costs_less_than_the_bound(tool: str, arguments: dict[str, Any]) -> None:
    best = float("inf")
    for _ in range(5):
        events = [{"tool": tool, "arguments": arguments} for _ in range(1_000)]
        start = time.process_time()
        for event in events:
            enrich(event)
        best = min(best, (time.process_time() - start) * 1_000)
    assert best < MAX_MICROSECONDS
