"""Behind a proxy: whose word on the client's address is taken, and what each client may ask."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest

PROXY = "127.0.0.88"
NGINX = shutil.which("nginx")
PAGE = Path(__file__).resolve().parents[3] / "docs" / "serving.md"


def test_forwarded_addresses_are_ignored_without_trusted_proxies(server):
    """Loopback rules go by the address of the connection."""
    assert server.ask("/metrics", **{"X-Forwarded-For": "192.0.2.7"})[0] == 200


def test_a_trusted_proxy_says_who_the_client_is_and_others_do_not(serve, small, tmp_path):
    with serve(tmp_path, TRUSTED_PROXIES=f"{PROXY}/32, 192.0.2.0/24", **small) as server:

        def status(source, *forwarded):
            return server.ask("/metrics", source, **{"X-Forwarded-For": ", ".join(forwarded)})[0]

        assert status(PROXY, "198.51.100.7") == 403
        assert status(server.other, "198.51.100.7") == 200
        assert status(PROXY, "127.0.0.1") == 200
        # What a client wrote stands before what the proxy added.
        assert status(PROXY, "127.0.0.1", "198.51.100.7") == 403
        assert status(PROXY, "127.0.0.1", "198.51.100.7", "192.0.2.9") == 403
        assert status(PROXY, "nonsense") == 403


def test_client_behind_a_proxy_has_its_own_limit(serve, small, tmp_path):
    """The proxy has more connections than an address may have, and each client 20 requests."""
    limits = small | {"MAX_CONNECTIONS": "200", "BODY_TIMEOUT_S": "10"}
    with serve(tmp_path, TRUSTED_PROXIES=PROXY, **limits) as server, contextlib.ExitStack() as all_:

        def upload(address):
            client = all_.enter_context(server.connect(PROXY))
            client.sendall(
                b"POST /v1/actions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                b"Content-Type: application/json\r\nContent-Length: 9\r\n"
                b"X-Forwarded-For: " + address.encode() + b"\r\n\r\n["
            )
            return client

        first = [upload("127.0.9.1") for _ in range(25)]
        time.sleep(0.5)
        assert sum(refused(client) for client in first) == 5
        assert server.ask(source=PROXY, **{"X-Forwarded-For": "127.0.9.1"})[0] == 429
        assert server.ask(source=PROXY, **{"X-Forwarded-For": "127.0.9.2"})[0] == 200
        assert server.metric('habitus_api_limit_exceeded_total{limit="address_requests"}') >= 6
        for client in first:
            client.close()
        server.until(lambda: server.ask(source=PROXY, **{"X-Forwarded-For": "127.0.9.1"})[0] == 200)


def refused(client):
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        return client.recv(4096).startswith(b"HTTP/1.1 429")
    return False


@pytest.mark.skipif(NGINX is None, reason="there is no nginx")
def test_the_page_s_nginx_serves_the_api(serve, authority, small, tmp_path):
    """The configuration of docs/serving.md, with paths and ports of this test."""
    (written,) = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(), re.DOTALL)
    authority.issue(tmp_path, "server", dns="localhost")
    with serve(tmp_path, TRUSTED_PROXIES="127.0.0.1", **small) as server:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        here = (
            written.replace("127.0.0.1:8765", f"127.0.0.1:{server.port}")
            .replace("listen 8443", f"listen 127.0.0.1:{port}")
            .replace("/etc/habitus", str(tmp_path))
        )
        config = tmp_path / "nginx.conf"
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        folders = "".join(f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in kinds)
        config.write_text(
            f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/errors;\nevents {{}}\n"
            f"http {{ access_log off; {folders} {here} }}\n"
        )
        command = [str(NGINX), "-c", str(config), "-e", str(tmp_path / "errors")]
        nginx = subprocess.Popen(command)  # noqa: S603  # the configuration above
        try:
            server.port, server.tls = port, ssl.create_default_context(cafile=authority.file)

            def ready():
                with contextlib.suppress(OSError):
                    return server.ask("/readyz")[0] == 200
                return False

            server.until(ready, 20)
            assert json.loads(server.ask("/livez", server.other)[1]) == {"status": "ok"}
            # Each is known by its own address: this one is loopback, so it may read the metrics.
            assert (
                server.ask("/metrics", server.other, **{"X-Forwarded-For": "192.0.2.1"})[0] == 200
            )
        finally:
            nginx.terminate()
            nginx.wait(10)
