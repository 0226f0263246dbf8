"""LangSmith: shapes of inputs and outputs, agents, people."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pipeline.formats.page_examples import events_of


def run(known: str, parent: str | None, kind: str, **more: Any) -> dict[str, Any]:
    return {
        "id": known, "trace_id": "root", "parent_run_id": parent, "run_type": kind, "name": known,
        "start_time": "2026-10-05T08:00:00", "end_time": "2026-10-05T08:00:01", "inputs": {},
        "outputs": {"output": "ok"}, "error": None, "status": "success",
    } | more  # fmt: skip


ROOT = run("root", None, "chain", name="desk", inputs={"input": "hello"})


def tool(**more: Any) -> dict[str, Any]:
    (made,) = events_of("langsmith", run("pay", "root", "tool", **more), ROOT)
    return made


@pytest.mark.parametrize(
    ("inputs", "arguments"),
    [
        ({"input": "{'to': 'Ines', 'n': (1, 2)}"}, {"to": "Ines", "n": [1, 2]}),
        ({"input": '{"to": "Ines"}'}, {"to": "Ines"}),
        ({"input": "Ines"}, {"input": "Ines"}),
        ({"input": "{'to': open('x')}"}, {"input": "{'to': open('x')}"}),
        ({"input": r"{'to': '\d'}"}, {"to": r"\d"}),
        ({"input": r"{'to\ud800': '\ud800'}"}, {"to?": "?"}),
        ({"to": "Ines"}, {"to": "Ines"}),
        ({"input": "x", "to": "Ines"}, {"input": "x", "to": "Ines"}),
        ({}, {}),
        (None, {}),
    ],
)
def test_arguments_of_a_tool_are_read_in_each_shape(inputs: Any, arguments: Any) -> None:
    assert tool(inputs=inputs)["arguments"] == arguments


@pytest.mark.parametrize(
    ("outputs", "size"),
    [
        ({"output": "12345"}, 5),
        ({"output": {"type": "tool", "content": "12345", "tool_call_id": "c"}}, 5),
        ({"output": {"type": "tool", "data": {"content": "12345", "tool_call_id": "c"}}}, 5),
        ({"output": {"lc": 1, "type": "constructor", "kwargs": {"content": "12345"}}}, 5),
        ({"documents": [{"page_content": "12345"}]}, 5),
    ],
)
def test_size_is_that_of_the_content(outputs: dict[str, Any], size: int) -> None:
    assert tool(outputs=outputs)["volume"] == {"bytes_in": size}


def test_failed_run_is_an_error() -> None:
    assert tool(error="ToolException('no')", outputs=None)["outcome"] == "error"
    failed = {"type": "tool", "content": "no", "status": "error"}
    assert tool(outputs={"output": failed})["outcome"] == "error"
    assert tool(outputs={"output": {"update": {"messages": [failed]}}})["outcome"] == "error"
    assert tool(outputs={"output": {"status": "error"}})["outcome"] == "ok"  # data of the tool


def test_retriever_is_a_call_whose_documents_are_origins() -> None:
    found = run(
        "search", "root", "retriever", inputs={"query": "card"},
        outputs={"documents": [{"page_content": "card DE-77"}]},
    )  # fmt: skip
    paid = run("pay", "root", "tool", inputs={"card": "DE-77"}, start_time="2026-10-05T08:00:02")
    made = events_of("langsmith", {"runs": [paid, found, ROOT]})
    assert [one["tool"] for one in made] == ["search", "pay"]
    assert made[1]["argument_origins"] == {"card": [["DE-77", ["result:search"]]]}


def test_agent_is_the_nearest_named_agent_else_the_root() -> None:
    named = run("sub", "root", "chain", extra={"metadata": {"lc_agent_name": "writer"}})
    made = events_of("langsmith", run("a", "sub", "tool"), run("b", "root", "tool"), named, ROOT)
    assert {one["tool"]: one["agent"]["id"] for one in made} == {"a": "writer", "b": "desk"}


def test_person_and_thread_are_those_of_the_root() -> None:
    metadata = {"thread_id": "t", "user_id": "jane@example.com"}
    made = events_of(
        "langsmith", run("a", "root", "tool"), ROOT | {"extra": {"metadata": metadata}}
    )
    assert [(one["session"], one["human"]["id"], one["mode"]) for one in made] == [
        ("t", "jane@example.com", "delegated")
    ]


@pytest.mark.parametrize(
    "said",
    [
        {"total_tokens": 17},
        {"extra": {"metadata": {"usage_metadata": {"input_tokens": 12, "output_tokens": 5}}}},
    ],
)
def test_tokens_of_a_turn_belong_to_its_next_call(said: dict[str, Any]) -> None:
    turn = run("model", "root", "llm", **said)
    calls = [run(one, "root", "tool", start_time="2026-10-05T08:00:09") for one in ("a", "b")]
    made = events_of("langsmith", {"runs": [*calls, turn, ROOT | {"total_tokens": 17}]})
    assert [one["attributes"].get("tokens") for one in made] == [17, None]
