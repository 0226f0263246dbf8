"""Over HTTP bodies and streams pass as they are, and no header with a secret is recorded."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.pipeline.tap.conftest import decoded, listening_tap, records, spooled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.pipeline.tap.conftest import Answering

CALL: dict[str, Any] = {
    "jsonrpc": "2.0", "id": 1, "method": "tools/call",
    "params": {
        "name": "pay", "arguments": {"to": "Ines"},
        "_meta": {
            "io.modelcontextprotocol/clientInfo": {"name": "orders-agent", "version": "1.4"},
            "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        },
    },
}  # fmt: skip
ANSWER = b'{"jsonrpc":"2.0", "id":1,"result":{"content":[{"type":"text","text":"paid"}]}}'
JSON = b"Content-Type: application/json\r\n"
SIGNED = "e30.eyJzdWIiOiJhbGljZSIsImNsaWVudF9pZCI6ImJvdCIsImF1ZCI6InNob3AifQ.c2ln"


def response(body: bytes, headers: bytes = JSON, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, headers, len(body), body)


class Upstream:
    """A server that answers with given bytes, and keeps those that it reads."""

    def __init__(self, *pieces: bytes, keep_open: bool = False) -> None:
        self.pieces, self._keep_open = pieces, keep_open
        self.seen = b""
        self.gone = threading.Event()
        self.go_on = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            request = b""
            while not _is_whole(request):
                data = connection.recv(1 << 16)
                if not data:
                    break
                request += data
            self.seen += request
            for number, piece in enumerate(self.pieces):
                if number:
                    self.go_on.wait(10)
                    self.go_on.clear()
                connection.sendall(piece)
            if self._keep_open:
                connection.recv(1)
                self.gone.set()

    def close(self) -> None:
        self._listener.close()


def _is_whole(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    if not end:
        return False
    if b"chunked" in head.lower():
        return body.endswith(b"0\r\n\r\n")
    size = next(
        (int(one.split(b":")[1]) for one in head.splitlines() if b"content-length" in one.lower()),
        0,
    )
    return len(body) >= size


@contextmanager
def passing(folder: Path, *pieces: bytes, keep_open: bool = False, **more: str) -> Iterator[Any]:
    upstream = Upstream(*pieces, keep_open=keep_open)
    options = [part for name, value in more.items() for part in (f"--{name}", value)]
    options = ["--out", str(folder / "out.jsonl"), *options]
    try:
        with listening_tap(folder, "--upstream", f"{upstream.url}/mcp", *options) as url:
            yield upstream, url
    finally:
        upstream.close()


def test_bodies_pass_as_they_are(tmp_path: Path) -> None:
    body = b'{ "jsonrpc":"2.0",\n "id" : 1.0e0, "method" : "tools/call"  }\r\n'
    with passing(tmp_path, response(ANSWER)) as (upstream, url):
        answer = httpx.post(f"{url}/mcp", content=body)
    assert answer.content == ANSWER
    assert upstream.seen.endswith(b"\r\n\r\n" + body)


@pytest.mark.parametrize("body", [b"\xff\x00 no text", b'{"broken":', b"", b"x" * (1 << 20)])
def test_unknown_bodies_and_paths_pass(tmp_path: Path, body: bytes) -> None:
    with passing(tmp_path, response(body, b"X-Vendor: 1\r\n")) as (upstream, url):
        answer = httpx.put(f"{url}/other%2Fpath/?a=%20b&a", content=body)
    assert upstream.seen.startswith(b"PUT /other%2Fpath/?a=%20b&a HTTP/1.1\r\n")
    assert upstream.seen.endswith(body)
    assert (answer.content, answer.headers["x-vendor"]) == (body, "1")


def test_headers_pass_but_for_those_of_the_connection(tmp_path: Path) -> None:
    given = {"Authorization": "Bearer t0p", "Connection": "X-Hop", "X-Hop": "1", "Cookie": "c=1"}
    with passing(tmp_path, response(b"{}", JSON + b"Set-Cookie: d=2\r\n")) as (upstream, url):
        answer = httpx.post(f"{url}/mcp", json={}, headers=given)
        again = httpx.post(f"{url}/mcp", json={})
    first, second = upstream.seen.lower().split(b"post /mcp")[1:]
    assert b"authorization: bearer t0p" in first
    assert b"cookie: c=1" in first
    assert b"x-hop" not in first
    assert b"host: " + upstream.url.removeprefix("http://").encode() in first
    assert b"cookie" not in second  # nothing is kept from one client for another
    assert (answer.headers["set-cookie"], again.status_code) == ("d=2", 200)


def test_no_secret_of_a_header_is_recorded(tmp_path: Path) -> None:
    secrets = {"Authorization": "Bearer t0p", "Mcp-Session-Id": "s3ss10n", "X-Api-Key": "k3y"}
    with passing(tmp_path, response(ANSWER, JSON + b"Mcp-Session-Id: s3ss10n\r\n")) as (_, url):
        httpx.post(f"{url}/mcp?token=qu3ry", json=CALL, headers=secrets)
    said = (tmp_path / "out.jsonl").read_text() + (tmp_path / "stderr").read_text()
    assert not [secret for secret in ("t0p", "s3ss10n", "k3y", "qu3ry") if secret in said]
    first, second = records(tmp_path / "out.jsonl")
    assert first["session"] == second["session"]


@pytest.mark.parametrize("enforced", [False, True])
def test_chunked_requests_pass(
    tmp_path: Path, answering: Callable[..., Answering], enforced: bool
) -> None:
    point = answering(lambda _: (200, {"decision": True}))
    more = {"enforce": point.url} if enforced else {}
    body = json.dumps(CALL).encode()
    with passing(tmp_path, response(ANSWER), **more) as (upstream, url):
        answer = httpx.post(f"{url}/mcp", content=iter([body[:20], body[20:]]))
    assert answer.content == ANSWER
    assert (b"transfer-encoding: chunked" in upstream.seen.lower()) is not enforced
    assert body[20:] in upstream.seen
    assert decoded(tmp_path / "out.jsonl", tmp_path)[0]["outcome"] == "ok"


def test_name_of_another_machine_is_refused(tmp_path: Path) -> None:
    with passing(tmp_path, response(ANSWER)) as (upstream, url):
        answer = httpx.post(f"{url}/mcp", json=CALL, headers={"Host": "page.example.com"})
    assert answer.status_code == 403
    assert upstream.seen == b""


def test_root_of_the_tap_is_the_path_of_the_server(tmp_path: Path) -> None:
    with passing(tmp_path, response(ANSWER)) as (upstream, url):
        httpx.post(url, json=CALL)
    assert upstream.seen.startswith(b"POST /mcp HTTP/1.1\r\n")


def test_events_of_a_stream_come_one_by_one(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    events = [b": hello\n\n", b"id: 1\ndata: %s\n\n" % ANSWER, b"event: x\r\ndata: y\r\n\r\n"]
    with passing(tmp_path, head + events[0], *events[1:]) as (upstream, url):
        came = b""
        with httpx.stream("POST", f"{url}/mcp", json=CALL, timeout=10) as answer:
            for data in answer.iter_raw():
                came += data
                upstream.go_on.set()  # the next one is sent only now
    assert came == b"".join(events)
    (event,) = decoded(tmp_path / "out.jsonl", tmp_path)
    assert (event["tool"], event["outcome"]) == ("pay", "ok")
    assert event["agent"] == {"id": "orders-agent", "version": "1.4"}
    assert event["session"] == event["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"


def test_compressed_responses_pass_compressed_and_are_recorded(tmp_path: Path) -> None:
    body = gzip.compress(ANSWER)
    encoded = response(body, JSON + b"Content-Encoding: gzip\r\n")
    with (
        passing(tmp_path, encoded) as (_, url),
        httpx.stream("POST", f"{url}/mcp", json=CALL) as answer,
    ):
        assert b"".join(answer.iter_raw()) == body
    assert decoded(tmp_path / "out.jsonl", tmp_path)[0]["outcome"] == "ok"


def test_a_client_that_hangs_up_ends_the_request_at_the_server(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hello\n\n"
    with passing(tmp_path, head, keep_open=True) as (upstream, url):
        with httpx.stream("GET", f"{url}/mcp", timeout=10) as answer:
            next(answer.iter_raw())
        assert upstream.gone.wait(10)


def test_a_client_that_does_not_wait_for_the_answer_ends_the_request(tmp_path: Path) -> None:
    with passing(tmp_path, keep_open=True) as (upstream, url):
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{url}/mcp", json=CALL, timeout=0.5)
        assert upstream.gone.wait(10)


def test_a_response_that_breaks_off_breaks_off_for_the_client(tmp_path: Path) -> None:
    cut = response(ANSWER)[:-10]
    with passing(tmp_path, cut) as (_, url), pytest.raises(httpx.RemoteProtocolError):
        httpx.post(f"{url}/mcp", json=CALL)


def test_a_server_that_is_down_is_a_bad_gateway(tmp_path: Path) -> None:
    options = ["--upstream", "http://127.0.0.1:9/mcp", "--out", str(tmp_path / "out.jsonl")]
    with listening_tap(tmp_path, *options) as url:
        assert httpx.post(f"{url}/mcp", json=CALL).status_code == 502
    assert decoded(tmp_path / "out.jsonl", tmp_path)[0]["outcome"] == "error"


@pytest.mark.parametrize(("status", "outcome"), [(b"403 No", "denied"), (b"500 No", "error")])
def test_an_http_error_is_the_outcome_of_the_call(
    tmp_path: Path, status: bytes, outcome: str
) -> None:
    with passing(tmp_path, response(b"no", b"WWW-Authenticate: x\r\n", status)) as (_, url):
        answer = httpx.post(f"{url}/mcp", json=CALL)
    assert (answer.status_code, answer.content) == (int(status[:3]), b"no")
    assert decoded(tmp_path / "out.jsonl", tmp_path)[0]["outcome"] == outcome


def test_calls_of_clients_without_sessions_are_apart(tmp_path: Path) -> None:
    with passing(tmp_path, response(ANSWER)) as (_, url):
        for _ in range(3):
            httpx.post(f"{url}/mcp", json=CALL)
    events = decoded(tmp_path / "out.jsonl", tmp_path)
    assert len({event["id"] for event in events}) == 3


def test_credentials_separate_clients_without_sessions(tmp_path: Path) -> None:
    call = json.loads(json.dumps(CALL))
    del call["params"]["_meta"]["traceparent"]
    with passing(tmp_path, response(ANSWER)) as (_, url):
        for token in ("a", "b", "a"):
            httpx.post(f"{url}/mcp", json=call, headers={"Authorization": f"Bearer {token}"})
    sessions = [event["session"] for event in decoded(tmp_path / "out.jsonl", tmp_path)]
    assert sessions[0] == sessions[2] != sessions[1]


def test_a_full_disk_breaks_no_call(tmp_path: Path) -> None:
    upstream = Upstream(response(ANSWER))
    options = ["--upstream", f"{upstream.url}/mcp", "--out", "/dev/full"]
    with listening_tap(tmp_path, *options) as url:
        assert httpx.post(f"{url}/mcp", json=CALL).content == ANSWER
    upstream.close()
    assert len(spooled(tmp_path)) == 2
    assert "cannot record to /dev/full" in (tmp_path / "stderr").read_text()


def test_a_stream_that_stays_open_does_not_hold_up_the_end(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hello\n\n"
    opened = threading.Event()

    def listen(url: str) -> None:
        try:
            with httpx.stream("GET", f"{url}/mcp", timeout=30) as answer:
                for _ in answer.iter_raw():
                    opened.set()
        except httpx.HTTPError:
            return

    with passing(tmp_path, head, keep_open=True) as (_, url):
        listener = threading.Thread(target=listen, args=(url,))
        listener.start()
        assert opened.wait(10)
        began = time.monotonic()
    assert time.monotonic() - began < 8
    listener.join(10)


# ---------------------------------------------------------------------- decisions


def test_question_names_whom_the_token_names(
    tmp_path: Path, answering: Callable[..., Answering]
) -> None:
    point = answering(lambda _: (200, {"decision": True}))
    with passing(tmp_path, response(ANSWER), enforce=point.url) as (_, url):
        httpx.post(f"{url}/mcp", json=CALL, headers={"Authorization": f"Bearer {SIGNED}"})
    (question,) = point.bodies
    assert question["subject"] == {"type": "identity", "id": "alice"}
    assert (question["context"]["agent"], question["context"]["ip"]) == ("bot", "127.0.0.1")
    assert question["resource"] == {"type": "tool", "id": "pay"}
    assert SIGNED not in json.dumps([point.bodies, point.headers])


def test_a_denied_call_reaches_no_server(
    tmp_path: Path, answering: Callable[..., Answering]
) -> None:
    point = answering(lambda _: (200, {"decision": False}))
    with passing(tmp_path, response(ANSWER), enforce=point.url) as (upstream, url):
        answer = httpx.post(f"{url}/mcp", json=CALL)
        listed = httpx.post(f"{url}/x", json={"id": "a", "method": "tools/list"})
        told = httpx.post(f"{url}/", json={"method": "tools/call", "params": {"name": "pay"}})
    assert upstream.seen == b""
    assert answer.json()["result"]["isError"] is True
    assert answer.headers["content-type"] == "application/json"
    assert (listed.json()["id"], listed.json()["error"]["code"]) == ("a", -32001)
    assert (told.status_code, told.content) == (202, b"")
    events = decoded(tmp_path / "out.jsonl", tmp_path)
    assert events[0]["outcome"] == "denied"


def test_encoded_and_ambiguous_requests_reach_no_server(
    tmp_path: Path, answering: Callable[..., Answering]
) -> None:
    point = answering(lambda _: (200, {"decision": True}))
    body = json.dumps(CALL).encode()
    with passing(tmp_path, response(ANSWER), enforce=point.url) as (upstream, url):
        encoded = {"Content-Encoding": "gzip"}
        assert httpx.post(url, content=gzip.compress(body), headers=encoded).status_code == 415
        for wrong in (body + body, body.decode().encode("utf-16"), b'{"Method":"tools/call"}'):
            assert httpx.post(url, content=wrong).json()["error"]["code"] == -32700
    assert upstream.seen == b""


def test_other_requests_pass_and_need_no_decision(
    tmp_path: Path, answering: Callable[..., Answering]
) -> None:
    point = answering(lambda _: (200, {"decision": False}))
    with passing(tmp_path, response(b"ok", b""), enforce=point.url) as (_, url):
        assert httpx.post(f"{url}/token", data={"grant_type": "code"}).text == "ok"
        assert httpx.post(f"{url}/register", json={"client_name": "a"}).text == "ok"
        assert httpx.get(f"{url}/.well-known/oauth-protected-resource").text == "ok"
    assert point.bodies == []


def test_nothing_passes_if_the_decision_point_is_down(tmp_path: Path) -> None:
    with passing(tmp_path, response(ANSWER), enforce="http://127.0.0.1:9") as (upstream, url):
        assert httpx.post(url, json=CALL).json()["result"]["isError"] is True
        listed = httpx.post(url, json={"id": 1, "method": "tools/list"})
    assert listed.json()["error"]["code"] == -32603
    assert upstream.seen == b""
