"""Read the fields of an event that features, counters and rules are declared over.

A missing field is unknown, never empty. `native/src/features/fields.rs` reads the same fields.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from models.features.commands import COMMANDS, command_programs
from models.features.containers import containers, identifiers
from models.features.credentials import lifetime_of
from models.features.network import OWN_NETWORKS, host_of
from models.features.plan import REPORTED
from models.units import HOUR_US

if TYPE_CHECKING:
    from models.event import Event, Origin

Record = dict[str, str]

MAX_VALUE = 200
MAX_DEPTH = 4
MAX_PROGRAMS = 20
"""Most programs of a command line that an adapter has parsed."""
TOKENS = ("total_tokens", "tokens", "output_tokens")
"""Attributes that hold the tokens of a call, the first one found counts."""
PRICES = ("cost", "cost_usd")
APPROVALS = ((2.0, 8.0), (10.0, 1.0))
"""An approval given in under so many seconds counts so much."""
ASKED = ("request", "system")
EFFECTS = {"revoked": "revoked", "changed": "identity_change"}
"""Effect of a security event -> the field that a rule is declared over."""


class Fields(Struct):
    """The fields of one event.

    Attributes
    ----------
    single
        Field -> value, of fields with one value.
    records
        Kind -> its records: scope, delegate, container, program, argument.
    numbers
        Field -> number above 0.
    """

    single: Record
    records: dict[str, list[Record]] = {}
    numbers: dict[str, float] = {}


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
        "operation": event.operation,
        "hour": _time_of_day(time_us // HOUR_US // 2 % (7 * 12)),
    }
    if event.mode != "unknown":
        single["mode"] = event.mode
    if event.outcome is not None:
        single["outcome"] = event.outcome
    if event.human is not None:
        single["person"] = event.human.id
    attributes = event.attributes or {}
    digest = attributes.get("tool_digest")
    if isinstance(digest, str):
        single["definition"] = digest[:MAX_VALUE]
    if attributes.get("peer_verified") is False:
        single["unverified"] = event.tool
    for name in REPORTED:
        found = attributes.get(name)
        if found and isinstance(found, str):
            single[name] = found[:MAX_VALUE]
    if event.kind == "security_event":
        _of_security_event(attributes, single)
    _of_resource(event, single)
    _of_network(event, origin, single)
    records: dict[str, list[Record]] = {}
    if event.delegation:
        single["depth"] = str(min(len(event.delegation), MAX_DEPTH))
        person = single.get("person")
        records["delegate"] = [{"delegate": one} for one in event.delegation if one != person]
    credential = event.credential
    if credential is not None:
        single["lifetime"] = lifetime_of(credential, event)
        if credential.purpose:
            single["credential_purpose"] = credential.purpose[:MAX_VALUE]
        if credential.scopes:
            records["scope"] = [{"scope": one} for one in credential.scopes]
    _of_arguments(event, records)
    return Fields(single, records, _numbers(event, attributes))


def _of_security_event(attributes: dict[str, Any], single: Record) -> None:
    """Read what somebody else reports about the identity of the agent."""
    said, effect = attributes.get("security_event"), attributes.get("effect")
    field = EFFECTS.get(effect) if isinstance(effect, str) else None
    if field is not None and isinstance(said, str):
        single[field] = said[:MAX_VALUE]


def _of_resource(event: Event, single: Record) -> None:
    """Read the resource; `target` names what is done to what, the agent's own name replaced."""
    resource = event.resource
    if resource is None:
        single["target"] = event.tool
        return
    identifier = resource.id[:MAX_VALUE]
    single["resource"] = identifier
    single["target"] = f"{event.tool}/{identifier}".replace(f"/{event.agent.id}/", "/agent/")
    if resource.domain is not None:
        single["domain"] = resource.domain
        single["data_class"] = f"{resource.domain} {resource.sensitivity or ''}".rstrip()
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
    programs: list[Record] = [{"program": one} for one in _listed(event.attributes or {})]
    unlisted = not programs
    origins = event.argument_origins or {}
    for key, found in origins.items():
        for raw, where in found:
            value = raw[:MAX_VALUE]
            names.append(value)
            arguments.append(_argument(key, value, where))
    for key, text in (event.arguments or {}).items():
        if not isinstance(text, str):
            continue
        if unlisted and key in COMMANDS:
            programs += [{"program": one} for one in command_programs(text)]
        read = identifiers(text)
        names += read
        if key not in origins:
            arguments += [_record(key, "unknown", value[:MAX_VALUE]) for value in read]
    if event.resource is not None:
        names.append(event.resource.id)
    belongs = {one for name in names for one in containers(name[:MAX_VALUE])}
    if belongs:
        records["container"] = [{"container": one} for one in sorted(belongs)]
    if programs:
        records["program"] = programs
    if arguments:
        records["argument"] = arguments


def _listed(attributes: dict[str, Any]) -> list[str]:
    """Give the programs that an adapter has parsed out of a command line."""
    listed = attributes.get("programs")
    if not isinstance(listed, list):
        return []
    return [one[:MAX_VALUE] for one in listed if isinstance(one, str)][:MAX_PROGRAMS]


def _argument(key: str, value: str, where: list[str]) -> Record:
    asked = next((one for one in where if one in ASKED), None)
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


def _numbers(event: Event, attributes: dict[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    volume = event.volume
    if volume is not None:
        for name in ("bytes_out", "bytes_in", "records"):
            _add(found, name, getattr(volume, name))
    _add(found, "duration", event.duration_ms)
    for name, keys in (("tokens", TOKENS), ("price", PRICES)):
        _add(found, name, next((attributes[key] for key in keys if key in attributes), None))
    seconds = attributes.get("approval_seconds")
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds >= 0:
        _add(found, "haste", next((worth for under, worth in APPROVALS if seconds < under), None))
    return found


def _add(found: dict[str, float], name: str, value: Any) -> None:
    number = number_of(value)
    if number is not None:
        found[name] = number


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
