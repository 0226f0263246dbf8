"""Messages of rejected records: their bytes without credentials, with the reason in the headers."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from models.event import rfc3339
from pipeline.assembling.secrets.raw_text import hidden_bytes, hidden_text
from pipeline.processing.stream_types import KEPT_OF_LONG, Message
from pipeline.text.quoted import LONGEST_PATH, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from models.errors import MalformedEvent
    from pipeline.processing.stream_types import RawRecord

TOPIC = "agent.actions.rejected"

# Leaves room for the headers below the broker's default limit of 1 MiB a message.
_WHOLE = 960 << 10
# A credential that ends where a record was cut is not recognised: its word is left out.
_LAST_WORD = re.compile(rb"(?<=[\s\"':=/])[^\s\"':=/]{1,200}\Z")


def rejected_message(record: RawRecord, error: MalformedEvent) -> Message:
    """Make the message of a rejected record; its credentials become marks of their kinds.

    Returns
    -------
    Message
        Has the received key, a deterministic id, and headers `reason`, `detail`, `source`, `offset`
        and `time` (of arrival). A cut record also has `full_length`.

    Examples
    --------
    >>> from models.errors import MalformedEvent
    >>> from pipeline.processing.stream_types import RawRecord
    >>> record = RawRecord(b"{", "stdin", 7, 0)
    >>> message = rejected_message(record, MalformedEvent("malformed_json", "ends too early"))
    >>> message.id, dict(message.headers)["reason"]
    ('rejected:stdin@7', b'malformed_json')
    """
    value, full_length = record.value, record.full_length
    if len(value) > _WHOLE:
        value, full_length = value[:KEPT_OF_LONG], len(value)
    if full_length:
        value = _LAST_WORD.sub(b"", value)
    value = hidden_bytes(value)
    headers = [
        ("reason", error.reason.encode()),
        ("detail", hidden_text(error.detail).encode(errors="replace")),
        ("source", record.source.encode(errors="replace")),
        ("offset", str(record.offset).encode()),
        ("time", rfc3339(record.arrived_us).encode()),
    ]
    if full_length:
        headers.append(("full_length", str(full_length).encode()))
    return Message(TOPIC, record.key or b"", f"rejected:{record.where}", value, tuple(headers))


def rejected_line(message: Message, number: int | None = None) -> bytes:
    r"""Format a rejected record as one line of JSON, without the newline.

    Bytes that are not UTF-8 are in `value_base64` instead of `value`.

    Parameters
    ----------
    number
        Sequence number of the record in its file, if records are numbered.

    Examples
    --------
    >>> headers = (("reason", b"not_utf8"), ("detail", b"invalid"), ("source", b"stdin"),
    ...     ("offset", b"7"), ("time", b"1970-01-01T00:00:00.000000Z"))
    >>> rejected_line(Message(TOPIC, b"", "rejected:stdin@7", b"\xff", headers)).decode()[:63]
    '{"reason":"not_utf8","detail":"invalid","source":"stdin","line"'
    """
    header = {name: value.decode() for name, value in message.headers}
    line: dict[str, Any] = {} if number is None else {"number": number}
    line |= {
        "reason": header["reason"],
        "detail": header["detail"],
        "source": header["source"],
        "line": int(header["offset"]),
        "time": header["time"],
    }
    if "full_length" in header:
        line["full_length"] = int(header["full_length"])
    value = message.value or b""
    try:
        line["value"] = value.decode()
    except UnicodeDecodeError:
        line["value_base64"] = base64.b64encode(value).decode()
    return msgspec.json.encode(line)


def rejected_by(counters: Mapping[str, int]) -> dict[str, int]:
    """Count rejected records by reason.

    >>> rejected_by({"events": 3, "rejected_duplicate_id": 2})
    {'duplicate_id': 2}
    """
    prefix = "rejected_"
    return {
        name.removeprefix(prefix): number
        for name, number in counters.items()
        if name.startswith(prefix)
    }


class FirstRejected(Struct, frozen=True):
    """The first record that a run rejected: position and reason, without content.

    >>> FirstRejected("file:/var/log/a.jsonl", 7, "bad_value").in_words
    "line 7 of '/var/log/a.jsonl': bad_value"
    >>> FirstRejected("kafka:agent.actions:3", 19, "not_utf8").in_words
    'offset 19 of kafka:agent.actions:3: not_utf8'
    """

    source: str
    offset: int
    reason: str

    @classmethod
    def among(cls, messages: Iterable[Message]) -> FirstRejected | None:
        """Find the first rejected record among messages."""
        for message in messages:
            if message.topic == TOPIC:
                fields = {name: value.decode() for name, value in message.headers}
                return cls(fields["source"], int(fields["offset"]), fields["reason"])
        return None

    @property
    def in_words(self) -> str:
        """Describe the record for people."""
        kind, _, path = self.source.partition(":")
        if kind == "stdin":
            return f"line {self.offset} of standard input: {self.reason}"
        if kind == "file":
            unit = "row" if path.endswith(".parquet") else "line"
            return f"{unit} {self.offset} of {quoted(path, LONGEST_PATH)}: {self.reason}"
        return f"offset {self.offset} of {self.source}: {self.reason}"


def in_words(reasons: Mapping[str, int]) -> str:
    """Describe the number of rejected records by reason.

    >>> in_words({"not_json": 1, "duplicate_id": 2})
    '2 duplicate_id, 1 not_json'
    """
    return ", ".join(f"{number} {reason}" for reason, number in sorted(reasons.items()))


def all_rejected(reasons: Mapping[str, int], first: FirstRejected | None) -> str:
    """Describe an input of which all records were rejected: reasons and first record.

    >>> all_rejected({"bad_value": 2}, FirstRejected("stdin", 1, "bad_value"))
    'all 2 records were rejected (2 bad_value); first: line 1 of standard input: bad_value'
    """
    text = f"all {sum(reasons.values())} records were rejected ({in_words(reasons)})"
    return text if first is None else f"{text}; first: {first.in_words}"
