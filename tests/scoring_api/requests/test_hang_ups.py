"""A client that hangs up is counted as such, and is no error of ours."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.responses import StreamingResponse

UPLOAD = (
    b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1000\r\n\r\n[1,"
)


def connect(url):
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=10)


def counted(url, route):
    page = httpx.get(f"{url}/metrics").text
    found = re.findall(rf'api_requests_total{{route="{route}",status="(\d+)"}} (\d+)', page)
    return {int(status): int(count) for status, count in found}


@pytest.fixture
def quiet(caplog):
    """No warning, no error, no traceback."""
    yield
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("path", ["/v1/actions", "/v1/trust/query"])
def test_client_may_hang_up_during_an_upload(installation, until, path):
    with installation.served(installation.app()) as url:
        with connect(url) as client:
            client.sendall(UPLOAD % path.encode())
        until(lambda: counted(url, path) == {499: 1})


@pytest.mark.usefixtures("quiet")
def test_client_may_reset_during_an_upload(installation, until):
    with installation.served(installation.app()) as url:
        client = connect(url)
        client.sendall(UPLOAD % b"/v1/actions")
        time.sleep(0.3)  # a reset takes away what was not read yet
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        until(lambda: counted(url, "/v1/actions") == {499: 1})


@pytest.mark.usefixtures("quiet")
def test_client_may_hang_up_during_a_slow_answer(installation, until):
    app = installation.app()

    async def slow():
        await asyncio.sleep(0.5)
        return {}

    app.api.add_api_route("/slow", slow)
    with installation.served(app) as url:
        with connect(url) as client:
            client.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until(lambda: counted(url, "/slow") == {499: 1})
        assert httpx.get(f"{url}/slow").status_code == 200
        assert counted(url, "/slow") == {499: 1, 200: 1}


@pytest.mark.usefixtures("quiet")
def test_client_may_hang_up_during_a_stream(installation, until):
    app = installation.app()

    async def parts():
        while True:
            yield b"part\n"
            await asyncio.sleep(0.01)

    async def stream():
        return StreamingResponse(parts())

    app.api.add_api_route("/stream", stream)
    with installation.served(app) as url:
        with connect(url) as client:
            client.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
        until(lambda: counted(url, "/stream") == {499: 1})


def test_an_error_of_ours_is_still_500_and_logged(installation, caplog):
    app = installation.app()

    async def broken():
        raise RuntimeError("secret-text")

    app.api.add_api_route("/broken", broken)
    with installation.served(app) as url:
        assert httpx.get(f"{url}/broken").status_code == 500
        assert counted(url, "/broken") == {500: 1}
    assert "request_failed" in [record.getMessage() for record in caplog.records]
