"""``habitus ssf``: makes a stream at a transmitter, and prints a table that can be read."""

from __future__ import annotations

import http.server
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.signals.transmitters import read_transmitters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STREAM = {"stream_id": "st-1", "aud": ["habitus/st-1"]}


class Issuer(http.server.ThreadingHTTPServer):
    """A transmitter with the metadata of a realm, and one stream."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Requests)
        self.root = f"http://127.0.0.1:{self.server_address[1]}"
        self.issuer = self.named = f"{self.root}/realms/acme"
        self.posted: dict[str, Any] = {}


class Requests(http.server.BaseHTTPRequestHandler):
    server: Issuer

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/.well-known/ssf-configuration/realms/acme":
            places = ("configuration_endpoint", "verification_endpoint", "jwks_uri")
            found = {name: f"{self.server.root}/{name}" for name in places}
            self._answer(200, found | {"issuer": self.server.named})
        elif self.path == "/configuration_endpoint":
            self._answer(200, [STREAM])
        else:
            self._answer(404, {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.posted[self.path] = body
        assert self.headers["authorization"] == "Bearer t-1"
        delivery = {"endpoint_url": f"{self.server.root}/poll"} | body.get("delivery", {})
        self._answer(201, STREAM | {"delivery": delivery})

    def _answer(self, status: int, content: Any) -> None:
        raw = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def token(tmp_path: Path) -> str:
    path = tmp_path / "token"
    path.write_text("t-1\n")
    return str(path)


def run(*words: str, **variables: str) -> Any:
    return CliRunner().invoke(app, ["ssf", *words], env=variables)


def test_table_of_a_polled_stream_can_be_read_and_asks_for_more(
    issuer: Issuer, token: str, tmp_path: Path
) -> None:
    made = run("create", "idp", "--issuer", issuer.issuer, "--token-file", token)
    assert made.exit_code == 0, made.output
    path = tmp_path / "transmitters.toml"
    path.write_text(made.stdout)
    (one,) = read_transmitters(path)
    assert (one.audience, one.delivery, one.endpoint) == (
        "habitus/st-1", "poll", f"{issuer.root}/poll",
    )  # fmt: skip
    assert one.jwks == f"{issuer.root}/jwks_uri"
    assert issuer.posted["/configuration_endpoint"]["delivery"] == {"method": "urn:ietf:rfc:8936"}
    known = {"HABITUS_SSF_TRANSMITTERS": str(path)}
    assert json.loads(run("show", "idp", **known).stdout) == [STREAM]
    assert run("verify", "idp", "st-1", **known).exit_code == 0
    assert issuer.posted["/verification_endpoint"]["stream_id"] == "st-1"


def test_pushing_stream_gets_the_key_and_the_output_does_not(
    issuer: Issuer, token: str, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("hbt_secret")
    url = "https://habitus.example.com/v1/ssf/events"
    made = run(
        "create", "idp", "--issuer", issuer.issuer, "--token-file", token, "--push", url,
        "--push-key-file", str(tmp_path / "key"),
    )  # fmt: skip
    assert issuer.posted["/configuration_endpoint"]["delivery"] == {
        "method": "urn:ietf:rfc:8935", "endpoint_url": url,
        "authorization_header": "Bearer hbt_secret",
    }  # fmt: skip
    assert 'delivery = "push"' in made.stdout
    assert "hbt_secret" not in made.output


def test_metadata_of_another_issuer_are_refused(issuer: Issuer, token: str) -> None:
    issuer.named = "https://evil.example"
    made = run("create", "idp", "--issuer", issuer.issuer, "--token-file", token)
    assert "another issuer" in str(made.exception)
    assert not issuer.posted


def test_unknown_transmitter_is_named_with_the_known_ones() -> None:
    assert "expected one of: none" in str(run("show", "idp").exception)
