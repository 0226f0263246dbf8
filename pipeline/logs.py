"""Logs on stderr: one JSON object a line, or plain text on a terminal."""

from __future__ import annotations

import logging
import sys
from math import inf
from typing import Any

import msgspec

from models.event import rfc3339

AGAIN_S = 10.0
_MAX_REMEMBERED = 256
STATE_CHANGE = {"state_change": True}
"""Field that marks the log record of a state change.

Such a record is never suppressed as a repeat, and the field is not printed.
"""
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {
    "message", "asctime", "color_message", *STATE_CHANGE,
}  # fmt: skip


class JsonLines(logging.Formatter):
    """Format a record with the fields of ``extra`` as JSON.

    >>> record = logging.makeLogRecord({"msg": "batch", "levelname": "INFO", "events": 3})
    >>> record.created = 0
    >>> JsonLines().format(record)
    '{"time":"1970-01-01T00:00:00.000000Z","level":"info","event":"batch","events":3}'
    """

    def format(self, record: logging.LogRecord) -> str:
        """Give one line."""
        line: dict[str, Any] = {
            "time": rfc3339(int(record.created * 1e6)),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        taken = _PLAIN | line.keys()
        line |= {name: value for name, value in vars(record).items() if name not in taken}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


class Words(logging.Formatter):
    """Format a record for people.

    >>> Words().format(logging.makeLogRecord({"msg": "batch", "levelname": "INFO", "events": 3}))
    'info: batch events=3'
    """

    def format(self, record: logging.LogRecord) -> str:
        """Give one line, and the traceback if there is one."""
        given = {name: value for name, value in vars(record).items() if name not in _PLAIN}
        parts = [f"{record.levelname.lower()}: {record.getMessage()}"]
        parts += [f"{name}={value}" for name, value in given.items()]
        line = " ".join(parts)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class Repeats(logging.Filter):
    """Passes a repeated warning once in ten seconds, with the number of suppressed ones.

    An unavailable service may be tried several times a second for minutes. A record with
    `STATE_CHANGE` always passes.

    >>> repeats = Repeats()
    >>> def away(at_s):
    ...     record = logging.makeLogRecord({"msg": "away", "levelno": logging.WARNING})
    ...     record.created = at_s
    ...     return repeats.filter(record), getattr(record, "left_out", 0)
    >>> [away(at_s) for at_s in (0, 1, 9, 11)]
    [(True, 0), (False, 0), (False, 0), (True, 2)]
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[object, ...], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write a record."""
        if record.levelno < logging.WARNING or any(hasattr(record, one) for one in STATE_CHANGE):
            return True
        given = (f"{name}={value}" for name, value in vars(record).items() if name not in _PLAIN)
        key = (record.name, record.levelno, record.getMessage(), *given)
        at_s, left_out = self._said.pop(key, (-inf, 0))
        again = record.created - at_s < AGAIN_S
        if not again and left_out:
            record.left_out = left_out
        self._said[key] = (at_s, left_out + 1) if again else (record.created, 0)
        if len(self._said) > _MAX_REMEMBERED:
            del self._said[next(iter(self._said))]
        return not again


def start_logs(level: str) -> None:
    """Send log records of at least this level to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Words() if sys.stderr.isatty() else JsonLines())
    handler.addFilter(Repeats())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # These log every connection, and every step of a start.
    for noisy in ("kafka", "librdkafka", "uvicorn"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))
