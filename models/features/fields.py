"""Read the fields of an event that features, counters and rules are declared over."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from models.features.containers import containers, identifiers
from models.features.extraction import OWN_NETWORKS, host_of
from models.units import HOUR_US

if TYPE_CHECKING:
    from models.event import Event, Origin

Record = dict[str, str]

COMMANDS = frozenset({"command", "cmd", "script"})
"""Keys of arguments that hold a command line."""
MAX_VALUE = 200
_MAX_PROGRAMS = 6
_MAX_DEPTH = 4
_SEPARATOR = re.compile(r"\s*(?:\|\||&&|[|;\n])\s*")
_PREFIXES = frozenset({"sudo", "env", "time", "nohup", "xargs"})
_SUBCOMMAND = re.compile(r"[a-z-]{2,12}")
_ASKED = ("request", "system")


class Fields(Struct):
    """The fields of one event; a missing field is unknown, never empty.

    Attributes
    ----------
    single
        Field -> value, of fields with one value.
    records
        Kind -> its records: scope, delegate, container, program, argument.
    """

    single: Record
    records: dict[str, list[Record]]


def read_fields(event: Event, origin: Origin, previous_tool: str, time_us: int) -> Fields:
    """Read all fields of an event.

    Parameters
    ----------
    origin
        Class, network and country of the source address.
    previous_tool
        Tool before this one in the session, or ``START``.
    time_us
        Event time in microseconds.
    """
    single: Record = {
        "tool": event.tool,
        "previous_tool": previous_tool,
        "hour": _time_of_day(time_us // HOUR_US // 2 % (7 * 12)),
    }
    if event.mode != "unknown":
        single["mode"] = event.mode
    if event.human is not None:
        single["person"] = event.human.id
    digest = (event.attributes or {}).get("tool_digest")
    if isinstance(digest, str):
        single["definition"] = digest[:MAX_VALUE]
    _of_resource(event, single)
    _of_network(event, origin, single)
    records: dict[str, list[Record]] = {}
    if event.delegation:
        single["depth"] = str(min(len(event.delegation), _MAX_DEPTH))
        person = single.get("person")
        records["delegate"] = [{"delegate": one} for one in event.delegation if one != person]
    credential = event.credential
    if credential is not None:
        if credential.purpose:
            single["credential_purpose"] = credential.purpose
        if credential.scopes:
            records["scope"] = [{"scope": one} for one in credential.scopes]
    _of_arguments(event, records)
    return Fields(single, records)


def _of_resource(event: Event, single: Record) -> None:
    resource = event.resource
    if resource is None:
        return
    single["resource"] = resource.id[:MAX_VALUE]
    if resource.domain is not None:
        single["domain"] = resource.domain
        single["data_class"] = f"{resource.domain} {resource.sensitivity or ''}"
    if resource.sensitivity is not None:
        single["sensitivity"] = resource.sensitivity
    if resource.type is not None:
        single["resource_type"] = resource.type


def _of_network(event: Event, origin: Origin, single: Record) -> None:
    if origin.egress != "unknown":
        single["egress"] = origin.egress
    if origin.egress not in OWN_NETWORKS:  # the operator's own exits are no new location
        if origin.asn is not None:
            single["asn"] = str(origin.asn)
        if origin.country is not None:
            single["country"] = origin.country
    if event.network is not None and event.network.destination is not None:
        single["destination"] = host_of(event.network.destination)


def _of_arguments(event: Event, records: dict[str, list[Record]]) -> None:
    """Read arguments with their origins, and those without origins out of their text."""
    arguments, names = [], []
    origins = event.argument_origins or {}
    for key, found in origins.items():
        for raw, where in found:
            value = raw[:MAX_VALUE]
            names.append(value)
            arguments.append(_argument(key, value, where))
    programs: list[Record] = []
    for key, text in (event.arguments or {}).items():
        if not isinstance(text, str):
            continue
        if key in COMMANDS:
            programs += [{"program": one} for one in command_programs(text)]
        read = identifiers(text)
        names += read
        if key not in origins:
            arguments += [_record(key, "unknown", value[:MAX_VALUE]) for value in read]
    if event.resource is not None:
        names.append(event.resource.id)
    belongs = {one for name in names for one in containers(name[:MAX_VALUE])}
    records["container"] = [{"container": one} for one in sorted(belongs)]
    records["program"] = programs
    records["argument"] = arguments


def _argument(key: str, value: str, where: list[str]) -> Record:
    asked = next((one for one in where if one in _ASKED), None)
    result = next((one for one in reversed(where) if one.startswith("result")), None)
    if asked is not None:
        return _record(key, asked, value)
    if result is None:
        return _record(key, "nowhere", value)
    return _record(key, "result", value) | {"source": result}


def _record(key: str, origin: str, value: str) -> Record:
    found = {"key": key, "origin": origin, "value": value}
    if "://" in value or "@" in value:
        found["value_host"] = host_of(value)
    return found


@lru_cache(maxsize=20_000)
def command_programs(text: str) -> tuple[str, ...]:
    """Give the programs of a command line, each with its subcommand.

    >>> command_programs("cd src && sudo git push origin | tee log")
    ('cd src', 'git push', 'tee log')
    """
    if " " not in text:
        return ()
    found = []
    for part in _SEPARATOR.split(text)[:_MAX_PROGRAMS]:
        words = [word for word in part.split() if "=" not in word]
        while words and words[0] in _PREFIXES:
            words = words[1:]
        if words:
            second = words[1] if len(words) > 1 and _SUBCOMMAND.fullmatch(words[1]) else ""
            found.append(f"{words[0].rpartition('/')[2]} {second}".rstrip())
    return tuple(found)


@lru_cache(maxsize=100)
def _time_of_day(slot: int) -> str:
    """Name two hours of the week, counted from Thursday: all days of a kind are one."""
    days, block = divmod(slot, 12)
    kind = "weekend" if (days + 3) % 7 >= 5 else "workday"
    return f"{kind} {block * 2:02d}-{block * 2 + 2:02d}"


def number_of(value: Any) -> float | None:
    """Give a positive number, or None for anything else.

    >>> number_of(3), number_of(-1), number_of("3"), number_of(True)
    (3.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < float("inf") else None
