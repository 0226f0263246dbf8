"""Types of settings: what a value may be, with one sentence for a value that may not."""

from __future__ import annotations

import difflib
import ipaddress
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from models.config import RETIRED, ModelConfig
from models.errors import ConfigError
from models.event import Instant, microseconds
from pipeline.configuration.config_file import fault_of
from pipeline.configuration.hook_rules import rule_of
from pipeline.store import check_url
from pipeline.text.quoted import LONGEST_PATH, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN = "may hold a password or a key"
"""Marks a setting whose value no message contains."""
OWN = "alerts_per_day"
"""The parameter of the model that is a setting of its own."""
_NO_NUMBERS = ("degraded",)
MODEL_PARAMETERS = {
    name: kind
    for name, kind in ModelConfig.__annotations__.items()
    if name not in (OWN, *_NO_NUMBERS)
}
# An API key, set by mistake instead of the file name.
_KEY = re.compile(r"(hbt|habitus)_[\w-]+")


def interval(text: str) -> tuple[int, int]:
    """Give start and end of an interval, in microseconds since 1970.

    >>> interval("1970-01-01T00:00:00Z/1970-01-01T00:00:01+00:00")
    (0, 1000000)
    """
    start, end = (microseconds(msgspec.convert(part, Instant)) for part in text.split("/"))
    return start, end


def unknown_setting(name: str, known: Iterable[str]) -> str:
    """Describe an unknown setting, with the nearest known one.

    >>> unknown_setting("stor", ["store", "sink"])
    'unknown setting stor, did you mean store?'
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"unknown setting {name}" + (f", did you mean {near[0]}?" if near else "")


def _split(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


def _none(value: Any) -> Any:
    return None if value == "" else value


def _store(value: str) -> str:
    try:
        check_url(value)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return value


def _rejected(value: str) -> str:
    if value not in ("store", "none") and not re.fullmatch(r"file:.+", value):
        raise ValueError(f"must be store, none or file:FOLDER, got {quoted(value)}")
    return value


def _host_and_port(value: str) -> str:
    if not re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:/\s\[\]]+):\d{1,5}", value):
        raise ValueError(f"must be HOST:PORT, an IPv6 host in brackets, got {quoted(value)}")
    if int(value.rpartition(":")[2]) > 65_535:
        raise ValueError(f"must have a port of at most 65535, got {quoted(value)}")
    return value


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for place, network in enumerate(value, 1):
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            raise ValueError(
                f"entry {place} must be an address or a prefix, got {quoted(network)}"
            ) from None
    return value


def _intervals(value: tuple[str, ...]) -> tuple[str, ...]:
    for place, text in enumerate(value, 1):
        try:
            start, end = interval(text)
        except (ValueError, msgspec.ValidationError):
            start = end = 0
        if start >= end:
            raise ValueError(
                f"entry {place} must be START/END, two RFC 3339 times with an offset, the end "
                f"after the start, got {quoted(text)}"
            ) from None
    return value


def _hook_rules(value: tuple[str, ...]) -> tuple[str, ...]:
    for place, text in enumerate(value, 1):
        try:
            rule_of(text)
        except ValueError as error:
            raise ValueError(f"entry {place} {error}") from None
    return value


def _existing_file(value: Path | None) -> Path | None:
    if value is not None and not value.is_file():
        raise ValueError(f"must be a file that is there, got {quoted(str(value), LONGEST_PATH)}")
    return value


def _existing_inventory(value: Path | None) -> Path | None:
    try:
        return _existing_file(value)
    except ValueError as error:  # a typing error must not turn every agent into an unknown one
        raise ValueError(f"{error}; habitus inventory import writes it") from None


def _existing_folder(value: Path | None) -> Path | None:
    if value is not None and not value.is_dir():
        raise ValueError(f"must be a folder that is there, got {quoted(str(value), LONGEST_PATH)}")
    return value


def _no_key(value: Path | None) -> Path | None:
    # A missing file is accepted: habitus keys add creates it, and habitus serve checks it.
    if value is not None and _KEY.fullmatch(str(value)) and not value.is_file():
        raise ValueError("must be the path of a file of hashed keys, not a key")
    return value


def _parameters(value: dict[str, float]) -> dict[str, float]:
    if OWN in value:
        raise ValueError(f"{OWN} is a setting of its own")
    value = {name: given for name, given in value.items() if name not in RETIRED}
    faults = [
        fault_of(name, given)
        if name in MODEL_PARAMETERS
        else unknown_setting(name, MODEL_PARAMETERS)
        for name, given in value.items()
    ]
    if any(faults):
        raise ValueError("; ".join(filter(None, faults)))
    try:
        msgspec.convert(value, ModelConfig, strict=False).validate()
    except (msgspec.ValidationError, ConfigError) as error:
        raise ValueError(str(error)) from None
    return value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Text = Annotated[str | None, BeforeValidator(_none)]
OptionalPath = Annotated[Path | None, BeforeValidator(_none)]
Url = Annotated[str, HIDDEN]
StoreUrl = Annotated[Url, AfterValidator(_store)]
RejectedTo = Annotated[str, AfterValidator(_rejected)]
HostAndPort = Annotated[str, AfterValidator(_host_and_port)]
Networks = Annotated[Words, AfterValidator(_networks)]
Intervals = Annotated[Words, AfterValidator(_intervals)]
HookRules = Annotated[Words, AfterValidator(_hook_rules)]
File = Annotated[OptionalPath, AfterValidator(_existing_file)]
InventoryFile = Annotated[OptionalPath, AfterValidator(_existing_inventory)]
Folder = Annotated[OptionalPath, AfterValidator(_existing_folder)]
KeyFile = Annotated[OptionalPath, HIDDEN, AfterValidator(_no_key)]
Parameters = Annotated[dict[str, float], AfterValidator(_parameters)]
