"""Pushed security event tokens: what is accepted is stored, and what is refused says why."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from joserfc.jwk import OctKey, RSAKey

from pipeline.formats import Native
from scoring_api.app import create_app
from scoring_api.config import ApiConfig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.signals.transmitters import Transmitter
    from tests.scoring_api.conftest import Installation
    from tests.scoring_api.signals.conftest import Signer

MEDIA = {"content-type": "application/secevent+jwt"}
STREAM = "https://schemas.openid.net/secevent/ssf/event-type/verification"


@contextmanager
def receiving(
    installation: Installation, *transmitters: Transmitter, **config: Any
) -> Iterator[httpx.Client]:
    app = create_app(
        installation.store, Native().read, ApiConfig(poll_s=0.02, **config),
        transmitters=transmitters,
    )  # fmt: skip
    with installation.served(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture
def client(installation: Installation, signer: Signer) -> Iterator[httpx.Client]:
    with receiving(installation, signer.transmitter()) as ready:
        yield ready


def push(client: httpx.Client, token: str | bytes, **more: str) -> httpx.Response:
    return client.post("/v1/ssf/events", content=token, headers=MEDIA | more)


def test_token_is_stored_before_it_is_accepted_and_again_only_once(
    client: httpx.Client, installation: Installation, signer: Signer
) -> None:
    token = signer.token()
    first, second = push(client, token), push(client, token)
    assert [(one.status_code, one.content) for one in (first, second)] == [(202, b"")] * 2
    ((_, _, fmt, reporter, claims),) = installation.store.reports(9)
    assert (fmt, reporter, json.loads(claims)["jti"]) == ("ssf", "idp", "j-1")


@pytest.mark.parametrize(
    ("more", "err"),
    [
        ({"iss": "https://evil.example"}, "invalid_issuer"),
        ({"iss": None}, "invalid_issuer"),
        ({"aud": "https://other.example.com"}, "invalid_audience"),
        ({"aud": None}, "invalid_audience"),
        ({"iat": None}, "invalid_request"),
        ({"iat": True}, "invalid_request"),
        ({"iat": 1e300}, "invalid_request"),
        ({"iat": int(time.time()) + 3600}, "invalid_request"),
        ({"iat": int(time.time()) - 30 * 86400}, "invalid_request"),
        ({"exp": int(time.time()) - 3600}, "invalid_request"),
        ({"jti": None}, "invalid_request"),
        ({"jti": "j" * 300}, "invalid_request"),
        ({"events": None}, "invalid_request"),
        ({"events": {}}, "invalid_request"),
        ({"events": {"a": []}}, "invalid_request"),
        ({"header": {"typ": "JWT"}}, "invalid_request"),
        ({"header": {"typ": None}}, "invalid_request"),
        ({"header": {"kid": "k9"}}, "invalid_key"),
        ({"header": {"alg": "RS512"}}, "invalid_key"),
    ],
)
def test_token_that_does_not_hold_is_refused_with_its_code(
    client: httpx.Client, installation: Installation, signer: Signer, more: Any, err: str
) -> None:
    answer = push(client, signer.token(**more))
    assert (answer.status_code, answer.json()["err"]) == (400, err)
    assert not installation.store.reports(9)


def test_signature_of_another_key_is_refused(client: httpx.Client, signer: Signer) -> None:
    other = RSAKey.generate_key(2048, {"kid": "k1"})
    assert push(client, signer.token(key=other)).json()["err"] == "authentication_failed"


def test_public_key_is_never_taken_for_a_shared_secret(
    client: httpx.Client, signer: Signer
) -> None:
    secret = OctKey.import_key(signer.jwks.read_text())
    token = signer.token({"alg": "HS256"}, secret)
    assert push(client, token).json()["err"] == "invalid_key"


@pytest.mark.parametrize("body", [b"", b"a.b.c", b"\xff\xfe", b"{}", b"x" * 70_000])
def test_body_of_another_form_is_refused(client: httpx.Client, body: bytes) -> None:
    answer = push(client, body)
    assert (answer.status_code, answer.json()["err"]) == (400, "invalid_request")


def test_other_content_types_are_refused(client: httpx.Client, signer: Signer) -> None:
    answer = push(client, signer.token(), **{"content-type": "application/json"})
    assert (answer.status_code, answer.json()["err"]) == (400, "invalid_request")


def test_event_about_the_stream_is_answered_and_not_stored(
    client: httpx.Client, installation: Installation, signer: Signer
) -> None:
    token = signer.token(jti="v-1", events={STREAM: {"state": "x"}})
    assert push(client, token).status_code == 202
    assert not installation.store.reports(9)
    assert 'status="stream",transmitter="idp"} 1.0' in client.get("/metrics").text


def test_transmitter_that_is_polled_may_not_push(
    installation: Installation, signer: Signer
) -> None:
    polled = signer.transmitter(
        delivery="poll", endpoint="http://127.0.0.1:9/poll", token_file=str(signer.jwks)
    )
    with receiving(installation, polled) as client:
        assert push(client, signer.token()).json()["err"] == "access_denied"


def test_nothing_is_accepted_unless_a_transmitter_is_trusted(
    installation: Installation, signer: Signer
) -> None:
    with receiving(installation) as client:
        assert push(client, signer.token()).status_code == 404


def test_missing_key_set_is_a_reason_to_send_again(
    installation: Installation, signer: Signer, tmp_path: Path
) -> None:
    with receiving(installation, signer.transmitter(jwks=str(tmp_path / "no.json"))) as client:
        answer = push(client, signer.token())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
