"""Cursors of paged lists: opaque to the caller, validated on return."""

from __future__ import annotations

import base64
import binascii
from typing import TypeVar

import msgspec

from scoring_api.problems import ProblemError

T = TypeVar("T")


def give(key: object) -> str:
    """Encode the key of the last row as a cursor.

    >>> take(give((48, "agent-1")), tuple[int, str])
    (48, 'agent-1')
    """
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def take(cursor: str, kind: type[T]) -> T:
    """Decode a cursor; raise a 400 `ProblemError` for an invalid one."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return msgspec.json.decode(
            base64.b64decode(padded, altchars=b"-_", validate=True), type=kind
        )
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise ProblemError(400, "cursor must come from an answer of this route") from None
