"""Over stdio the tap is invisible: same bytes, exit code and standard error."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.sources.kafka.clients.kafka_module import KafkaConsumer
from tests.pipeline.tap.conftest import (
    WAIT_S,
    decoded,
    environment,
    raw_server,
    records,
    spooled,
    tap,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.pipeline.tap.conftest import Answering

    Run = Callable[..., subprocess.CompletedProcess[bytes]]


def line(method: str, number: int | None = None, **params: Any) -> bytes:
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
    return json.dumps(message if number is None else message | {"id": number}).encode() + b"\n"


INITIALIZE = line("initialize", 0, clientInfo={"name": "orders-agent", "version": "1.4"})
CALL = line("tools/call", 1, name="pay", arguments={"to": "Ines", "amount": 40})

ANYTHING = {
    "messages": INITIALIZE + CALL,
    "unusual spaces and numbers": b' { "id" : 1.0e0 ,"method":"x","n":1E400 }\r\n\n\n',
    "broken JSON": b'{"jsonrpc":"2.0","id":1,\n{"id":"\\ud800"}\nnot JSON at all\n',
    "no text": bytes(range(256)) * 20,
    "no line end": b'{"jsonrpc":"2.0","method":"notifications/x"}',
    "batch": b"[" + INITIALIZE.strip() + b", " + CALL.strip() + b"]\n",
    "a megabyte": line("tools/call", 1, name="big", arguments={"text": "x" * (1 << 20)}),
    "nothing": b"",
    "deep": b"[" * 100_000 + b"\n" + b'{"a":' * 50_000 + b"\n",
}


@pytest.mark.parametrize("given", ANYTHING.values(), ids=ANYTHING.keys())
def test_bytes_pass_as_they_are_in_both_directions(run: Run, tmp_path: Path, given: bytes) -> None:
    out = tmp_path / "out.jsonl"
    done = run("--out", str(out), *raw_server(str(tmp_path / "seen"), "mirror"), given=given)
    assert (tmp_path / "seen").read_bytes() == given
    assert done.stdout == given
    assert done.returncode == 0


TOKEN = "gl" + "pat-" + "Ab3dEf6hIj9kLm2nOp5q"


def test_no_file_of_a_tap_has_a_credential(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    given = (
        INITIALIZE
        + line("tools/call", 1, name="vault.read", arguments={"password": "hunter2"})
        + json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"content": [
            {"type": "text", "text": json.dumps({"key": TOKEN})}]}}).encode() + b"\n"
        + line("tools/call", 2, name="mail.send", arguments={"body": f"the key: {TOKEN}"})
    )  # fmt: skip
    server = raw_server(str(tmp_path / "seen"), "mirror")
    done = run("--out", str(out), *server, given=given)
    assert TOKEN.encode() in done.stdout
    written = out.read_bytes()
    assert TOKEN.encode() not in written
    assert b"hunter2" not in written
    marks = set(re.findall(rb"\*\*\*gitlab_token#[0-9a-f]{16}\*\*\*", written))
    assert len(marks) == 1
    assert b"***named_secret#" in written


def test_no_spool_of_a_tap_has_a_credential(run: Run, tmp_path: Path) -> None:
    given = line("tools/call", 1, name="mail.send", arguments={"body": TOKEN})
    server = raw_server(str(tmp_path / "seen"), "mirror")
    run("--out", str(tmp_path), *server, given=given)  # a folder takes no record
    (spool,) = (tmp_path / "state").rglob("*.jsonl")
    assert b"***gitlab_token#" in spool.read_bytes()
    assert TOKEN.encode() not in spool.read_bytes()


@pytest.mark.parametrize(
    ("mode", "value", "code"), [("die", "7", 7), ("kill", "9", 137), ("mirror", "", 0)]
)
def test_exit_code_of_the_server_is_passed_on(
    run: Run, tmp_path: Path, mode: str, value: str, code: int
) -> None:
    server = raw_server(str(tmp_path / "seen"), mode, value)
    assert run("--out", str(tmp_path / "o"), *server, given=CALL).returncode == code


def test_standard_error_is_that_of_the_server(run: Run, tmp_path: Path) -> None:
    server = raw_server(str(tmp_path / "seen"), "answer")
    done = run("--out", str(tmp_path / "out.jsonl"), *server, given=INITIALIZE + CALL)
    assert done.stderr == b"the server is up\n"


def test_a_server_that_dies_ends_the_tap_while_the_client_waits(tmp_path: Path) -> None:
    server = raw_server(str(tmp_path / "seen"), "die", "5")
    with Started(tmp_path, "--out", str(tmp_path / "out.jsonl"), *server) as process:
        process.stdin.write(CALL)
        assert json.loads(process.stdout.readline())["id"] == 1
        assert process.stdout.read() == b""
        assert process.wait(WAIT_S) == 5


def test_a_client_that_closes_its_output_ends_the_server(run: Run, tmp_path: Path) -> None:
    server = raw_server(str(tmp_path / "seen"), "answer")
    assert run("--out", str(tmp_path / "out.jsonl"), *server).returncode == 0


def test_a_client_that_reads_no_more_is_gone_for_the_server_too(tmp_path: Path) -> None:
    server = raw_server(str(tmp_path / "seen"), "flood")
    with Started(tmp_path, "--out", str(tmp_path / "out.jsonl"), *server) as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(WAIT_S) == 3
    assert (tmp_path / "seen").read_bytes() == b"the client is gone"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_reach_the_server(tmp_path: Path, number: int) -> None:
    server = raw_server(str(tmp_path / "seen"), "wait")
    with Started(tmp_path, "--out", str(tmp_path / "out.jsonl"), *server) as process:
        assert process.stdout.readline() == b"{}\n"
        process.send_signal(number)
        assert process.wait(WAIT_S) in (128 + number, 1)


def test_the_server_gets_no_credentials_of_the_tap(run: Run, tmp_path: Path) -> None:
    server = raw_server(str(tmp_path / "seen"), "environment")
    given = {"HABITUS_TOKEN": "s1", "HABITUS_ENFORCE_TOKEN": "s2", "SHOP_TOKEN": "s3"}
    found = json.loads(run("--out", str(tmp_path / "out.jsonl"), *server, **given).stdout)
    assert {name for name in given if name in found} == {"SHOP_TOKEN"}


def test_a_command_that_does_not_exist_is_one_line_of_error(run: Run, tmp_path: Path) -> None:
    done = run("--out", str(tmp_path / "out.jsonl"), "--", "no-such-server")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"error: cannot start 'no-such-server': no such file or directory\n"


@pytest.mark.parametrize(
    "wrong",
    [
        ["--out", "x"],
        ["--listen", "127.0.0.1:0", "--out", "x"],
        ["--out", "-", "--", "true"],
        ["--out", "x", "--api", "http://127.0.0.1:1", "--", "true"],
        ["--api", "http://user:secret@127.0.0.1:1", "--", "true"],
        ["--enforce", "localhost", "--", "true"],
    ],
)
def test_wrong_use_is_exit_code_2_without_secrets(run: Run, wrong: list[str]) -> None:
    done = run(*wrong)
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: ")
    assert b"secret" not in done.stderr


# ---------------------------------------------------------------------- recording


def test_records_have_the_messages_as_they_passed(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    given = INITIALIZE + line("notifications/initialized") + b"broken\n" + CALL
    run("--out", str(out), *raw_server(str(tmp_path / "seen"), "answer"), given=given)
    found = records(out)
    up = [one["message"] for one in found if one["direction"] == "client_to_server"]
    assert up == [json.loads(one) for one in given.splitlines() if one != b"broken"]
    down = [one for one in found if one["direction"] == "server_to_client"]
    assert [one["message"]["id"] for one in down] == [0, 1]
    assert {one["agent"] for one in found} == {"orders-agent"}
    assert len({one["session"] for one in found}) == 1
    assert down[-1]["server"] == "raw"
    assert out.stat().st_mode & 0o077 == 0


def test_each_record_is_one_line_of_at_most_a_mebibyte(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    given = ANYTHING["a megabyte"] + b'{"id":2,"result":{"content":[{"text":"%s"}]}}\n' % (
        b"\xe2\x82\xac" * 500_000
    )
    run("--out", str(out), *raw_server(str(tmp_path / "seen"), "mirror"), given=given)
    assert len(out.read_bytes().splitlines()) == 4
    assert max(map(len, out.read_bytes().splitlines())) <= 1 << 20
    assert records(out)[0]["message"]["params"]["name"] == "big"


def test_a_call_under_an_id_that_is_used_again_is_another_event(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    server = raw_server(str(tmp_path / "seen"), "answer")
    run("--out", str(out), *server, given=INITIALIZE + CALL * 3)
    assert len({event["id"] for event in decoded(out, tmp_path)}) == 3


def test_text_that_json_readers_disagree_about_is_recorded(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    given = INITIALIZE + CALL.replace(b'"Ines"', b'"\\ud800", "n": 1e999')
    run("--out", str(out), *raw_server(str(tmp_path / "seen"), "answer"), given=given)
    (event,) = decoded(out, tmp_path)
    assert event["arguments"] == {"to": "?", "n": "1e999", "amount": 40}


def test_names_given_by_the_operator_win(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    server = raw_server(str(tmp_path / "seen"), "answer")
    run("--out", str(out), "--agent", "a", "--server", "b", *server, given=INITIALIZE + CALL)
    (event,) = decoded(out, tmp_path)
    assert (event["agent"]["id"], event["attributes"]["mcp_server"]) == ("a", "b")


# ---------------------------------------------------------------------- recording fails


def test_a_full_disk_breaks_no_call_and_records_are_spooled(run: Run, tmp_path: Path) -> None:
    server = raw_server(str(tmp_path / "seen"), "answer")
    done = run("--out", "/dev/full", *server, given=INITIALIZE + CALL)
    assert len(done.stdout.splitlines()) == 2
    assert done.returncode == 0
    assert b"cannot record to /dev/full: no space left on device" in done.stderr
    assert [one["message"].get("id") for one in spooled(tmp_path)] == [0, 1, 0, 1]


def test_no_call_breaks_where_nothing_can_be_spooled(run: Run, tmp_path: Path) -> None:
    server = raw_server(str(tmp_path / "seen"), "answer")
    options = ["--out", "/no/such/folder/out.jsonl", "--spool", "/dev/null/spool"]
    done = run(*options, *server, given=INITIALIZE + CALL)
    assert len(done.stdout.splitlines()) == 2
    assert done.returncode == 0
    assert b"records are lost" in done.stderr


def test_an_api_that_is_down_breaks_no_call(run: Run, tmp_path: Path) -> None:
    server = raw_server(str(tmp_path / "seen"), "answer")
    done = run("--api", "http://127.0.0.1:9", *server, given=INITIALIZE + CALL)
    assert len(done.stdout.splitlines()) == 2
    assert b"cannot record to http://127.0.0.1:9/v1/actions" in done.stderr
    assert [one["tool"] for one in spooled(tmp_path)] == ["pay"]


def test_a_broker_that_is_down_breaks_no_call(run: Run, tmp_path: Path) -> None:
    server = raw_server(str(tmp_path / "seen"), "answer")
    done = run("--kafka", "kafka://127.0.0.1:9/mcp", *server, given=INITIALIZE + CALL)
    assert len(done.stdout.splitlines()) == 2
    assert b"no Kafka broker answers" in done.stderr
    assert len(spooled(tmp_path)) == 4


def test_the_api_gets_native_events_with_the_key_of_the_environment(
    run: Run, tmp_path: Path, answering: Callable[..., Answering]
) -> None:
    api = answering(lambda _: (202, {"rejected": 0}))
    server = raw_server(str(tmp_path / "seen"), "answer")
    done = run("--api", api.url, *server, given=INITIALIZE + CALL, HABITUS_TOKEN="key")  # noqa: S106  # of no one
    (event,) = [event for body in api.bodies for event in body]
    assert (event["tool"], event["agent"]["id"], event["outcome"]) == ("pay", "orders-agent", "ok")
    assert "done" not in json.dumps(event)
    assert {one["Authorization"] for one in api.headers} == {"Bearer key"}
    assert set(api.paths) == {"/v1/actions"}
    assert done.stderr == b"the server is up\n"


@pytest.mark.broker
def test_a_topic_gets_the_records_by_agent(
    run: Run, tmp_path: Path, kafka_address: str, admin: Any
) -> None:
    topic = f"mcp.{secrets.token_hex(4)}"
    options = {"num_partitions": 1, "replication_factor": 1}
    admin.create_topics({topic: options}, wait_for_metadata=True)
    server = raw_server(str(tmp_path / "seen"), "answer")
    done = run("--kafka", f"kafka://{kafka_address}/{topic}", *server, given=INITIALIZE + CALL)
    assert done.stderr == b"the server is up\n"
    consumer = KafkaConsumer(
        topic, bootstrap_servers=kafka_address, auto_offset_reset="earliest",
        consumer_timeout_ms=10_000,
    )  # fmt: skip
    found = [message for _, message in zip(range(4), consumer, strict=False)]
    consumer.close()
    assert {message.key for message in found} == {b"orders-agent"}
    assert [json.loads(message.value)["message"]["id"] for message in found] == [0, 1, 0, 1]


# ---------------------------------------------------------------------- helpers


class Started:
    """A tap whose client is the test."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603  # our own code
            tap(*arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, bufsize=0, env=environment(folder),
            start_new_session=True,
        )  # fmt: skip

    def __enter__(self) -> Any:
        return self._process

    def __exit__(self, *_: object) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()
        for _ in range(100):
            if self._process.poll() is not None:
                return
            time.sleep(0.02)
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
