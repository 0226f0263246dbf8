"""OpenHands: files of several shapes, results that find their calls, names of sessions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.pipeline.formats.page_examples import events_of

ASKED = {
    "id": 0, "timestamp": "2026-10-05T08:00:00", "source": "user", "action": "message",
    "args": {"content": "hello"},
}  # fmt: skip


def act(number: int, action: str, **args: Any) -> dict[str, Any]:
    return {"id": number, "source": "agent", "action": action, "args": args}


def see(cause: int, observation: str, content: str = "", **extras: Any) -> dict[str, Any]:
    return {
        "id": 99, "source": "agent", "cause": cause, "observation": observation,
        "content": content, "extras": extras,
    }  # fmt: skip


RUN = [ASKED, act(1, "run", command="ls"), see(1, "run", "a.py", metadata={"exit_code": 0})]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(RUN),
        "\n".join(map(json.dumps, RUN)),
        json.dumps({"history": RUN}),
        json.dumps([{"trajectory": RUN}]),
    ],
)
def test_file_of_each_shape_gives_the_same_call(content: str) -> None:
    (made,) = events_of("openhands", content.encode())
    assert (made["tool"], made["outcome"], made["volume"]) == ("run", "ok", {"bytes_in": 4})


def test_rows_of_an_evaluation_are_sessions() -> None:
    rows = [{"instance_id": f"shop-{at}", "history": RUN} for at in range(2)]
    made = events_of("openhands", "\n".join(map(json.dumps, rows)).encode())
    assert [one["session"] for one in made] == ["shop-0", "shop-1"]


def test_session_keeps_its_name_when_the_file_grows() -> None:
    first, second = events_of("openhands", RUN[:2]), events_of("openhands", RUN)
    assert [one["id"] for one in first] == [one["id"] for one in second]


@pytest.mark.parametrize(
    ("observation", "outcome"),
    [
        (see(1, "run", metadata={"exit_code": 2}), "error"),
        (see(1, "run", metadata={"exit_code": -1}), "ok"),
        (see(1, "error"), "error"),
        (see(1, "user_rejected"), "denied"),
    ],
)
def test_observation_gives_the_outcome(observation: dict[str, Any], outcome: str) -> None:
    (made,) = events_of("openhands", [*RUN[:2], observation])
    assert made["outcome"] == outcome


def test_tool_of_an_mcp_server_is_the_one_that_it_names() -> None:
    call = act(1, "call_tool_mcp", name="find", arguments={"name": "Ines"}, thought="hm")
    (made,) = events_of("openhands", [ASKED, call])
    assert (made["tool"], made["arguments"]) == ("find", {"name": "Ines"})


def test_thoughts_and_messages_give_no_call() -> None:
    events = [
        ASKED,
        act(1, "think", thought="hm"),
        act(2, "message", content="hi"),
        act(3, "finish"),
    ]
    assert events_of("openhands", events) == []


def test_events_of_the_agent_sdk_are_read() -> None:
    made = events_of(
        "openhands",
        [
            {"kind": "SystemPromptEvent", "id": "a", "system_prompt": {"text": "s"}},
            {"kind": "MessageEvent", "id": "b", "source": "user",
             "llm_message": {"role": "user", "content": [{"type": "text", "text": "see a.py"}]}},
            {"kind": "ActionEvent", "id": "c", "tool_name": "terminal", "tool_call_id": "t-1",
             "action": {"kind": "TerminalAction", "command": "a.py"}},
            {"kind": "ObservationEvent", "id": "d", "tool_call_id": "t-1", "action_id": "c",
             "observation": {"kind": "TerminalObservation", "exit_code": 1,
                             "content": [{"type": "text", "text": "no"}]}},
            {"kind": "ActionEvent", "id": "e", "tool_name": "finish", "tool_call_id": "t-2"},
        ],
    )  # fmt: skip
    assert [(one["attributes"]["call_id"], one["outcome"], one["arguments"]) for one in made] == [
        ("t-1", "error", {"command": "a.py"})
    ]
    assert made[0]["argument_origins"] == {"command": [["a.py", ["request"]]]}
