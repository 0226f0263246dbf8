"""Verify a security event token (RFC 8417, RFC 8935): type, key, issuer, audience, age."""

from __future__ import annotations

import math
from typing import Any, Literal

import msgspec
from joserfc import jws
from joserfc.errors import JoseError

from models.units import HOUR_US, SECOND_US
from pipeline.signals.transmitters import Transmitter
from scoring_api.authentication.jwks import KeySource
from scoring_api.clock import wall_us

Err = Literal[
    "invalid_request", "invalid_key", "invalid_issuer", "invalid_audience",
    "authentication_failed", "access_denied",
]  # fmt: skip
MAX_TOKEN = 64 * 1024
LEEWAY_US = 60 * SECOND_US
MAX_JTI = 256
MAX_EVENTS = 8
MAX_DEPTH = 32
_TYPES = ("secevent+jwt", "application/secevent+jwt")


class SetError(Exception):
    """A token that is refused.

    Parameters
    ----------
    err
        Error code of RFC 8935, section 2.4.
    description
        What is wrong, without any value of the token.

    Examples
    --------
    >>> SetError("invalid_issuer", "no trusted transmitter has this issuer").body
    {'err': 'invalid_issuer', 'description': 'no trusted transmitter has this issuer'}
    """

    def __init__(self, err: Err, description: str) -> None:
        super().__init__(f"{err}: {description}")
        self.err: Err = err
        self.body = {"err": err, "description": description}


class KeysUnavailable(Exception):
    """The key set of the transmitter cannot be used now; the token may be sent again."""


class Verified(msgspec.Struct, frozen=True):
    """A verified token.

    Attributes
    ----------
    jti
        Its id, unique for its issuer.
    kinds
        Types of its events.
    payload
        Its claims, as they were signed.
    """

    jti: str
    kinds: tuple[str, ...]
    payload: bytes


class Verifier:
    """Verifies the tokens of one transmitter.

    Parameters
    ----------
    transmitter
        Whose tokens are accepted.
    """

    def __init__(self, transmitter: Transmitter) -> None:
        self.transmitter = transmitter
        self.keys = KeySource(transmitter.jwks)

    async def verify(self, signed: jws.CompactSignature, token: bytes) -> Verified:
        """Verify a token of this issuer.

        Raises
        ------
        SetError
            The token is refused.
        KeysUnavailable
            No key is known now.
        """
        one, header = self.transmitter, signed.headers()
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in one.algorithms:
            raise SetError("invalid_key", "the algorithm is not one of those pinned")
        key = await self.keys.find(kid if isinstance(kid, str) else None)
        if not self.keys.usable:
            raise KeysUnavailable
        if key is None:
            raise SetError("invalid_key", "the key is not in the key set of the transmitter")
        try:
            payload = jws.deserialize_compact(token, key, algorithms=[str(algorithm)]).payload
        except (JoseError, ValueError):
            raise SetError("authentication_failed", "the signature is invalid") from None
        return _checked(claims_of(payload), one, payload, wall_us())


def parsed(token: bytes) -> jws.CompactSignature:
    """Read a token without verifying it; raise `SetError` for anything but a signed one."""
    if len(token) > MAX_TOKEN:
        raise SetError("invalid_request", f"a token has at most {MAX_TOKEN} bytes")
    try:
        signed = jws.extract_compact(token)
        kind = signed.headers().get("typ")
    except (JoseError, ValueError, RecursionError):
        raise SetError("invalid_request", "the body is no signed token") from None
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise SetError("invalid_request", "typ must be secevent+jwt")
    return signed


def claims_of(payload: bytes) -> dict[str, Any]:
    """Decode claims; raise `SetError` for anything but a flat object.

    >>> claims_of(b'{"iss":"a"}')
    {'iss': 'a'}
    """
    try:
        claims = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        claims = None
    if not isinstance(claims, dict) or payload.count(b"{") + payload.count(b"[") > MAX_TOKEN // 64:
        raise SetError("invalid_request", "the claims are no JSON object, or too nested")
    return claims


def issuer_of(signed: jws.CompactSignature) -> str:
    """Give the issuer that a token names, not verified yet."""
    issuer = claims_of(signed.payload).get("iss")
    return issuer if isinstance(issuer, str) else ""


def _checked(claims: dict[str, Any], one: Transmitter, payload: bytes, now_us: int) -> Verified:
    if claims.get("iss") != one.issuer:
        raise SetError("invalid_issuer", "iss is not that of the transmitter")
    audience = claims.get("aud")
    if one.audience not in (audience if isinstance(audience, list) else [audience]):
        raise SetError("invalid_audience", "aud does not contain the audience of this receiver")
    issued_us = _time_us(claims, "iat")
    if issued_us is None:
        raise SetError("invalid_request", "iat is missing")
    if issued_us > now_us + LEEWAY_US:
        raise SetError("invalid_request", "iat is in the future")
    if issued_us < now_us - int(one.max_age_h * HOUR_US):
        raise SetError("invalid_request", "iat is too long ago")
    expires_us = _time_us(claims, "exp")
    if expires_us is not None and expires_us + LEEWAY_US <= now_us:
        raise SetError("invalid_request", "the token has expired")
    jti, events = claims.get("jti"), claims.get("events")
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI:
        raise SetError("invalid_request", f"jti must be a text of at most {MAX_JTI} characters")
    return Verified(jti, _kinds(events), payload)


def _kinds(events: Any) -> tuple[str, ...]:
    fits = isinstance(events, dict) and 0 < len(events) <= MAX_EVENTS
    if not fits or not all(isinstance(one, dict) for one in events.values()):
        raise SetError("invalid_request", f"events must be an object of 1 to {MAX_EVENTS} objects")
    return tuple(events)


def _time_us(claims: dict[str, Any], name: str) -> int | None:
    value = claims.get(name)
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or abs(value) > 1e12:
        raise SetError("invalid_request", f"{name} must be a number of seconds")
    return int(value * SECOND_US)
