"""Where events go: the API, a file, a Kafka topic, or nowhere."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from pipeline.plain_http import check_carrier
from pipeline.tap.variables import API_TOKEN, RECORD_TO

if TYPE_CHECKING:
    from pipeline.tap.recording.targets import Target

LOCAL_API = "http://127.0.0.1:8765"
_KINDS = "https://HOST, file:PATH, kafka://HOST:PORT/TOPIC or none"


class Destination(Struct, frozen=True):
    """A destination; the thread that records opens it."""

    kind: Literal["api", "file", "kafka", "none"]
    value: str

    def open(self) -> Target:
        """Give the target; raise `ConfigError` where an option of it is wrong."""
        from pipeline.tap.recording.targets import EventTarget, FileTarget, KafkaTarget

        if self.kind == "file":
            return FileTarget(Path(self.value))
        if self.kind == "kafka":
            return KafkaTarget(self.value)
        return EventTarget(self.value, os.environ.get(API_TOKEN) or None)


def destination_of(to: str | None) -> Destination:
    """Read a destination; the variable, or the API of this machine, for None.

    >>> destination_of("file:/var/log/events.jsonl").value, destination_of("none").kind
    ('/var/log/events.jsonl', 'none')
    >>> destination_of("events.jsonl")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    models.errors.ConfigError: expected to https://HOST, file:PATH, ..., got no kind of destination
    """
    _check_packages()
    from models.errors import ConfigError

    text = to or os.environ.get(RECORD_TO) or LOCAL_API
    kind, colon, rest = text.partition(":")
    if text == "none":
        return Destination("none", "")
    if not colon or (kind != "file" and not rest.startswith("//")):
        raise ConfigError(f"expected to {_KINDS}, got no kind of destination")
    if kind in ("http", "https"):
        if "@" in rest:
            raise ConfigError(f"expected no user in the address of to, and the key in {API_TOKEN}")
        if os.environ.get(API_TOKEN):
            check_carrier(text, API_TOKEN)
        return Destination("api", text)
    if kind == "file" and rest:
        return Destination("file", rest.removeprefix("//"))
    if kind == "kafka":
        return Destination("kafka", text)
    raise ConfigError(f"expected to {_KINDS}, got {kind[:20]!r}")


def _check_packages() -> None:
    """Raise `ImportError` if the package ``models`` of another project hides ours."""
    ours = Path(__file__).resolve().parents[3] / "models"
    found = find_spec("models")
    where = (
        [Path(one).resolve() for one in (found.submodule_search_locations or ())] if found else []
    )
    if ours not in where:
        at = found.origin if found is not None else "nowhere"
        raise ImportError(
            f"the package `models` of habitus is hidden by another one ({at}); rename that one, or "
            "send OpenTelemetry spans to POST /v1/traces"
        )
