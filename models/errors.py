"""All errors, as a tree.

HabitusError
ConfigError        the operator fixes it before start
  NoStore              a command that only reads found no store
MalformedEvent     this record is unusable; the stream continues
StateError         stored state cannot be used as it is
  StoreUnavailable     the store cannot be reached now
  Superseded           another worker took over this shard
SourceUnavailable  try again later; the store knows from where
SinkUnavailable    try again later; nothing is lost, the outbox keeps it
  MessageTooLarge      the topic does not accept a message of this size
"""

from __future__ import annotations


class HabitusError(Exception):
    """Anything this project raises on purpose."""


class ConfigError(HabitusError):
    """A setting is missing or wrong; the process does not start."""


class NoStore(ConfigError):
    """The server has no store yet; the first start makes one."""


class MalformedEvent(HabitusError):
    """A record that cannot become an event.

    Parameters
    ----------
    reason
        One word of `REJECT_REASONS`; a metric label and a header of the rejected topic. The API
        also gives ``not_permitted``.
    detail
        What was wrong, the value (never an argument or a prompt), what was expected.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class StateError(HabitusError):
    """Stored state has another version, or its digest does not hold."""


class StoreUnavailable(StateError):
    """The store cannot be reached now; its content is intact."""


class Superseded(StateError):
    """Another worker took over this shard, so this worker may not commit any more."""


class SourceUnavailable(HabitusError):
    """The source cannot be read now."""


class SinkUnavailable(HabitusError):
    """The sink cannot take output now."""


class MessageTooLarge(SinkUnavailable):
    """A message, or another one of its request, is larger than its topic accepts.

    Parameters
    ----------
    message
        The sentence.
    left
        Indices of the messages that were not accepted, in order. All others were.
    """

    def __init__(self, message: str, left: tuple[int, ...]) -> None:
        super().__init__(message)
        self.left = left


REJECT_REASONS = (
    "not_utf8",
    "malformed_json",
    "missing_key",
    "wrong_type",
    "bad_value",
    "too_long",
    "past_time",
    "future_time",
    "duplicate_id",
    "wrong_partition",
    "unattributed",
)
