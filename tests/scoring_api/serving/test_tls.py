"""TLS: versions, certificates of clients, and files that change while it runs."""

from __future__ import annotations

import contextlib
import os
import ssl
import time

import pytest

from pipeline.cli import app as command
from pipeline.store import open_store


def served_serial(server):
    """Give the serial number of the certificate that a new connection is shown."""
    with server.connect() as client:
        return int(client.getpeercert()["serialNumber"], 16)


@pytest.fixture
def tls(authority, tmp_path):
    """Give the settings of a server certificate, and what a client trusts."""
    authority.issue(tmp_path, "server", dns="localhost")
    context = ssl.create_default_context(cafile=authority.file)
    return {"TLS_CERT": str(tmp_path / "server.pem"), "TLS_KEY": str(tmp_path / "server.key")}, (
        context
    )


def test_answers_come_over_tls_1_2_and_later_and_not_in_plain(serve, tls, small, tmp_path):
    settings, context = tls
    with serve(tmp_path, tls=context, **settings, **small) as server:
        assert server.ask()[0] == 200
        assert server.log().startswith(
            f"scoring API and console on https://127.0.0.1:{server.port}"
        )
        with server.connect() as client:
            assert client.version() == "TLSv1.3"
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with server.connect() as client:
            assert client.version() == "TLSv1.2"
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        server.tls = old
        with pytest.raises((ssl.SSLError, ConnectionError)):
            server.connect()
        server.tls = context
        with server.connect(tls=False) as plain:
            plain.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                assert b"200" not in plain.recv(4096)
        assert "Traceback" not in server.log()


def test_handshakes_that_stall_are_bounded_in_number_and_time(serve, tls, small, tmp_path):
    settings, context = tls
    with serve(tmp_path, tls=context, **settings, **small) as server:
        with server.answering(), contextlib.ExitStack() as open_ones:
            for number in range(1, 11):
                for _ in range(25):
                    client = open_ones.enter_context(server.connect(f"127.0.1.{number}", tls=False))
                    with contextlib.suppress(ConnectionError):
                        client.sendall(b"\x16\x03\x01\x02\x00")
            assert server.metric("habitus_api_connections") <= 60 + 5
            server.until(lambda: server.metric("habitus_api_connections") < 5)
        assert server.metric('habitus_api_limit_exceeded_total{limit="handshake"}') >= 55
        assert "Traceback" not in server.log()


def test_limits_hold_within_tls(serve, tls, small, tmp_path, answer_of):
    settings, context = tls
    with serve(tmp_path, tls=context, **settings, **small) as server:
        with server.answering(), server.connect(server.attacker) as client:
            client.sendall(b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 20_000)
            assert answer_of(client)[0] == 431
        begun = time.monotonic()
        with server.connect(server.attacker) as client:
            client.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
            assert answer_of(client)[0] == 408
        assert time.monotonic() - begun < server.late_s


def test_changed_files_count_for_new_connections_and_broken_ones_do_not(
    serve, tls, authority, tmp_path, one_answer
):
    settings, context = tls
    request = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with serve(tmp_path, tls=context, **settings) as server, server.connect() as kept:
        first = served_serial(server)
        kept.sendall(request)
        assert one_answer(kept) == 200
        second = authority.issue(tmp_path, "server", dns="localhost")
        server.until(lambda: served_serial(server) == second, 15)
        assert first != second
        kept.sendall(request)
        assert one_answer(kept) == 200

        (tmp_path / "server.key").write_text("no key")
        server.until(lambda: "tls_files_unusable" in server.log(), 15)
        assert "HABITUS_TLS_KEY must hold a private key in PEM" in server.log()
        assert served_serial(server) == second

        (tmp_path / "server.key").unlink()
        os.mkfifo(tmp_path / "server.key")  # a file that is waited for stops the server
        server.until(lambda: "it is no regular file" in server.log(), 15)
        assert served_serial(server) == second
        (tmp_path / "server.key").unlink()

        authority.issue(tmp_path, "server", dns="localhost", days=-1)
        server.until(lambda: "has expired at" in server.log(), 15)
        assert served_serial(server) == second

        third = authority.issue(tmp_path, "server", dns="localhost", days=3)
        server.until(lambda: served_serial(server) == third, 15)
        server.until(lambda: "tls_certificate_expires_soon" in server.log())
        left = server.metric("habitus_api_certificate_expires_seconds") - time.time()
        assert 2 * 86_400 < left < 4 * 86_400


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"TLS_CERT": "server.pem"}, "HABITUS_TLS_KEY must be set when HABITUS_TLS_CERT is"),
        ({"TLS_KEY": "server.key"}, "HABITUS_TLS_CERT must be set when HABITUS_TLS_KEY is"),
        (
            {"TLS_CLIENT_CA": "server.pem"},
            "HABITUS_TLS_CERT must be set when HABITUS_TLS_CLIENT_CA",
        ),
        ({"TLS_CERT": "absent.pem", "TLS_KEY": "server.key"}, "must be a file that is there"),
        ({"TLS_CERT": "server.pem", "TLS_KEY": "other.key"}, "is not the key of the certificate"),
        ({"TLS_CERT": "server.key", "TLS_KEY": "server.key"}, "must hold certificates in PEM"),
        ({"TLS_CERT": "server.pem", "TLS_KEY": "server.pem"}, "must hold a private key in PEM"),
        ({"TLS_CERT": "expired.pem", "TLS_KEY": "expired.key"}, "has expired at 20"),
        (
            {"TLS_CERT": "server.pem", "TLS_KEY": "server.key", "TLS_CLIENT_CA": "server.key"},
            "HABITUS_TLS_CLIENT_CA must hold certificates in PEM",
        ),
        ({"MAX_CONNECTIONS_PER_ADDRESS": "1024"}, "must be below max_connections (1024), got 1024"),
        ({"HEADER_TIMEOUT_S": "0"}, "HABITUS_HEADER_TIMEOUT_S"),
        ({"TRUSTED_PROXIES": "proxy.example.com"}, "must be an address or a prefix"),
    ],
)
def test_invalid_tls_file_is_reported_at_the_start(
    tmp_path, monkeypatch, authority, capsys, settings, said
):
    for name in ("server", "other"):
        authority.issue(tmp_path, name, dns="localhost")
    authority.issue(tmp_path, "expired", dns="localhost", days=-1)
    monkeypatch.setenv("HABITUS_STORE", f"sqlite:{tmp_path / 'h.db'}")
    open_store(f"sqlite:{tmp_path / 'h.db'}").close()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HABITUS_LISTEN", "127.0.0.1:0")
    for name, value in settings.items():
        monkeypatch.setenv(f"HABITUS_{name}", value)
    with pytest.raises(SystemExit) as ended:
        command(["serve"])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
