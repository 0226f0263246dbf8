"""Keep rejected records in a file beside the store, for troubleshooting.

Rejected records go through the outbox to the sink, at least once. On the way each record is written
to this file. It leaves the outbox only after it is on disk, and a repeat after a crash is
recognised.
"""

from __future__ import annotations

import os
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from models.errors import ConfigError, SinkUnavailable
from pipeline.files.overwrite_check import file_fault
from pipeline.publishing import folder_of, topic_file
from pipeline.publishing.cases import CASES
from pipeline.publishing.outputs import ANOMALIES, TRUST
from pipeline.publishing.rejected import TOPIC, rejected_line
from pipeline.store import is_postgresql, store_path
from pipeline.store.database import MEMORY
from pipeline.text.quoted import LONGEST_PATH, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.processing.stream_types import Message, Sink
    from pipeline.settings import Settings

MAX_BYTES = 16 << 20
"""Largest size of the file; the full file and the current one are kept."""
BESIDE_STORE = "store"
NONE = "none"
_SUFFIX = ".rejected.jsonl"
_OWNER_ONLY = 0o600


class _Line(Struct):
    """Identity of a kept record, and its sequence number."""

    source: str
    line: int
    time: str
    number: int


class RejectedFile:
    """Append rejected records to a file, each once, and sync them to disk before returning.

    Only its owner can read the file. A full file is renamed to ``PATH.1`` and replaces an older
    one. Records are numbered, so the first number gives how many records are missing.

    Parameters
    ----------
    path
        The file; created at the first record.
    most_bytes
        Largest size of a file.

    Raises
    ------
    ConfigError
        The file cannot be written.
    """

    def __init__(self, path: Path, most_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self._before = _older(path)
        self._most_bytes = most_bytes
        self._file: FileIO | None = None
        self._number = 0
        self._size = 0
        self._known: set[int] = set()
        self._known_before: set[int] = set()
        if fault := _made(path.parent) or file_fault(path):
            raise ConfigError(
                f"rejected records cannot be kept in {quoted(str(path), LONGEST_PATH)}: {fault}; "
                "set HABITUS_REJECTED to file:FOLDER or none"
            )

    def keep(self, messages: Iterable[Message]) -> None:
        """Write rejected records that the file does not hold yet.

        Raises
        ------
        SinkUnavailable
            The write fails.
        """
        try:
            self._open()
            for message in messages:
                self._add(message)
            os.fsync(self._open().fileno())
        except OSError as error:
            self.close()  # the next opening reads the written records
            raise SinkUnavailable(
                f"cannot write {quoted(str(self.path), LONGEST_PATH)}: {error.strerror}"
            ) from error

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()

    def _add(self, message: Message) -> None:
        fields = dict(message.headers)
        key = hash((fields["source"], fields["offset"], fields["time"]))
        if key in self._known or key in self._known_before:
            return
        line = rejected_line(message, self._number + 1) + b"\n"
        if self._size and self._size + len(line) > self._most_bytes:
            self._turn()
        file, rest = self._open(), memoryview(line)
        while rest:
            rest = rest[file.write(rest) :]
        self._number += 1
        self._size += len(line)
        self._known.add(key)

    def _turn(self) -> None:
        """Rotate the file."""
        os.fsync(self._open().fileno())
        self.close()
        self.path.replace(self._before)
        self._known_before, self._known, self._size = self._known, set(), 0

    def _open(self) -> FileIO:
        """Open the file, and read the records it holds."""
        if self._file is not None:
            return self._file
        if not self._known and not self._known_before:
            self._known_before, _ = self._read(self._before)
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, _OWNER_ONLY)
        os.fchmod(handle, _OWNER_ONLY)
        # A crash may leave half a line; its record is still in the outbox.
        self._known, self._size = self._read(self.path)
        os.ftruncate(handle, self._size)
        self._file = FileIO(handle, "ab")  # without a buffer, so that errors are raised here
        return self._file

    def _read(self, path: Path) -> tuple[set[int], int]:
        """Give the records of a file, and the bytes of their lines."""
        known: set[int] = set()
        size = 0
        if not path.is_file():
            return known, size
        decode = msgspec.json.Decoder(_Line).decode
        with path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                size += len(line)
                try:
                    one = decode(line)
                except msgspec.DecodeError:
                    continue  # written by another program
                known.add(hash((one.source.encode(), str(one.line).encode(), one.time.encode())))
                self._number = max(self._number, one.number)
        return known, size


def _made(folder: Path) -> str:
    """Create a folder; return the reason if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""


def left_out(path: Path) -> int:
    """Give the number of records rejected before the first kept one."""
    for file in (_older(path), path):
        if file.is_file():
            with file.open("rb") as lines, suppress(msgspec.DecodeError):
                return msgspec.json.decode(lines.readline(), type=_Line).number - 1
    return 0


def _older(path: Path) -> Path:
    return path.with_name(path.name + ".1")


class Keeping:
    """A sink that writes rejected records to a file before it passes them to another sink."""

    def __init__(self, kept: RejectedFile, sink: Sink) -> None:
        self._kept = kept
        self._sink = sink

    def publish(self, messages: Sequence[Message]) -> None:
        """Write rejected records to the file, then publish all messages."""
        if rejected := [message for message in messages if message.topic == TOPIC]:
            self._kept.keep(rejected)
        self._sink.publish(messages)

    def close(self) -> None:
        """Close both."""
        self._kept.close()
        self._sink.close()


def keeping(settings: Settings, sink: Sink, shard: str = "") -> Sink:
    """Wrap a sink so that it keeps rejected records as set; without a file, return it unchanged.

    Parameters
    ----------
    shard
        Position key of the partition, if several workers share a stream.
    """
    path = rejected_path(settings, shard)
    return sink if path is None else Keeping(RejectedFile(path), sink)


def rejected_path(settings: Settings, shard: str = "") -> Path | None:
    """Give the file of rejected records, or None.

    Examples
    --------
    >>> from pipeline.settings import Settings
    >>> str(rejected_path(Settings(store="sqlite:habitus.db")))
    'habitus.db.rejected.jsonl'
    >>> str(rejected_path(Settings(rejected="file:/var/log"), "kafka:agent.actions:3"))
    '/var/log/agent.actions-3.rejected.jsonl'
    >>> rejected_path(Settings(rejected="none")) is None
    True
    """
    if settings.rejected == NONE:
        return None
    server = is_postgresql(settings.store)
    file = MEMORY if server else store_path(settings.store)
    if settings.rejected == BESIDE_STORE:
        return None if file == MEMORY else Path(file + _SUFFIX)
    folder = folder_of(settings.rejected)
    name = shard.partition(":")[2].replace(":", "-") or (
        "habitus" if file == MEMORY else Path(file).name
    )
    return folder / (name + _SUFFIX)


def own_files(settings: Settings) -> list[Path]:
    """Give the files that a run writes, to exclude them from a folder that it reads.

    >>> from pipeline.settings import Settings
    >>> [str(path) for path in own_files(Settings(rejected="none", sink="file:out"))][-1]
    'out/agent.trust.jsonl'
    """
    path = rejected_path(settings)
    files = [] if path is None else [path, _older(path)]
    if settings.sink.startswith("file:"):
        topics = (TOPIC, CASES, ANOMALIES, TRUST)
        files += [topic_file(settings.sink, topic) for topic in topics]
    return files


def where_rejected(settings: Settings) -> str:
    """Describe where rejected records are kept.

    >>> from pipeline.settings import Settings
    >>> where_rejected(Settings(store="sqlite:habitus.db"))
    "kept in 'habitus.db.rejected.jsonl'"
    >>> where_rejected(Settings(rejected="none", sink="kafka://broker:9092"))
    'published to agent.actions.rejected'
    >>> where_rejected(Settings(rejected="none"))
    'kept nowhere: HABITUS_REJECTED is none, and so is HABITUS_SINK'
    """
    path = rejected_path(settings)
    if path is not None and settings.rejected != BESIDE_STORE and is_postgresql(settings.store):
        return f"kept in {quoted(str(path.parent), LONGEST_PATH)}, a file for each partition"
    if path is not None:
        missing = left_out(path)
        older = f" without the oldest {missing}" if missing else ""
        return f"kept in {quoted(str(path), LONGEST_PATH)}{older}"
    if settings.sink != NONE:
        return f"published to {TOPIC}"
    reason = "is none" if settings.rejected == NONE else "names no folder"
    return f"kept nowhere: HABITUS_REJECTED {reason}, and so is HABITUS_SINK"
