"""SWE-agent: commands, functions and demonstrations."""

from __future__ import annotations

import pytest

from models.errors import MalformedEvent
from tests.pipeline.formats.page_examples import events_of, part_format


@pytest.mark.parametrize(
    ("action", "tool"),
    [
        ("submit", "submit"),
        ("  open a.py 7", "open"),
        ("python x.py", "bash"),
        ("(cd a; ls)", "bash"),
    ],
)
def test_tool_is_the_command_of_swe_agent_or_the_shell(action: str, tool: str) -> None:
    run = {"trajectory": [{"action": action, "observation": "done"}], "history": []}
    assert [one["tool"] for one in events_of("swe-agent", run)] == [tool]


def test_function_calls_of_the_history_are_the_calls() -> None:
    function = {"name": "str_replace_editor", "arguments": '{"command":"view","path":"a.py"}'}
    history = [
        {"role": "user", "content": "demo", "is_demo": True},
        {"role": "assistant", "tool_calls": [{"id": "d", "function": function}], "is_demo": True},
        {"role": "user", "content": [{"type": "text", "text": "fix a.py"}]},
        {"role": "assistant", "action": "x", "tool_calls": [{"id": "c", "function": function}]},
        {"role": "tool", "content": "12 lines", "tool_call_ids": ["c"]},
    ]
    run = {"trajectory": [{"action": "str_replace_editor view a.py"}], "history": history}
    (made,) = events_of("swe-agent", run)
    assert made["tool"] == "str_replace_editor"
    assert made["purpose"] == "fix a.py"
    assert made["argument_origins"] == {"command": [["view", []]], "path": [["a.py", ["request"]]]}


def test_step_without_an_action_gives_no_call() -> None:
    run = {"trajectory": [{"action": ""}, {"action": " \n"}, {}], "history": []}
    assert events_of("swe-agent", run) == []


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"trajectory":{}}', b"x"])
def test_file_without_steps_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedEvent):
        list(part_format("swe-agent").decode(content))
