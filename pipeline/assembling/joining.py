"""Join what several parts say of one event."""

from __future__ import annotations

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
_OF_ONE_AGENT = ("instance", "model", "version")


_GRAVITY = {"ok": 1, "error": 2, "denied": 3}


def gravest(one: str | None, other: str | None) -> str | None:
    """Give the graver of two outcomes, of which ``denied`` is the gravest; the first of equals.

    >>> gravest("ok", "denied"), gravest(None, "error"), gravest(None, None)
    ('denied', 'error', None)
    """
    return other if _GRAVITY.get(other or "", 0) > _GRAVITY.get(one or "", 0) else one


def copied(event: dict[str, Any]) -> dict[str, Any]:
    """Give an event with objects of its own, to which more can be added; None is left out."""
    return {
        key: value.copy() if isinstance(value, dict) else value
        for key, value in event.items()
        if value is not None
    }


def fill(into: dict[str, Any], more: dict[str, Any]) -> None:
    """Add what a span inside a call says; what the call says by itself counts."""
    outer = joined({key: value for key, value in more.items() if key != "id"}, into)
    into.clear()
    into.update(outer)


def join(into: dict[str, Any], more: dict[str, Any]) -> None:
    """Add members to an event in place, those of nested objects one by one; None adds nothing."""
    for key, value in more.items():
        if value is None:
            continue
        if not isinstance(value, dict):
            into[key] = value
            continue
        known = into.get(key)
        if key == "arguments":
            if not isinstance(known, dict) or _is_longer(value, known):
                into[key] = value
        elif isinstance(known, dict):
            if key == "agent" and None not in (value.get("id"), known.get("id")):
                _leave_out_others(known, value["id"])
            join(known, value)
        else:
            into[key] = {name: one for name, one in value.items() if one is not None}


def _is_longer(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one is not other and len(_encode(one)) > len(_encode(other))


def _leave_out_others(agent: dict[str, Any], name: str) -> None:
    """Leave out what holds for another agent only, before a new one takes its place."""
    if agent["id"] != name:
        for member in _OF_ONE_AGENT:
            agent.pop(member, None)


def joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Give two parts of an event as one; where both have a member, the other one's counts."""
    out = {key: dict(value) if isinstance(value, dict) else value for key, value in one.items()}
    join(out, other)
    return out
