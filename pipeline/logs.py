"""Logs at the edge: one JSON object a line on stderr, or words on a terminal."""

from __future__ import annotations

import logging
import sys
from typing import Any

import msgspec

from models.event import rfc3339

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class JsonLines(logging.Formatter):
    """Write a record with the fields given as ``extra``.

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
    """The same for a person.

    >>> Words().format(logging.makeLogRecord({"msg": "batch", "levelname": "INFO", "events": 3}))
    'info: batch events=3'
    """

    def format(self, record: logging.LogRecord) -> str:
        """Give one line, and the trace where there is one."""
        given = {name: value for name, value in vars(record).items() if name not in _PLAIN}
        parts = [f"{record.levelname.lower()}: {record.getMessage()}"]
        parts += [f"{name}={value}" for name, value in given.items()]
        line = " ".join(parts)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def start_logs(level: str) -> None:
    """Send the log of this process to stderr, from this level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Words() if sys.stderr.isatty() else JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # These tell of every connection, and of every step of a start.
    for noisy in ("kafka", "librdkafka", "uvicorn"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))
