"""With --enforce no denied call reaches the server, and nothing passes without a decision."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given as given_
from hypothesis import strategies as st

from pipeline.tap.decisions.gate import Gate
from pipeline.tap.decisions.verdict import Verdict
from tests.pipeline.tap.conftest import decoded, raw_server, records
from tests.pipeline.tap.test_stdio import CALL, INITIALIZE, line

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from tests.pipeline.tap.conftest import Answering

    Run = Callable[..., subprocess.CompletedProcess[bytes]]
    Start = Callable[..., Answering]

NOTIFICATION = line("notifications/initialized")
PING = line("ping", 8)
HIDDEN = '{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"steal"}}'


def decide(*denied: str, reason: str = "") -> Callable[[dict[str, Any]], tuple[int, Any]]:
    def answer(question: dict[str, Any]) -> tuple[int, Any]:
        context = {"context": {"reason_user": {"en": reason}}} if reason else {}
        return 200, {"decision": question["resource"]["id"] not in denied} | context

    return answer


def enforced(
    run: Run, folder: Path, url: str, given: bytes, **more: str
) -> tuple[bytes, list[Any]]:
    """Give what reached the server, and what the client was answered."""
    done = run(
        "--out", str(folder / "out.jsonl"), "--enforce", url,
        *raw_server(str(folder / "seen"), "answer"), given=given, **more,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return (folder / "seen").read_bytes(), [json.loads(one) for one in done.stdout.splitlines()]


def test_allowed_calls_pass_as_they_are(run: Run, tmp_path: Path, answering: Start) -> None:
    point = answering(decide())
    given = INITIALIZE + NOTIFICATION + CALL.replace(b'": ', b'"  :  ') + PING
    seen, answers = enforced(run, tmp_path, point.url, given)
    assert seen == given
    assert [one["id"] for one in answers] == [0, 1, 8]


def test_question_has_no_arguments(run: Run, tmp_path: Path, answering: Start) -> None:
    point = answering(decide())
    given = INITIALIZE + CALL + line("resources/read", 2, uri="shop://a") + line("tools/list", 3)
    given += line("prompts/get", 4, name="greet", arguments={"secret": "Ines"})
    enforced(run, tmp_path, point.url, given, HABITUS_ENFORCE_TOKEN="key")  # noqa: S106  # of no one
    assert [(one["action"]["name"], one["resource"]) for one in point.bodies] == [
        ("tools/call", {"type": "tool", "id": "pay"}),
        ("resources/read", {"type": "resource", "id": "shop://a"}),
        ("tools/list", {"type": "mcp_server", "id": point.bodies[2]["resource"]["id"]}),
        ("prompts/get", {"type": "prompt", "id": "greet"}),
    ]
    assert {one["context"]["agent"] for one in point.bodies} == {"orders-agent"}
    assert point.bodies[0]["subject"] == {"type": "agent", "id": "orders-agent"}
    assert "Ines" not in json.dumps(point.bodies)
    assert set(point.paths) == {"/access/v1/evaluation"}
    assert {one["Authorization"] for one in point.headers} == {"Bearer key"}


def test_question_fits_the_schema(
    run: Run, tmp_path: Path, answering: Start, shared_dir: Path
) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(
        (shared_dir / "fixtures" / "authzen" / "evaluation-request.schema.json").read_text()
    )
    point = answering(decide())
    enforced(run, tmp_path, point.url, INITIALIZE + CALL)
    for question in point.bodies:
        jsonschema.validate(question, schema)


def test_a_denied_call_is_a_tool_error_and_reaches_no_server(
    run: Run, tmp_path: Path, answering: Start
) -> None:
    point = answering(decide("pay", reason="trust is low"))
    seen, answers = enforced(run, tmp_path, point.url, INITIALIZE + CALL + PING)
    assert seen == INITIALIZE + PING
    denied = next(one for one in answers if one["id"] == 1)
    assert denied["result"]["isError"] is True
    assert "trust is low" in denied["result"]["content"][0]["text"]
    (event,) = decoded(tmp_path / "out.jsonl", tmp_path)
    assert (event["tool"], event["outcome"]) == ("pay", "denied")


def test_other_denied_requests_are_errors(run: Run, tmp_path: Path, answering: Start) -> None:
    point = answering(decide("shop://a"))
    given = line("resources/read", "r", uri="shop://a") + line("vendor/unknown", 2)  # type: ignore[arg-type]
    seen, answers = enforced(run, tmp_path, point.url, given)
    assert seen == b""
    assert [(one["id"], one["error"]["code"]) for one in answers] == [("r", -32001), (2, -32001)]


@pytest.mark.parametrize(
    "answer", [(500, {}), (200, {"decision": "yes"}), (403, {"decision": True}), (200, [])]
)
def test_nothing_passes_if_the_answer_has_another_shape(
    run: Run, tmp_path: Path, answering: Start, answer: tuple[int, Any]
) -> None:
    point = answering(lambda _: answer)
    seen, answers = enforced(run, tmp_path, point.url, CALL + line("prompts/get", 2, name="a"))
    assert seen == b""
    assert answers[0]["result"]["isError"] is True
    assert answers[1]["error"]["code"] == -32603


def test_nothing_passes_if_the_decision_point_is_down(run: Run, tmp_path: Path) -> None:
    seen, answers = enforced(run, tmp_path, "http://127.0.0.1:9", INITIALIZE + CALL)
    assert seen == INITIALIZE
    assert next(one for one in answers if one["id"] == 1)["result"]["isError"] is True
    assert records(tmp_path / "out.jsonl")[-1]["message"]["id"] in (0, 1)


def test_a_batch_with_a_denied_call_passes_not_at_all(
    run: Run, tmp_path: Path, answering: Start
) -> None:
    point = answering(decide("pay"))
    batch = b"[" + b",".join(one.strip() for one in (CALL, PING, NOTIFICATION)) + b"]\n"
    seen, answers = enforced(run, tmp_path, point.url, batch)
    assert seen == b""
    assert [(one["id"], "error" in one) for one in answers[0]] == [(1, False), (8, True)]


def test_a_denied_notification_is_dropped(run: Run, tmp_path: Path, answering: Start) -> None:
    point = answering(decide("pay"))
    seen, answers = enforced(run, tmp_path, point.url, line("tools/call", name="pay"))
    assert (seen, answers) == (b"", [])


AMBIGUOUS = {
    "a key twice": b'{"id":1,"method":"ping","method":"tools/call","params":{"name":"a"}}\n',
    "a name twice": b'{"id":1,"method":"tools/call","params":{"name":"a","name":"pay"}}\n',
    "another case": b'{"id":1,"method":"ping","Method":"tools/call","params":{"name":"pay"}}\n',
    "only another case": b'{"id":1,"METHOD":"tools/call","params":{"name":"pay"}}\n',
    "a name in another case": b'{"id":1,"method":"tools/call","params":{"name":"a","Name":"b"}}\n',
    "not strict JSON": b'{"id":1,"method":"tools/call","params":{"name":"pay","n":NaN}}\n',
    "two values": b'{"id":1,"method":"ping"}{"id":2,"method":"tools/call"}\n',
    "a carriage return": b'{"id":1,"method":"ping","params":{"a":\r' + HIDDEN.encode() + b"\r}}\n",
    "a line separator": '{"id":1,"method":"ping","a":\u2028'.encode() + HIDDEN.encode() + b"}",
    "UTF-16": HIDDEN.encode("utf-16-le") + b"\n",
    "a byte order mark": b"\xef\xbb\xbf" + HIDDEN.encode() + b"\n",
    "a method that is no text": b'{"id":1,"method":["tools/call"],"params":{"name":"pay"}}\n',
}


@pytest.mark.parametrize("given", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_ambiguous_text_does_not_pass(given: bytes) -> None:
    gate = Gate(lambda question: Verdict(question["resource"]["id"] == "a"), lambda: "shop")
    found = gate.refusal_of(given)
    assert found is not None
    assert found.decision == "deny"


def test_separators_within_a_text_pass() -> None:
    gate = Gate(lambda _: Verdict(True), lambda: "shop")
    text = "one\u2028two\u2029{three}"
    given = json.dumps({"id": 1, "method": "tools/call", "params": {"name": text}})
    assert gate.refusal_of(given.encode() + b"\n") is None


@given_(st.binary() | st.recursive(st.text(), st.lists).map(lambda one: json.dumps(one).encode()))
def test_gate_answers_any_bytes(given: bytes) -> None:
    gate = Gate(lambda _: Verdict(None), lambda: "shop")
    for data in (given, b"{" + given, b'{"method":"tools/call","params":' + given + b"}"):
        found = gate.refusal_of(data)
        assert found is None or found.decision in ("deny", "unavailable")


def test_answers_of_the_server_and_other_lines_pass(
    run: Run, tmp_path: Path, answering: Start
) -> None:
    point = answering(decide("pay"))
    given = b'{"jsonrpc":"2.0","id":3,"result":{"roots":[]}}\nsome words\n\n'
    seen, _ = enforced(run, tmp_path, point.url, given)
    assert seen == given
    assert point.bodies == []
