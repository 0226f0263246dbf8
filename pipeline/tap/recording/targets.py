"""Where records go: a file, the API, or a Kafka topic."""

from __future__ import annotations

import os
import secrets
from errno import ENOSPC
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from models.errors import MalformedEvent, MessageTooLarge, SinkUnavailable
from pipeline.files.named_output import fault_of
from pipeline.plain_http import check_carrier
from pipeline.tap.recording.spool import append
from pipeline.tap.variables import API_TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pipeline.tap.recording.record import Line

ACTIONS = "/v1/actions"
_MOST, _MOST_BYTES = 500, 1 << 20
_ACCEPTED, _REFUSED, _TOO_LARGE = 202, 422, 413


class Unavailable(Exception):
    """A target cannot take records now; they are kept."""


class Target(Protocol):
    """Interface of a target.

    Attributes
    ----------
    name
        As messages show it, without secrets.
    """

    name: str

    def send(self, lines: Sequence[Line]) -> None:
        """Take records; raise `Unavailable` where not all were taken."""

    def prepared(self, lines: Sequence[Line]) -> Sequence[Line]:
        """Turn records into what this target takes, and what is spooled for it."""

    def ended(self) -> Sequence[Line]:
        """Give what follows from the end of all sessions."""

    def close(self) -> None:
        """Close the connection."""


class _AsTheyAre:
    """A target that takes the records themselves."""

    def prepared(self, lines: Sequence[Line]) -> Sequence[Line]:
        """Give the records."""
        return lines

    def ended(self) -> Sequence[Line]:
        """Give nothing: sessions may continue."""
        return ()

    def close(self) -> None:
        """Do nothing."""


class FileTarget(_AsTheyAre):
    """Append to a file of JSON lines, to which several taps may write.

    The file is opened for each write, so it may be moved away. After a write that was cut short by
    a full disk, the next one begins a new line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._torn = False
        self.name = str(path.absolute())

    def send(self, lines: Sequence[Line]) -> None:
        """Append records."""
        data = b"".join(line.data + b"\n" for line in lines)
        data = b"\n" + data if self._torn else data
        try:
            written = append(self._path, data)
        except OSError as error:
            raise Unavailable((error.strerror or str(error)).lower()) from None
        if written < len(data):
            self._torn = self._torn or written > 0
            raise Unavailable(os.strerror(ENOSPC).lower())
        self._torn = False


class KafkaTarget(_AsTheyAre):
    """Publish each record to a topic, by the name of its agent.

    Parameters
    ----------
    url
        ``kafka://HOST:PORT/TOPIC[?config=FILE]``.
    """

    def __init__(self, url: str) -> None:
        from pipeline.publishing.kafka.sink import KafkaSink
        from pipeline.sources.kafka.address import broker_alone, parse

        address = parse(url, topic=True)
        self._topic = address.topic
        self._sink = KafkaSink(broker_alone(address), "kafka-python")
        self.name = f"kafka://{','.join(address.brokers)}/{address.topic}"

    def send(self, lines: Sequence[Line]) -> None:
        """Publish records, and wait until the brokers have them."""
        from pipeline.processing.stream_types import Message

        messages = [
            Message(self._topic, line.agent.encode("utf-8", "replace"), "", line.data)
            for line in lines
        ]
        try:
            self._sink.publish(messages)
        except (SinkUnavailable, MessageTooLarge) as error:
            raise Unavailable(str(error)) from None

    def close(self) -> None:
        """Close the producer."""
        self._sink.close()


class EventTarget(_AsTheyAre):
    """Post native events to ``POST /v1/actions``.

    Parameters
    ----------
    url
        Base URL of the API.
    token
        API key or token; None: none is sent.

    Raises
    ------
    ConfigError
        A token would be sent over plain http to another machine.

    Attributes
    ----------
    refused
        Events that the API does not accept, whenever they are sent.
    """

    def __init__(self, url: str, token: str | None) -> None:
        import httpx

        base = httpx.URL(url)
        path = base.path.rstrip("/")
        self._url = base.copy_with(path=path if path.endswith(ACTIONS) else path + ACTIONS)
        headers = {"Content-Type": "application/json"}
        if token is not None:
            check_carrier(str(self._url), API_TOKEN)
            headers["Authorization"] = f"Bearer {token}"
        self._client = httpx.Client(headers=headers, timeout=httpx.Timeout(3, connect=1))
        self._fault: type[Exception] = httpx.HTTPError
        self.refused = 0
        self.name = str(self._url.copy_with(userinfo=b"", query=None))

    def send(self, lines: Sequence[Line]) -> None:
        """Post events."""
        for batch in batches(lines):
            self._post(batch)

    def _post(self, lines: Sequence[Line]) -> None:
        body = b"[" + b",".join(line.data for line in lines) + b"]"
        try:
            answer = self._client.post(self._url, content=body)
        except self._fault as error:
            raise Unavailable(_words(error)) from None
        if answer.status_code == _ACCEPTED:
            self.refused += _rejected(answer.content)
        elif answer.status_code == _TOO_LARGE and len(lines) > 1:
            self._post(lines[: len(lines) // 2])
            self._post(lines[len(lines) // 2 :])
        elif answer.status_code in (_REFUSED, _TOO_LARGE):
            self.refused += len(lines)
        else:
            raise Unavailable(f"the API answers {answer.status_code}")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class ApiTarget(EventTarget):
    """Post native events of MCP records; results of tools do not leave this machine.

    Parameters
    ----------
    url
        Base URL of the API.
    token
        API key or token; None: none is sent.
    """

    def __init__(self, url: str, token: str | None) -> None:
        from pipeline.assembling.assembler import Assembler
        from pipeline.formats.gateways.mcp import Mcp

        super().__init__(url, token)
        self._format, self._assembler = Mcp(), Assembler(secrets.randbits(32))

    def prepared(self, lines: Sequence[Line]) -> Sequence[Line]:
        """Give the native events that the records complete."""
        found: list[Line] = []
        for line in lines:
            try:
                parts = self._format.decode(line.data)
            except MalformedEvent:
                self.refused += 1
                continue
            at_us = max(self._assembler.now_us, *(part.time_us for part in parts), 0)
            made = self._assembler.take(parts, ordered=True, arrived_us=at_us)
            found += [_native(event, line.agent) for event in made]
        found += [_native(event, "") for event in self._assembler.due()]
        return found

    def ended(self) -> Sequence[Line]:
        """Give the calls that no answer came for."""
        return [_native(event, "") for event in self._assembler.due(whole=True)]


def batches(lines: Sequence[Line]) -> Iterator[Sequence[Line]]:
    """Cut lines into bodies that the API accepts: 500 events, and 1 MiB where they are many.

    >>> from pipeline.tap.recording.record import Line
    >>> [len(one) for one in batches([Line("bot", b"x" * 600_000)] * 3)]
    [1, 1, 1]
    """
    first = size = 0
    for index, line in enumerate(lines):
        if index > first and (index - first == _MOST or size + len(line.data) > _MOST_BYTES):
            yield lines[first:index]
            first, size = index, 0
        size += len(line.data) + 1
    if lines:
        yield lines[first:]


def _native(event: bytes, agent: str) -> Any:
    from pipeline.tap.recording.record import Line

    return Line(agent, event)


def _rejected(body: bytes) -> int:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return 0
    number = found.get("rejected") if isinstance(found, dict) else 0
    return number if isinstance(number, int) else 0


def _words(error: Exception) -> str:
    """Describe a failed connection without its URL."""
    if isinstance(error.__cause__, OSError):
        return fault_of(error.__cause__)
    return str(error).lower() or type(error).__name__
