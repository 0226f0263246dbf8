"""A folder as a sink with one ``TOPIC.jsonl`` per topic, and a sink that discards messages."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from models.errors import ConfigError, SinkUnavailable
from pipeline.publishing.rejected import TOPIC as REJECTED
from pipeline.publishing.rejected import rejected_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.processing.stream_types import Message


class Folder:
    """Append messages to files, one line each, and sync them to disk before returning.

    Parameters
    ----------
    path
        The folder; created if missing.

    Raises
    ------
    ConfigError
        The folder cannot be created, or the path is no folder.

    Notes
    -----
    After a crash between writing and commit, a message is written again with the same `id`. A
    tombstone is the line ``{"key":…,"value":null}``.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._files: dict[str, BinaryIO] = {}
        try:
            self._path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot create the folder {path!r}: {error.strerror}") from error

    def publish(self, messages: Sequence[Message]) -> None:
        """Append, flush, `fsync`; raise `SinkUnavailable` if the write fails."""
        lines: defaultdict[str, list[bytes]] = defaultdict(list)
        for message in messages:
            lines[message.topic] += (_line(message), b"\n")
        for topic, parts in lines.items():
            try:
                file = self._file(topic)
                file.write(b"".join(parts))
                os.fsync(file.fileno())
            except OSError as error:
                raise SinkUnavailable(
                    f"cannot write {topic}.jsonl in {self._path}: {error.strerror}"
                ) from error

    def _file(self, topic: str) -> BinaryIO:
        if topic not in self._files:
            file = (self._path / f"{topic}.jsonl").open("a+b", buffering=0)
            self._files[topic] = file
            # A crash can leave half a line; the next line must begin after a newline.
            if file.tell() and not _ends_in_newline(file):
                file.write(b"\n")
        return self._files[topic]

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()
        self._files.clear()


class Discard:
    """Accept and discard every message, for experiments."""

    def publish(self, messages: Sequence[Message]) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def _ends_in_newline(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _line(message: Message) -> bytes:
    if message.topic == REJECTED:
        return rejected_line(message)
    if message.value is None:
        key = message.key.decode(errors="replace")
        return msgspec.json.encode({"key": key, "value": None})
    return message.value
