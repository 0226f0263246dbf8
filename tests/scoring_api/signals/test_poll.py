"""Polled security event tokens: acknowledged after they were stored, refused with a code."""

from __future__ import annotations

import http.server
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.scoring_api.signals.test_push import receiving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.scoring_api.conftest import Installation
    from tests.scoring_api.signals.conftest import Signer


class Outbox(http.server.ThreadingHTTPServer):
    """A transmitter that keeps tokens until they are acknowledged (RFC 8936)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Requests)
        self.sets: dict[str, str] = {}
        self.errors: dict[str, Any] = {}
        self.failures = 0
        self.polls: list[dict[str, Any]] = []
        self.on_ack: Callable[[list[str]], None] = lambda _: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Requests(http.server.BaseHTTPRequestHandler):
    server: Outbox

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/token":
            assert self.headers["authorization"].startswith("Basic ")
            self._answer(200, {"access_token": "t-1", "expires_in": 300})
            return
        if self.server.failures or self.headers["authorization"] != "Bearer t-1":
            self.server.failures -= 1
            self._answer(503, {})
            return
        asked = json.loads(body)
        self.server.polls.append(asked)
        self.server.on_ack(asked["ack"])
        for jti in (*asked["ack"], *asked.get("setErrs", ())):
            self.server.sets.pop(jti, None)
        self.server.errors |= asked.get("setErrs", {})
        self._answer(200, {"sets": dict(self.server.sets)})

    def _answer(self, status: int, content: Any) -> None:
        raw = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    with Outbox() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def polled(signer: Signer, outbox: Outbox) -> Any:
    secret = signer.jwks.with_name("secret")
    secret.write_text("s\n")
    return signer.transmitter(
        delivery="poll", endpoint=f"{outbox.url}/poll", token_url=f"{outbox.url}/token",
        client_id="habitus", client_secret_file=str(secret), interval_s=0.2,
    )  # fmt: skip


def test_token_is_stored_before_it_is_acknowledged(
    installation: Installation, outbox: Outbox, polled: Any, signer: Signer, until: Any
) -> None:
    stored: list[int] = []
    outbox.on_ack = lambda jtis: stored.extend(len(installation.store.reports(9)) for _ in jtis)
    outbox.sets["j-1"] = signer.token()
    with receiving(installation, polled):
        until(lambda: not outbox.sets)
    assert stored == [1]
    assert len(installation.store.reports(9)) == 1


def test_token_that_comes_again_before_its_acknowledgement_is_stored_once(
    installation: Installation, outbox: Outbox, polled: Any, signer: Signer, until: Any
) -> None:
    outbox.sets["j-1"] = token = signer.token()

    def forget(jtis: list[str]) -> None:  # the acknowledgement is lost once
        if jtis and len(outbox.polls) < 4:
            outbox.sets["j-1"] = token
            jtis.clear()

    outbox.on_ack = forget
    with receiving(installation, polled):
        until(lambda: not outbox.sets)
    assert len(installation.store.reports(9)) == 1


def test_token_that_does_not_hold_is_refused_and_the_others_are_stored(
    installation: Installation, outbox: Outbox, polled: Any, signer: Signer, until: Any
) -> None:
    outbox.sets["bad"] = signer.token(jti="bad", aud="other")
    outbox.sets["named-otherwise"] = signer.token(jti="x")
    outbox.sets["good"] = signer.token(jti="good")
    with receiving(installation, polled):
        until(lambda: not outbox.sets)
    codes = {jti: error["err"] for jti, error in outbox.errors.items()}
    assert codes == {"bad": "invalid_audience", "named-otherwise": "invalid_request"}
    assert len(installation.store.reports(9)) == 1


def test_transmitter_that_fails_is_asked_again(
    installation: Installation, outbox: Outbox, polled: Any, signer: Signer, until: Any
) -> None:
    outbox.failures = 2
    outbox.sets["j-1"] = signer.token()
    with receiving(installation, polled):
        until(lambda: not outbox.sets, 30)
    assert len(installation.store.reports(9)) == 1
