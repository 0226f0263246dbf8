"""Keep credentials out of events: digests for their ids, and secrets removed from free text."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

_DEEPEST = 12
_HEX_DIGITS = 16
_LONGEST_NAME = 64
_HEX64 = re.compile(r"[0-9a-fA-F]{64}")
_LETTERS = re.compile(r"[^a-z0-9]+")
# Names of members whose value is a secret, without case and separators.
_NAMES = {
    "accesstoken", "apikey", "appsecret", "assertion", "authorization", "authtoken", "bearertoken",
    "clientassertion", "clientsecret", "cookie", "idtoken", "oauthtoken", "passwd", "password",
    "privatekey", "proxyauthorization", "refreshtoken", "samlassertion", "secret",
    "secretaccesskey", "secretbinary", "secretkey", "secretstring", "sessiontoken", "setcookie",
    "subjecttoken", "token", "txntoken", "webidentitytoken", "xapikey",
}  # fmt: skip
_IN_TEXT = re.compile(
    r"\beyJ[\w-]{4,}\.[\w-]+\.[\w-]*"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{12,}\b"
    r"|\b(?:gh[pousr]_|github_pat_|glpat-|glrt-|xox[abpr]-|sk-|rk_live_|sk_live_)[\w-]{10,}"
    r"|(?<=[Bb]earer )[\w.~+/=-]{8,}"
    r"|-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,20}PRIVATE KEY-----)?"
    r"|\b(?P<name>(?:access_|refresh_|id_|auth_|client_)?(?:token|secret)|passw(?:or)?d|api[_-]?key)="
    r"(?P<value>[^\s&\"']{4,})"
)
# Every match of `_IN_TEXT` has one of these, and at least so many characters.
_MARKS = (
    "eyJ", "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-",
    "glrt-", "xox", "sk-", "k_live_", "earer ", "-----BEGIN ", "token=", "secret=", "passw", "key=",
)  # fmt: skip
_SHORTEST = 10


def digest(secret: str) -> str:
    """Give the id of a credential: the start of the SHA-256 of its token, key or ``jti``.

    >>> digest("abc")
    'sha256:ba7816bf8f01cfea'
    """
    return f"sha256:{sha256(secret.encode('utf-8', 'replace')).hexdigest()[:_HEX_DIGITS]}"


def digest_of_hash(value: str) -> str:
    """Give the id of a credential whose emitter logs the SHA-256 of it; digest anything else.

    >>> digest_of_hash("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD")
    'sha256:ba7816bf8f01cfea'
    """
    if _HEX64.fullmatch(value):
        return f"sha256:{value[:_HEX_DIGITS].lower()}"
    return digest(value)


def is_secret_name(key: str) -> bool:
    """Return whether the value of a member of this name is a secret.

    >>> is_secret_name("X-API-Key"), is_secret_name("page_token")
    (True, False)
    """
    return _LETTERS.sub("", key[:_LONGEST_NAME].lower()) in _NAMES


def without_secrets(value: Any, depth: int = 0) -> Any:
    """Replace the secrets in a value by their digests; the value is not changed.

    A secret is a member with the name of one, or a part of a text with the form of one.

    >>> without_secrets({"user": "ines", "Password": "abc", "note": "use AKIAIOSFODNN7EXAMPLE"})
    {'user': 'ines', 'Password': 'sha256:ba7816bf8f01cfea', 'note': 'use sha256:1a5d44a2dca19669'}
    """
    if isinstance(value, str):
        return _hide(value)
    if depth >= _DEEPEST:
        return None if isinstance(value, (dict, list)) else value
    if isinstance(value, list):
        return [without_secrets(one, depth + 1) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        without_secrets(key): digest(one)
        if isinstance(one, str) and one and is_secret_name(key)
        else without_secrets(one, depth + 1)
        for key, one in value.items()
    }


def _hide(text: str) -> str:
    if len(text) >= _SHORTEST:
        for mark in _MARKS:
            if mark in text:
                return _IN_TEXT.sub(_hidden, text)
    return text


def _hidden(found: re.Match[str]) -> str:
    named = found["name"]
    return f"{named}={digest(found['value'])}" if named else digest(found[0])
