"""What the agent's threads hand to the thread that records. Nothing here is converted yet."""

from __future__ import annotations

import threading
from typing import Any

from msgspec import Struct, field


class Began(Struct, frozen=True):
    """The start of a call.

    Attributes
    ----------
    key
        Name of the session for the assembler.
    opens
        Request and system prompt of the session, with its first call.
    arguments
        A JSON object.
    event
        Members of the event that are known.
    """

    key: str
    call: str
    at_us: int
    arguments: bytes
    event: dict[str, Any]
    opens: tuple[str | None, str | None] | None = None

    @property
    def size(self) -> int:
        """Bytes of the arguments."""
        return len(self.arguments)


class Ended(Struct, frozen=True):
    """The end of a call.

    Attributes
    ----------
    said
        Result: text, or bytes of JSON; None where there is none.
    is_json
        Whether `said` is JSON, not the result itself.
    last
        Whether nothing else belongs to its session.
    """

    key: str
    call: str
    at_us: int
    outcome: str
    took_ms: float
    said: str | bytes | None = None
    is_json: bool = False
    last: bool = False

    @property
    def size(self) -> int:
        """Bytes of the result; characters of a text."""
        return len(self.said or "")


class Asked(Struct, frozen=True):
    """Another request of a person in an open session."""

    key: str
    at_us: int
    text: str

    @property
    def size(self) -> int:
        """Characters of the text."""
        return len(self.text)


class Closed(Struct, frozen=True):
    """The end of a session."""

    key: str
    size: int = 0


class Spanned(Struct, frozen=True):
    """A finished span of OpenTelemetry, with what the session says beside it."""

    span: Any
    event: dict[str, Any]
    request: str | None = None
    size: int = 1_000


class Bused(Struct, frozen=True):
    """An event of CrewAI's bus, with what the session says beside it."""

    record: dict[str, Any]
    event: dict[str, Any]
    size: int = 1_000


class Flushed(Struct, frozen=True):
    """A request to deliver all that came before.

    Attributes
    ----------
    done
        Set when that is so, or has failed.
    whole
        Gets True if nothing waits any more.
    """

    done: threading.Event = field(default_factory=threading.Event)
    whole: list[bool] = field(default_factory=list)
    size: int = 0


BEGINNINGS = (Began, Spanned, Bused)
"""Items that the buffer counts."""
