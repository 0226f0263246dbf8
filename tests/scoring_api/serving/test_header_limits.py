"""Headers: so many bytes, and so much time."""

from __future__ import annotations

import contextlib
import time

GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"


def test_endless_headers_are_refused_after_16_kib(server):
    with server.answering(most_mib=20):
        for _ in range(3):
            with server.connect(server.attacker) as client:
                client.sendall(GET + b"X-Long: ")
                sent = 0
                with contextlib.suppress(ConnectionError):
                    while sent < 150 * 2**20:
                        client.sendall(b"a" * 65_536)
                        sent += 65_536
                assert sent < 150 * 2**20
    assert server.metric('habitus_api_limit_exceeded_total{limit="header_bytes"}') >= 3


def test_a_header_beyond_the_limit_is_431_and_one_below_is_answered(server, answer_of):
    for size, status in ((15_000, 200), (17_000, 431)):
        for pieces in (1, 10):
            with server.connect(server.attacker) as client:
                head = GET + b"Connection: close\r\nX-Long: " + b"a" * size + b"\r\n\r\n"
                step = len(head) // pieces + 1
                for start in range(0, len(head), step):
                    client.sendall(head[start : start + step])
                    time.sleep(0.02)
                found, body = answer_of(client)
            assert found == status, (size, pieces)
            assert status == 200 or b"the headers are too long" in body


def test_many_short_headers_count_together(server, answer_of):
    with server.connect(server.attacker) as client:
        client.sendall(GET + b"X: y\r\n" * 4_000 + b"\r\n")
        assert answer_of(client)[0] == 431


def test_a_long_target_is_414(server, answer_of):
    with server.answering():
        for size, status in ((9_000, 414), (15_000, 414), (7_000, 200)):
            with server.connect(server.attacker) as client:
                line = b"GET /livez?" + b"q" * size + b" HTTP/1.1\r\n"
                client.sendall(line + b"Host: localhost\r\nConnection: close\r\n\r\n")
                assert answer_of(client)[0] == status, size


def test_headers_that_trickle_are_408(server, answer_of):
    begun = time.monotonic()
    with server.answering(), server.connect(server.attacker) as client:
        with contextlib.suppress(ConnectionError):
            for byte in GET * 20:
                client.sendall(bytes([byte]))
                time.sleep(0.1)
                if time.monotonic() - begun > 4:
                    break
        status, body = answer_of(client)
    assert status == 408
    assert b"the headers took too long" in body
    assert time.monotonic() - begun < server.late_s


def test_client_that_never_sends_is_disconnected(server, everything):
    begun = time.monotonic()
    with server.answering(), server.connect(server.attacker) as client:
        assert everything(client) == b""
    assert 1 < time.monotonic() - begun < server.late_s


def test_empty_lines_between_requests_buy_no_time(server):
    begun = time.monotonic()
    with server.connect(server.attacker) as client:
        client.sendall(GET + b"\r\n")
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - begun < server.late_s:
                client.sendall(b"\r\n")
                time.sleep(0.2)
    assert time.monotonic() - begun < server.late_s


def test_idle_connection_is_closed(server, everything):
    begun = time.monotonic()
    with server.answering(), server.connect(server.attacker) as client:
        client.sendall(GET + b"\r\n")
        answer = everything(client)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"408" not in answer
    assert 1 < time.monotonic() - begun < server.late_s
