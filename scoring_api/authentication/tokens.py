"""The claims of a verified bearer token."""

from __future__ import annotations

import json
import math
from typing import Any

from models.units import SECOND_US
from pipeline.credentials.agent_patterns import Binding
from pipeline.credentials.entries import Credentials
from scoring_api.authentication.principal import Principal, Refused
from scoring_api.config import ApiConfig

LEEWAY_S = 60
AGENTS_CLAIM = "habitus_agents"


def principal_of(
    claims: dict[str, Any],
    config: ApiConfig,
    now_us: int,
    credentials: Credentials | None = None,
) -> tuple[Principal, int]:
    """Check the claims of a verified token.

    Parameters
    ----------
    credentials
        The credential file, whose entries limit the agents that a subject may report.

    Returns
    -------
    tuple
        The caller, and the time (microseconds) until which it may be cached.

    Raises
    ------
    Refused
        Issuer, audience or times do not match; ``exp`` is required.
    """
    now = now_us / SECOND_US
    audience = claims.get("aud")
    if claims.get("iss") != config.issuer:
        raise Refused("token_issuer", "iss is not the configured issuer")
    if config.audience not in (audience if isinstance(audience, list) else [audience]):
        raise Refused("token_audience", "aud does not contain the configured audience")
    expires, starts = _number(claims, "exp"), _number(claims, "nbf")
    if expires is None:
        raise Refused("token_claims", "exp is missing")
    if expires + LEEWAY_S <= now:
        raise Refused("token_expired", "it has expired")
    if starts is not None and starts - LEEWAY_S > now:
        raise Refused("token_claims", "it is not valid yet")
    scope = claims.get("scope", claims.get("scp", ""))
    scopes = scope.split() if isinstance(scope, str) else scope if isinstance(scope, list) else []
    subject = claims.get("sub")
    named = subject if isinstance(subject, str) else ""
    bindings, until = [_claimed(claims)], int((expires + LEEWAY_S) * SECOND_US)
    if credentials is not None:
        for entry in credentials.of_subject(named):
            if ended := entry.ended(now_us):
                raise Refused(f"token_{ended}", f"its subject was {ended}", {"key_id": entry.id})
            until = min([until, *entry.ends_us()])
        bindings.append(credentials.binding_of(named))
    principal = Principal(
        named or "unknown",
        frozenset(s for s in scopes if isinstance(s, str)),
        tuple(binding for binding in bindings if binding is not None),
    )
    return principal, until


def names_of(header: dict[str, Any], payload: bytes) -> dict[str, str]:
    """Give the unverified names in a token, for the log.

    >>> names_of({"kid": "k1"}, b'{"sub":"gateway","iss":5}')
    {'token_kid': 'k1', 'token_sub': 'gateway'}
    """
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError):
        claims = None
    given = {
        "token_kid": header.get("kid"),
        "token_sub": claims.get("sub") if isinstance(claims, dict) else None,
    }
    return {name: value for name, value in given.items() if isinstance(value, str)}


def _claimed(claims: dict[str, Any]) -> Binding | None:
    """Give the agents that the issuer allows the token to report; None without the claim."""
    texts = claims.get(AGENTS_CLAIM)
    if texts is None:
        return None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Refused("token_claims", f"{AGENTS_CLAIM} must be a list of agent patterns")
    try:
        return Binding.of(texts)
    except ValueError:
        raise Refused("token_claims", f"{AGENTS_CLAIM} must hold agent patterns alone") from None


def _number(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refused("token_claims", f"{name} must be a number")
    return value
