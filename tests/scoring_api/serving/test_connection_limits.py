"""Connections: so many in all, so many from one address; and what a connection may ask."""

from __future__ import annotations

import contextlib
import time

import pytest

GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"


def flood(server, open_ones, sources, each):
    """Open connections and say nothing; give the sockets."""
    return [
        open_ones.enter_context(server.connect(source)) for source in sources for _ in range(each)
    ]


def refusals(clients, expected):
    """Wait for so many answers, at most a second; give those that came."""
    answers, waiting, deadline = [], list(clients), time.monotonic() + 1
    while len(answers) < expected and time.monotonic() < deadline:
        silent = []
        for client in waiting:
            client.setblocking(False)
            try:
                answers.append(client.recv(4096)[:12])
            except BlockingIOError:
                silent.append(client)
            except ConnectionError:
                continue
        waiting = silent
        time.sleep(0.05)
    return answers


def test_one_address_cannot_take_all_connections(server):
    with server.answering(), contextlib.ExitStack() as open_ones:
        clients = flood(server, open_ones, [server.attacker], 200)
        answers = refusals(clients, 180)
        assert 200 - len(answers) == 20
        assert set(answers) == {b"HTTP/1.1 429"}
        assert server.ask(source=server.other)[0] == 200
        assert server.metric("habitus_api_connections") < 30
    server.until(lambda: server.ask(source=server.attacker)[0] == 200)


def test_flood_from_many_addresses_does_not_affect_known_clients(server, one_answer):
    many = [f"127.0.1.{number}" for number in range(1, 21)]
    with server.answering(), server.connect(server.other) as known:
        known.sendall(GET + b"\r\n")
        assert one_answer(known) == 200
        with contextlib.ExitStack() as open_ones:
            clients = flood(server, open_ones, many, 15)
            known.sendall(GET + b"\r\n")
            assert one_answer(known) == 200
            assert refusals(clients, 240).count(b"HTTP/1.1 503") >= 240
            assert server.ask("/readyz")[0] == 200
            # The silent ones lose their place.
            server.until(lambda: server.ask(source="127.0.2.1")[0] == 200)


def test_1100_half_open_connections_exclude_no_client(serve, tmp_path):
    """As it is started with 1,024 open files and the limits by default."""
    with serve(tmp_path, open_files=1024) as server:
        assert "fewer_connections" in server.log()
        many = [f"127.0.1.{number}" for number in range(1, 12)]
        with server.answering(), contextlib.ExitStack() as open_ones:
            for client in flood(server, open_ones, many, 100):
                with contextlib.suppress(ConnectionError):
                    client.sendall(b"GET / HTTP/1.1\r\nX-Never: ")
            assert server.ask("/readyz")[0] == 200
            refused = server.metric('habitus_api_limit_exceeded_total{limit="connections"}')
            assert refused >= 1100 - 512
        assert "Traceback" not in server.log()


def test_requests_sent_ahead_are_bounded_and_answered_in_order(server, everything):
    with server.answering(most_mib=30):
        for _ in range(5):
            with server.connect(server.attacker) as client:
                with contextlib.suppress(ConnectionError):
                    client.sendall((GET + b"\r\n") * 20_000)
                answers = everything(client).count(b"HTTP/1.1 200")
            assert answers < 20_000
        with server.connect(server.attacker) as client:
            last = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            client.sendall((GET + b"\r\n") * 9 + last)
            found = everything(client)
    assert found.count(b"HTTP/1.1 200") == 9
    assert found.rindex(b"HTTP/1.1 404") > found.rindex(b"HTTP/1.1 200")


@pytest.mark.parametrize("protocol", ["websocket", "h2c", "made-up"])
def test_an_upgrade_is_answered_as_a_request_and_ends_the_connection(server, everything, protocol):
    with server.connect(server.attacker) as client:
        asked = GET + f"Connection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n".encode()
        client.sendall(asked)
        answer = everything(client)
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.count(b"HTTP/1.1") == 1


def test_http_1_0_is_answered_and_closed(server, answer_of):
    with server.connect(server.attacker) as client:
        client.sendall(b"GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert answer_of(client)[0] == 200


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /livez HTTP/9.9\r\n\r\n",
        b"GET\x00 / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_request_that_is_not_http_1_is_400_and_closed(server, answer_of, nonsense):
    with server.connect(server.attacker) as client:
        client.sendall(nonsense)
        status, body = answer_of(client)
    assert status == 400
    assert b"the request is not HTTP/1.1" in body


def test_a_request_before_nonsense_is_answered(server, everything):
    with server.connect(server.attacker) as client:
        client.sendall(GET + b"\r\n" + b"nonsense\r\n\r\n")
        answer = everything(client)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b"HTTP/1.1") == 1
