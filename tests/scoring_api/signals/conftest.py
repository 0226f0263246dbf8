"""A transmitter of security event tokens, with a key of its own."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from pipeline.signals.transmitters import Transmitter

if TYPE_CHECKING:
    from pathlib import Path

ISSUER, AUDIENCE = "https://idp.example.com", "https://habitus.example.com"
REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"


class Signer:
    """Signs tokens as a transmitter does."""

    def __init__(self, folder: Path) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
        self.jwks = folder / "jwks.json"
        self.jwks.write_text(json.dumps({"keys": [self.key.as_dict(private=False)]}))

    def transmitter(self, **more: Any) -> Transmitter:
        given = {"name": "idp", "issuer": ISSUER, "audience": AUDIENCE, "jwks": str(self.jwks)}
        return Transmitter(**(given | more))

    def claims(self, **more: Any) -> dict[str, Any]:
        now = int(time.time())
        given = {
            "iss": ISSUER, "aud": AUDIENCE, "iat": now, "jti": "j-1",
            "sub_id": {"format": "opaque", "id": "mail-bot"},
            "events": {REVOKED: {"event_timestamp": now}}, **more,
        }  # fmt: skip
        return {name: value for name, value in given.items() if value is not None}

    def token(self, header: dict[str, Any] | None = None, key: Any = None, **more: Any) -> str:
        head = {"alg": "RS256", "kid": "k1", "typ": "secevent+jwt"} | (header or {})
        head = {name: value for name, value in head.items() if value is not None}
        payload = json.dumps(self.claims(**more)).encode()
        algorithms = [head["alg"]]
        return jws.serialize_compact(head, payload, key or self.key, algorithms=algorithms)


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(tmp_path_factory.mktemp("transmitter"))
