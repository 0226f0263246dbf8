"""Translate a decoder's error to a rejection reason and a message without content."""

from __future__ import annotations

import re

import msgspec

from models.errors import MalformedEvent

_WHERE = re.compile(r" - at `(?P<path>[^`]*)`$|(?: - at `key` in `(?P<key>[^`]*)`)$")
_ENUM = re.compile(r"^Invalid enum value .*", re.DOTALL)

REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# The first pattern that matches the decoder's message decides.
_REASONS = (
    (re.compile(r"missing required field"), "missing_key"),
    (re.compile(r"of length <= "), "too_long"),
    (re.compile(r", got `|of length 2\b"), "wrong_type"),
)


def malformed(error: Exception, value: bytes = b"") -> MalformedEvent:
    """Give the reason why a decoder refused a record.

    Parameters
    ----------
    error
        Error raised by ``msgspec``: one of `REFUSALS`.
    value
        The record. It distinguishes bytes that are not text from text that is not JSON.

    Returns
    -------
    MalformedEvent
        Contains the reason, the path (``$.agent.id``) and the expected type, never the value.

    Examples
    --------
    >>> try:
    ...     msgspec.json.decode(b'{"n":"five"}', type=dict[str, int])
    ... except msgspec.DecodeError as error:
    ...     print(malformed(error))
    wrong_type: expected `int`, got `str` at $[...]
    """
    if isinstance(error, UnicodeDecodeError):
        return MalformedEvent("not_utf8", f"text is not UTF-8: {error.reason}")
    if isinstance(error, RecursionError):
        return MalformedEvent("malformed_json", "values are nested too deeply")
    if not isinstance(error, msgspec.ValidationError):
        return _not_json(str(error), value)
    message = str(error)
    where = _WHERE.search(message)
    what = _WHERE.sub("", message)
    path = (where["path"] or f"a key of {where['key']}") if where else "$"
    reason = next((word for pattern, word in _REASONS if pattern.search(what)), "bad_value")
    what = _ENUM.sub("value is not one of those allowed", what)
    return MalformedEvent(reason, f"{what[:1].lower()}{what[1:]} at {path}")


def _not_json(message: str, value: bytes) -> MalformedEvent:
    if not value:
        return MalformedEvent("malformed_json", "record is empty")
    try:
        value.decode()
    except UnicodeDecodeError as error:
        return MalformedEvent("not_utf8", f"text is not UTF-8: {error.reason}")
    # The decoder reports a lone surrogate and a truncated record in the same way.
    if "truncated" in message:
        message = "the JSON ends too early or holds half a surrogate pair"
    return MalformedEvent("malformed_json", message.removeprefix("JSON is malformed: "))
