"""From a decoder's complaint to a reason for rejection and a sentence that repeats no content."""

from __future__ import annotations

import re

import msgspec

from models.errors import MalformedEvent

_WHERE = re.compile(r" - at `(?P<path>[^`]*)`$|(?: - at `key` in `(?P<key>[^`]*)`)$")
_ENUM = re.compile(r"^Invalid enum value .*", re.DOTALL)

REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

# The first pattern that is found in the decoder's message decides.
_REASONS = (
    (re.compile(r"missing required field"), "missing_key"),
    (re.compile(r"of length <= "), "too_long"),
    (re.compile(r", got `|of length 2\b"), "wrong_type"),
)


def malformed(error: Exception, value: bytes = b"") -> MalformedEvent:
    """Say why a decoder refused a record.

    Parameters
    ----------
    error
        What ``msgspec`` raised: one of `REFUSALS`.
    value
        The record, to tell bytes that are not text from text that is not JSON.

    Returns
    -------
    MalformedEvent
        With the reason, the path (``$.agent.id``) and what was expected; never the value.

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
    # A lone surrogate and a record that ends early read the same to the decoder.
    if "truncated" in message:
        message = "the JSON ends too early or holds half a surrogate pair"
    return MalformedEvent("malformed_json", message.removeprefix("JSON is malformed: "))
