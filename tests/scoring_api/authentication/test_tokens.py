"""Bearer tokens: only what the configured issuer signed, for us, now, with a pinned algorithm."""

from __future__ import annotations

import asyncio
import base64
import hmac
import http.server
import json
import threading
import time

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from models.errors import ConfigError
from scoring_api.authentication.authenticator import Authenticator
from scoring_api.authentication.tokens import principal_of
from scoring_api.config import ApiConfig
from scoring_api.problems import ProblemError

ISSUER, AUDIENCE = "https://issuer.example.com", "habitus"
TRUST = "/v1/agents/a/trust"


@pytest.fixture(scope="module")
def signing():
    return RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})


@pytest.fixture(scope="module")
def other():
    return RSAKey.generate_key(2048, {"kid": "k1"})


@pytest.fixture(scope="module")
def key_set(tmp_path_factory, signing):
    path = tmp_path_factory.mktemp("keys") / "jwks.json"
    path.write_text(json.dumps({"keys": [signing.as_dict(private=False)]}))
    return str(path)


def claims(**more):
    now = int(time.time())
    given = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "gateway",
        "exp": now + 300,
        "scope": "trust:read",
        **more,
    }
    return {name: value for name, value in given.items() if value is not None}


def part(content):
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def token(key, alg="RS256", kid="k1", **more):
    return jwt.encode({"alg": alg, "kid": kid}, claims(**more), key, algorithms=[alg])


@pytest.fixture(scope="module")
def asked(module_installation, key_set):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "scoring_api.authentication.refusals.BURST", 10_000
        )  # so many are refused here
        with module_installation.client(jwks=key_set, issuer=ISSUER, audience=AUDIENCE) as client:

            def ask(bearer, path=TRUST):
                value = bearer if isinstance(bearer, bytes) else bearer.encode()
                return client.get(path, headers={b"Authorization": b"Bearer " + value})

            yield ask


def test_valid_token_is_accepted_repeatedly(asked, signing):
    good = token(signing)
    assert [asked(good).status_code for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize(
    "more",
    [
        {"aud": "someone-else"},
        {"aud": None},
        {"aud": []},
        {"iss": "https://other.example.com"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"nbf": 32503680000},
        {"nbf": "later"},
    ],
)
def test_a_token_with_other_claims_is_refused(asked, signing, more):
    response = asked(token(signing, **more))
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["www-authenticate"]
    assert response.headers["content-type"] == "application/problem+json"


def test_expiry_and_start_have_a_minute_of_leeway(asked, signing):
    now = int(time.time())
    assert asked(token(signing, exp=now - 30)).status_code == 200
    assert asked(token(signing, exp=now - 90)).status_code == 401
    assert asked(token(signing, nbf=now + 30)).status_code == 200
    assert asked(token(signing, nbf=now + 90)).status_code == 401


def test_an_audience_list_that_names_us_is_enough(asked, signing):
    assert asked(token(signing, aud=["other", AUDIENCE])).status_code == 200


def test_scopes_come_as_a_string_or_a_list(asked, signing):
    assert asked(token(signing, scope=["trust:read"])).status_code == 200
    assert asked(token(signing, scope=None, scp=["trust:read"])).status_code == 200
    lacking = asked(token(signing, scope="anomaly:read"))
    assert lacking.status_code == 403
    assert 'error="insufficient_scope"' in lacking.headers["www-authenticate"]
    assert 'scope="trust:read"' in lacking.headers["www-authenticate"]
    assert asked(token(signing, scope="admin")).status_code == 200


def test_another_key_with_the_same_id_is_refused(asked, other):
    assert asked(token(other)).status_code == 401


def test_an_unknown_key_id_is_refused(asked, signing):
    assert asked(token(signing, kid="k2")).status_code == 401


def test_algorithms_that_are_not_pinned_are_refused(asked, signing):
    assert asked(token(signing, alg="RS512")).status_code == 401
    # The old confusion: the public key, which anyone may read, taken as a shared secret.
    signed = f"{part({'alg': 'HS256', 'kid': 'k1'})}.{part(claims())}"
    digest = hmac.digest(signing.as_pem(private=False), signed.encode(), "sha256")
    forged = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert asked(f"{signed}.{forged}").status_code == 401


def test_a_token_without_a_signature_is_refused(asked):
    for algorithm in ("none", "None", "NONE", ""):
        unsigned = f"{part({'alg': algorithm, 'kid': 'k1'})}.{part(claims())}."
        assert asked(unsigned).status_code == 401


@pytest.mark.parametrize(
    ("noise", "status"),
    [
        *((noise, 401) for noise in (b"x", b"a.b.c", b"..", b"hbt_x", "é".encode())),
        (b"a" * 16_000, 401),
        (b"a" * 20_000, 431),
    ],
)
def test_noise_is_refused_and_not_repeated(asked, noise, status):
    response = asked(noise)
    assert response.status_code == status
    assert len(noise) < 4 or noise not in response.content


def test_a_token_that_was_cut_or_changed_is_refused(asked, signing):
    good = token(signing)
    head, body, signature = good.split(".")
    changed = base64.urlsafe_b64encode(json.dumps(claims(scope="admin")).encode()).decode()
    assert asked(f"{head}.{changed.rstrip('=')}.{signature}").status_code == 401
    assert asked(f"{head}.{body}.{signature[:-8]}").status_code == 401
    assert asked(f"{head}.{body}.").status_code == 401


def test_answer_without_a_credential_names_the_required_kind(installation, key_set):
    with installation.client(jwks=key_set, issuer=ISSUER, audience=AUDIENCE) as client:
        response = client.get(TRUST)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="habitus"'


def test_a_verified_token_is_not_remembered_past_its_end(key_set):
    config = ApiConfig(jwks=key_set, issuer=ISSUER, audience=AUDIENCE)
    end = int(time.time()) - 59
    _, until = principal_of(claims(exp=end), config, int(time.time() * 1e6))
    assert until == (end + 60) * 1_000_000


class Keys(http.server.BaseHTTPRequestHandler):
    served: bytes = b"{}"
    asked = 0

    def do_GET(self):
        type(self).asked += 1
        self.send_response(200 if self.served else 500)
        self.end_headers()
        self.wfile.write(self.served)

    def log_message(self, *_):
        pass


@pytest.fixture
def key_server():
    Keys.served, Keys.asked = b"{}", 0
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/jwks"
        server.shutdown()
        thread.join()


async def refused(auth, bearer):
    with pytest.raises(ProblemError) as error:
        await auth.authenticate([(b"authorization", b"Bearer " + bearer.encode())])
    return error.value.status


async def let_in(auth, bearer):
    return await auth.authenticate([(b"authorization", b"bearer " + bearer.encode())])


def test_a_new_key_is_fetched_when_a_token_names_it(key_server, signing, monkeypatch):
    new = ECKey.generate_key("P-256", {"kid": "k2"})
    monkeypatch.setattr("scoring_api.authentication.jwks.COOL_DOWN_US", 0)
    auth = Authenticator(ApiConfig(jwks=key_server, issuer=ISSUER, audience=AUDIENCE))

    async def story():
        Keys.served = json.dumps({"keys": [signing.as_dict(private=False)]}).encode()
        assert (await let_in(auth, token(signing))).subject == "gateway"
        asked = Keys.asked
        await let_in(auth, token(signing, sub="other"))
        assert Keys.asked == asked
        turned = [key.as_dict(private=False) for key in (signing, new)]
        Keys.served = json.dumps({"keys": turned}).encode()
        await let_in(auth, token(new, alg="ES256", kid="k2"))
        assert Keys.asked == asked + 1

    asyncio.run(story())


def test_made_up_key_ids_do_not_make_us_fetch_for_each(key_server, signing):
    auth = Authenticator(ApiConfig(jwks=key_server, issuer=ISSUER, audience=AUDIENCE))

    async def story():
        Keys.served = json.dumps({"keys": [signing.as_dict(private=False)]}).encode()
        for number in range(5):
            assert await refused(auth, token(signing, kid=f"made-up-{number}")) == 401
        assert Keys.asked == 1

    asyncio.run(story())


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"jwks": "keys.json"}, "issuer must be set"),
        ({"jwks": "keys.json", "issuer": "i"}, "audience must be set"),
        ({"algorithms": ("HS256",)}, "unknown algorithm 'HS256'"),
        ({"algorithms": ("none",)}, "unknown algorithm 'none'"),
        ({"algorithms": ()}, "at least one"),
    ],
)
def test_a_configuration_that_could_let_anyone_in_is_refused(config, fault):
    given = {"jwks": "keys.json", "issuer": "i", "audience": "a", **config}
    if "issuer" in fault or "audience" in fault:
        given = config
    with pytest.raises(ConfigError, match=fault):
        ApiConfig(**given).validate()


def test_a_key_set_is_not_fetched_in_the_clear_from_afar():
    with pytest.raises(ConfigError, match="https"):
        Authenticator(ApiConfig(jwks="http://keys.example.com/jwks", issuer="i", audience="a"))
