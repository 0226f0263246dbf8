"""Make members of an event fit the native format: lengths, counts, types, no secrets."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from models.event import rfc3339
from pipeline.formats.bounds import cut, fit
from pipeline.formats.members import number, time_us
from pipeline.formats.part import Part
from pipeline.formats.secrets import without_secrets

SECOND_US = 1_000_000
LATEST_US = 253_402_300_799 * SECOND_US
"""End of the year 9999."""
MAX_DELEGATION = 16
MAX_SCOPES = 64
_LENGTHS = {
    ("resource", "id"): 2048,
    ("network", "destination"): 2048,
    ("credential", "purpose"): 2000,
}
_WORD = 256
_TEXTS = {"session": 256, "task": 256, "trace_id": 256, "purpose": 2000, "tool": 256}
_NEED_AN_ID = {"human", "resource", "credential"}
_EMPTY = frozenset((str, list, dict))
"""Types whose empty value says nothing."""
_COUNTS = {"bytes_in", "bytes_out", "records", "asn"}
_MOST = (1 << 63) - 1
_LONGEST_ADDRESS = 256
_PORT = re.compile(r"(?P<host>.*):\d+")


def bounded(event: dict[str, Any]) -> dict[str, Any]:
    """Leave out empty members, and cut those that are too long.

    >>> bounded({"agent": {"id": "a", "model": None}, "human": {"id": ""}, "tool": "t"})
    {'agent': {'id': 'a'}, 'tool': 't'}
    """
    found: dict[str, Any] = {}
    for key, value in event.items():
        if key == "attributes":
            one: Any = _free(value)
        elif key == "arguments":  # the assembler bounds them, when it has found their secrets
            one = _present(value)
        elif isinstance(value, dict):
            one = _nested(key, value)
        elif key == "delegation":
            one = _texts(value, MAX_DELEGATION)
        elif key in _TEXTS:
            one = cut(without_secrets(value), _TEXTS[key]) if isinstance(value, str) else None
        else:
            one = value
        if one or (one is not None and type(one) not in _EMPTY):
            found[key] = one
    return found


def whole(call: str, at_us: int, event: dict[str, Any]) -> Part:
    """Give the part of a whole event.

    >>> whole("c-1", 5, {"agent": {"id": "a"}, "tool": "t", "session": None}).event
    {'agent': {'id': 'a'}, 'tool': 't'}
    """
    return Part(kind="event", call=without_secrets(call), time_us=at_us, event=bounded(event))


def result_of(session: str, call: str, at_us: int, event: dict[str, Any], said: str | None) -> Part:
    """Give the second half of a call with its content.

    >>> result_of("s", "c", 5, {"outcome": "ok"}, "Bearer abcdefgh1").size
    16
    """
    size = None if said is None else len(said.encode("utf-8", "replace"))
    return Part(
        kind="result", session=session, call=call, time_us=at_us, event=bounded(event),
        text=said, size=size,
    )  # fmt: skip


def ip_of(value: Any) -> str | None:
    """Give an address, which may have a port; None for a name.

    >>> ip_of("[::1]:59257"), ip_of("192.0.2.1:80"), ip_of("::ffff:192.0.2.1")
    ('::1', '192.0.2.1', '192.0.2.1')
    >>> ip_of("AWS Internal") is None
    True
    """
    if not isinstance(value, str) or len(value) > _LONGEST_ADDRESS:
        return None
    for text in (value, _PORT.sub(r"\g<host>", value)):
        try:
            address = ipaddress.ip_address(text.strip("[]"))
        except ValueError:
            continue
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return str(mapped or address)
    return None


def instant_us(value: Any, unit_us: int = SECOND_US) -> int:
    """Give the microseconds since 1970 of an RFC 3339 text, or of a number of units; 0 for none.

    >>> instant_us("1970-01-01T00:00:01Z"), instant_us(1.5), instant_us("2", 1000)
    (1000000, 1500000, 2000)
    """
    amount = number(value)
    if amount is None:
        return time_us(value)
    return int(amount * unit_us) if amount * unit_us <= LATEST_US else 0


def instant_text(us: int) -> str | None:
    """Write a time as RFC 3339; None for 0."""
    return rfc3339(us) if 0 < us <= LATEST_US else None


def _free(value: Any) -> dict[str, Any] | None:
    kept = _present(value)
    return None if kept is None else fit(without_secrets(kept))


def _present(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    return {key: one for key, one in value.items() if one is not None}


def _nested(key: str, value: dict[str, Any]) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for name, one in value.items():
        if name == "scopes":
            one = _texts(one, MAX_SCOPES)
        elif name in _COUNTS:
            one = one if isinstance(one, int) and 0 <= one <= _MOST else None
        elif name == "country":
            one = one if isinstance(one, str) and len(one) == len("DE") else None
        elif isinstance(one, str):
            one = cut(without_secrets(one), _LENGTHS.get((key, name), _WORD))
        else:
            one = None
        if one or (one is not None and type(one) not in _EMPTY):
            found[name] = one
    return None if key in _NEED_AN_ID and "id" not in found else found


def _texts(value: Any, most: int) -> list[str]:
    if not isinstance(value, list):
        return []
    return [cut(without_secrets(one), _WORD) for one in value if isinstance(one, str) and one][
        :most
    ]
