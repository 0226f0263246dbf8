"""Who a bearer token names, for questions to the decision point.

The signature is not checked: the server does that, and refuses a call with a token that is not
genuine. The token itself goes nowhere but to the server.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec
from msgspec import Struct

from pipeline.formats.members import inner, text

_PARTS = 3


class Claims(Struct, frozen=True):
    """Claims of a token; empty where it has none."""

    subject: str = ""
    client: str = ""
    audience: str = ""


def claims_of(authorization: str) -> Claims:
    """Read the claims of the header ``Authorization``.

    >>> claims_of("Bearer opaque")
    Claims(subject='', client='', audience='')
    >>> claims_of("Bearer e30.eyJzdWIiOiJhbGljZSIsImNsaWVudF9pZCI6ImJvdCJ9.c2ln")
    Claims(subject='alice', client='bot', audience='')
    """
    scheme, _, token = authorization.partition(" ")
    parts = token.strip().split(".")
    if scheme.lower() != "bearer" or len(parts) != _PARTS:
        return Claims()
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        claims: dict[str, Any] = inner(msgspec.json.decode(base64.urlsafe_b64decode(padded)))
    except (ValueError, RecursionError, binascii.Error, msgspec.MsgspecError):
        return Claims()
    audience = claims.get("aud")
    first = audience[0] if isinstance(audience, list) and audience else audience
    client = text(claims.get("client_id")) or text(claims.get("azp"))
    return Claims(text(claims.get("sub")) or "", client or "", text(first) or "")
