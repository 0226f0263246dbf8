"""Bound the size of free-form objects (arguments, attributes) and keep their leading content."""

from __future__ import annotations

from typing import Any

import msgspec

KEPT_BYTES = 8 << 10
CUT = "…"

_DEEPEST = 12
_MOST_LEVELS = 64
_NESTED = frozenset((dict, list))
_encode = msgspec.json.Encoder().encode


def cut(text: str, length: int) -> str:
    """Shorten text to at most `length` characters; a cut text ends with `CUT`.

    >>> cut("short", 10), cut("rather long", 7)
    ('short', 'rather…')
    """
    return text if len(text) <= length else text[: length - 1] + CUT


def fit(values: dict[str, Any], kept_bytes: int = KEPT_BYTES) -> dict[str, Any]:
    """Make an object fit into `kept_bytes` of JSON.

    Long strings are cut first, in several steps. If that is not enough, the last keys are left out
    and counted under ``"…"``. An object that fits is returned unchanged.

    Parameters
    ----------
    values
        The object; it is not changed.
    kept_bytes
        Largest size of its JSON.

    Returns
    -------
    dict[str, Any]
        The object itself, or a shorter copy.

    Examples
    --------
    >>> fit({"body": "x" * 50, "to": "a@example.com"}, 60)["to"]
    'a@example.com'
    >>> fit({str(n): "wordwordword" for n in range(100)}, 60)
    {'0': 'wordwordword', '1': 'wordwordword', '…': 98}
    """
    if len(_encode(values)) <= kept_bytes:
        return values
    shorter = values
    for length in (1024, 256, 64, 16):
        shorter = {cut(key, 256): _shorten(value, length, 1) for key, value in values.items()}
        if len(_encode(shorter)) <= kept_bytes:
            return shorter
    return _leading(shorter, kept_bytes)


def flat(values: dict[str, Any]) -> dict[str, Any]:
    """Cut what is nested too deeply to be written again; an object that is not is unchanged.

    >>> deep = []
    >>> for _ in range(100):
    ...     deep = [deep]
    >>> flat({"a": [1]}), str(flat({"a": deep})).count("[")
    ({'a': [1]}, 11)
    """
    level = [value for value in values.values() if type(value) in _NESTED]
    for _ in range(_MOST_LEVELS - 1):
        if not level:
            return values
        level = _within(level)
    if not level:
        return values
    return {key: _shorten(value, KEPT_BYTES, 1) for key, value in values.items()}


def _within(level: list[Any]) -> list[Any]:
    """Give the objects and arrays within some."""
    inner = (one.values() if isinstance(one, dict) else one for one in level)
    return [value for one in inner for value in one if type(value) in _NESTED]


def _shorten(value: Any, length: int, depth: int) -> Any:
    if isinstance(value, str):
        return cut(value, length)
    if type(value) not in _NESTED:
        return value
    if depth >= _DEEPEST:
        return CUT
    if isinstance(value, dict):
        return {cut(key, 256): _shorten(part, length, depth + 1) for key, part in value.items()}
    return [_shorten(part, length, depth + 1) for part in value]


def _leading(values: dict[str, Any], kept_bytes: int) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    room = kept_bytes - len(_encode({CUT: len(values)}))
    for key, value in values.items():
        room -= len(_encode({key: value}))
        if room < 0:
            break
        kept[key] = value
    kept[CUT] = len(values) - len(kept)
    return kept
