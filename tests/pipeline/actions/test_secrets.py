"""Credentials in texts: what is recognised, what is not, and what it costs."""

from __future__ import annotations

import base64
import importlib
import json
import random
import re
import string
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ConfigError
from pipeline.actions.secrets import MAX_CHARACTERS, credentials_in, kinds_of, load, normal_form
from pipeline.assembling.secrets.hiding import NAMED

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {rule.kind for rule in load() if rule.check != "mark"}
LETTERS = string.ascii_letters + string.digits


def drawn(length: int, letters: str = LETTERS) -> str:
    """Give a made-up token that has a letter and a digit."""
    draw = random.Random(length)  # noqa: S311 - no secret
    return "a1" + "".join(draw.choice(letters) for _ in range(length - 2))


def segment(value: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


JWT = f"{segment({'alg': 'HS256', 'typ': 'JWT'})}.{segment({'sub': 'ana'})}.{drawn(43)}"
# Tokens are put together here, so that no scanner takes this file for a leak.
CREDENTIALS = {
    "private_key": [
        "-----BEGIN " + "RSA PRIVATE KEY-----\nMII",
        "-----BEGIN " + "PRIVATE KEY-----",
        "-----BEGIN " + "OPENSSH PRIVATE KEY-----",
        "AGE-SECRET-" + "KEY-1" + "Q" * 58,
    ],
    "aws_key": ["AK" + "IA" + "Q" * 15 + "7", f'aws_secret_access_key = "{drawn(40)}"'],
    "azure_key": ["AccountName=a;AccountKey=" + drawn(86) + "=="],
    "google_key": ["AI" + "za" + drawn(35)],
    "github_token": ["gh" + "p_" + drawn(36), "github" + "_pat_" + drawn(70)],
    "gitlab_token": ["gl" + "pat-" + drawn(20)],
    "slack_token": [
        "xo" + "xb-123456789012-123456789012-" + drawn(24),
        "https://hooks.slack.com/services/T00000000/B00000000/" + drawn(24),
    ],
    "bot_token": [
        "M" + "TA" + drawn(22) + "." + drawn(6) + "." + drawn(27),
        "123456789:" + "AA" + drawn(33),
    ],
    "registry_token": ["np" + "m_" + drawn(36), "py" + "pi-AgEIcHlwaS5vcmc" + drawn(80)],
    "api_key": [
        "sk-" + "ant-api03-" + drawn(60),
        "sk-" + "proj-" + drawn(60),
        "sk_" + "live_" + drawn(24),
        "SG." + drawn(22) + "." + drawn(43),
        "hf" + "_" + drawn(34),
        f"API_KEY={drawn(32)}",
        f'"client_secret": "{drawn(24)}"',
        f"GITHUB_TOKEN={drawn(20)}",
        f"twilio SK{drawn(32, 'abcdef0123456789')}",
        drawn(32, "abcdef0123456789") + "-us7",
    ],
    "jwt": [JWT, f"curl -H 'Authorization: Bearer {JWT}' https://example.com"],
    "password_in_url": ["postgres://app:hunter2x@db.example.com/shop"],
    "bearer_token": [
        f"Authorization: Bearer {drawn(40)}",
        f"-H 'authorization: bearer {drawn(40)}'",
    ],
    "password": [
        "Authorization: Basic YW5hOmh1bnRlcjI=",
        "PGPASSWORD=hunter2hunter psql",
        'password: "hunter2x"',
        "sshpass -p hunter2 ssh a",
        "curl -u ana:hunter2 https://example.com",
        "machine db.example.com login app password hunter2",
        "machine db.example.com\n  login app\n\taccount a\n  password hunter",
        "machine db.example.com password hunter2 login app",
        "default login app password hunter2",
        "db.example.com:5432:shop:app:hunter2",
        "*:*:*:app:hun\\:ter2",
    ],
}
HARMLESS = [
    "9b2c1f7e-3d4a-4c55-8f19-0a6f4d1c2b3e",
    "d3486ae9136e7856bc42212385ea797094475802",
    "sha256:" + "0a" * 32,
    "commit 8f3c2d1 (HEAD -> main)",
    "data:image/png;base64," + base64.b64encode(bytes(range(256)) * 20).decode(),
    base64.b64encode(b'{"a": 1, "b": [1, 2, 3]}' * 30).decode(),
    "eyJhIjoxfQ",
    "https://example.com/a@b:c",
    "https://user@example.com/a",
    "https://example.com:8443/a@b",
    "git@git.example.com:team/app.git",
    "ssh://git@git.example.com:22/app.git",
    "postgres://app:$PASSWORD@db.example.com/shop",
    "postgres://app:${DB_PASSWORD}@db.example.com/shop",
    "https://user:password@example.com".replace("password", "<password>"),
    "password: required",
    "password = get_password()",
    "export API_KEY=$OTHER_KEY",
    "token = tokenizer.encode(text)",
    "api_key=os.environ['API_KEY']",
    "api_key: your-api-key-here-000",
    "Authorization: Bearer $TOKEN",
    "Authorization: Bearer YOUR_TOKEN_HERE_PLEASE_1",
    "sk-learn-is-a-library-and-no-credential",
    "task-force-1234567890abcdefghij",
    "the secret of 1 good password is its length",
    "/usr/lib/python3/dist-packages/certifi/cacert.pem",
    "a" * 5_000,
    "lorem ipsum " * 500,
    "machine learning login page, password reset",
    "the default password is on the machine label",
    "Enter the machine admin password now",
    "machine {host} login {user} password {password}",
    "docker run -p 127.0.0.1:5432:5432 postgres:16",
    "compose.yml:12:image:postgres:16-alpine",
    "src/app.py:5432:5:E501:too-long",
    "2026-10-05T08:00:00:12:30 db:5432: connection refused",
    "00:1b:44:11:3a:b7 fe80:5432:1:2:abcd:3:4:5",
]


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in CREDENTIALS.items() for text in texts]
)
def test_credential_is_recognised_alone_and_within_a_text(kind: str, text: str) -> None:
    assert kind in kinds_of(text)
    assert kind in kinds_of(f"first line\n{text}\nlast line")


def test_every_kind_has_an_example() -> None:
    assert set(CREDENTIALS) == KINDS - {NAMED}


@pytest.mark.parametrize("text", HARMLESS, ids=lambda text: str(text)[:30])
def test_harmless_text_has_no_credential(text: str) -> None:
    assert kinds_of(text) == []


def test_result_has_kinds_and_no_value() -> None:
    text = " ".join(one for texts in CREDENTIALS.values() for one in texts)
    assert set(kinds_of(text)) <= KINDS
    assert len(kinds_of(text)) == len(set(kinds_of(text)))


LIBRARY = {
    "aws.AWSKeyDetector": "aws_key",
    "github_token.GitHubTokenDetector": "github_token",
    "gitlab_token.GitLabTokenDetector": "gitlab_token",
    "private_key.PrivateKeyDetector": "private_key",
    "pypi_token.PypiTokenDetector": "registry_token",
    "sendgrid.SendGridDetector": "api_key",
    "stripe.StripeDetector": "api_key",
    "openai.OpenAIDetector": "api_key",
    "azure_storage_key.AzureStorageKeyDetector": "azure_key",
    "square_oauth.SquareOAuthDetector": "api_key",
}
SHORTENED = {r"aws.{0,20}?", r"BEGIN SSH2 ENCRYPTED", r"BEGIN PGP PRIVATE KEY BLOCK"}


@pytest.mark.parametrize("name", LIBRARY)
def test_tokens_of_detect_secrets_are_recognised(name: str) -> None:
    """Draw tokens by the patterns of the library, where it is installed."""
    pytest.importorskip("detect_secrets", reason="detect-secrets is not installed")
    module, _, detector = name.partition(".")
    library = importlib.import_module(f"detect_secrets.plugins.{module}")
    for pattern in getattr(library, detector)().denylist:
        if any(pattern.pattern.startswith(one) for one in SHORTENED):
            continue
        check_pattern(
            re.compile(pattern.pattern, (pattern.flags & ~re.UNICODE) | re.ASCII), LIBRARY[name]
        )


def check_pattern(pattern: re.Pattern[str], kind: str) -> None:
    @settings(max_examples=20, deadline=None, database=None)
    @given(st.from_regex(pattern, fullmatch=True))
    def check(token: str) -> None:
        is_token = re.search(r"\d", token) and normal_form(token) == token  # no escaped space
        assert kind in kinds_of(f"token {token} end") or not is_token

    check()


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ",
        "eyJa.",
        "://a:",
        "aws key ",
        "bearer ",
        "password=",
        "curl -u a",
        "AKIA",
        "sk-",
        "api_key=",
        "BEGIN A ",
        "xoxb-1-1-",
        "authorization: basic ",
        ":AA1",
        "MTA.",
        "password:    ",
        "machine a login b ",
        "machine a login a account b ",
        "a:5432:b:c:dddd:",
        "\\\\",
        "\\\\n",
    ],
)
def test_hostile_text_takes_a_bounded_time(piece: str) -> None:
    kinds_of("warm up")
    text = (piece * MAX_CHARACTERS)[:MAX_CHARACTERS] + "@"
    start = time.process_time()
    kinds_of(text)
    assert time.process_time() - start < 1


@given(st.text())
def test_any_text_is_searched(text: str) -> None:
    assert set(kinds_of(text)) <= KINDS


def test_invalid_rule_is_a_configuration_error(tmp_path: Path) -> None:
    path = tmp_path / "secrets.toml"
    path.write_text('[[rule]]\nkind = "a"\nwords = ["a"]\npattern = "("\n')
    with pytest.raises(ConfigError, match="cannot be read"):
        load(path)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('{"password": "Tr0ub4dor&3xyz"}', "Tr0ub4dor&3xyz"),
        (r"{\"password\": \"Tr0ub4dor&3xyz\"}", "Tr0ub4dor&3xyz"),
        ('password="Abc$def#ghi!123"', "Abc$def#ghi!123"),
        ("passwd='pa;ss,word9Z'", "pa;ss,word9Z"),
        ('password: "Hunter2(2024)!"', "Hunter2(2024)!"),
        ("password=Tr0ub4dor3&user=ana", "Tr0ub4dor3"),
        ("password=$DB_PASSWORD1", None),
        ('password="${DB_PASSWORD1}"', None),
        (r'{"env": "A=1\nPASSWORD=Tr0ub4dor3\nB=2"}', "Tr0ub4dor3"),
        (r'{"env": "A=1\\nPASSWORD=Tr0ub4dor3\\nB=2"}', "Tr0ub4dor3"),
        ("*:*:*:app:Tr0ub4dor3", "Tr0ub4dor3"),
        (r"*:*:*:app:Tr0\:ub4dor3", r"Tr0\:ub4dor3"),
        ("machine a login b password 'Tr0ub4dor3'", "Tr0ub4dor3"),
        ('"password": "Must be at least 8 characters"', None),
    ],
)
def test_password_in_quotes_may_have_any_character(text: str, secret: str | None) -> None:
    assert [text[one.start : one.end] for one in credentials_in(text)] == [secret] * bool(secret)
