"""The native format, version 1: one JSON object per action, as in ``models/event.py``.

The fast path is one pass in C, which makes the event and stops at an unknown key. A long record
gets a second pass, which measures its arguments. All other records take the slow path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from models.errors import MalformedEvent
from models.event import Agent, Credential, Event, Human, Network, Resource, Volume
from pipeline.enrichment.operations import load
from pipeline.events.unknown_members import names_of
from pipeline.formats.bounds import KEPT_BYTES, fit
from pipeline.formats.reasons import REFUSALS, malformed
from pipeline.processing.stream_types import MAX_VALUE

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.event import Operation

_PARTS: dict[str, type[Struct]] = {
    "agent": Agent,
    "human": Human,
    "resource": Resource,
    "network": Network,
    "volume": Volume,
    "credential": Credential,
}
_LARGEST_COUNT = (1 << 63) - 1


class _AnyKeys(Struct, forbid_unknown_fields=True):
    """The keys of an event; values are not decoded."""

    arguments: Raw | UnsetType = UNSET
    argument_origins: Raw | UnsetType = UNSET
    attributes: Raw | UnsetType = UNSET


def _strict(shape: type[Struct]) -> type[Any]:
    """Make a subclass of `shape` that refuses unknown keys."""
    parts: list[tuple[str, Any, Any]] = [
        (name, _strict(part) if name == "agent" else _strict(part) | None, field.default)
        for name, part in _PARTS.items()
        for field in msgspec.structs.fields(shape)
        if shape is Event and field.name == name
    ]
    required = [
        (name, kind) if default is msgspec.NODEFAULT else (name, kind, default)
        for name, kind, default in parts
    ]
    return msgspec.defstruct(
        shape.__name__, required, bases=(shape,), forbid_unknown_fields=True,
        frozen=True, omit_defaults=True, kw_only=True, gc=False,
    )  # fmt: skip


_EVENT = _strict(Event)


def _keys_of(shape: type[Struct], name: str, base: type[Struct] | None = None) -> type[Struct]:
    """Make a struct that accepts exactly the keys of `shape` and decodes no value."""
    fields: list[tuple[str, Any, Any]] = []
    for key in shape.__struct_fields__:
        if base is not None and key in _PARTS:
            part = _keys_of(_PARTS[key], f"{name}_{key}")
            fields.append((key, part | None | UnsetType, UNSET))
        elif base is None or key not in base.__struct_fields__:
            fields.append((key, Raw | UnsetType, UNSET))
    bases = (base,) if base is not None else ()
    return msgspec.defstruct(name, fields, bases=bases, forbid_unknown_fields=True)


class Native:
    """Reader of the native format.

    It refuses everything the contract forbids and names the path. It does not check meaning: a
    wrong but well formed value is accepted.

    Parameters
    ----------
    infer
        Maps a tool to its operation where the event has none; the shipped table by default.

    Attributes
    ----------
    infer
        The parameter.
    native_records
        Whether these records are native events and nothing else. Derived classes do not inherit it
        (`pipeline.formats.native_reader`).

    Examples
    --------
    >>> event = Native().normalise(
    ...     b'{"id":"1","time":"2026-01-05T08:00:00Z","agent":{"id":"a","team":"x"},'
    ...     b'"tool":"send_money"}'
    ... )
    >>> event.operation, event.attributes
    ('pay', {'agent.team': 'x'})
    >>> Native().normalise(b'{"id":"1"}')
    Traceback (most recent call last):
    models.errors.MalformedEvent: missing_key: object missing required field `time` at $
    """

    native_records = True

    def __init__(self, infer: Callable[[str], Operation] | None = None) -> None:
        self.infer = infer or load()
        self._decode: Callable[[bytes], Event] = msgspec.json.Decoder(_EVENT).decode
        self._keys = msgspec.json.Decoder(_keys_of(Event, "_Keys", _AnyKeys)).decode

    def normalise(self, value: bytes) -> Event:
        """Make an event from one record.

        Raises
        ------
        MalformedEvent
            With a reason of `models.errors.REJECT_REASONS`.
        """
        return self.read(value)[0]

    def read(self, value: bytes) -> tuple[Event, tuple[str, ...]]:
        """Make an event from one record, and list its unknown members.

        >>> Native().read(
        ...     b'{"id":"1","time":"2026-01-05T08:00:00Z","agent":{"id":"a"},'
        ...     b'"tool":"t","resorce":{}}'
        ... )[1]
        ('resorce',)
        """
        unknown: tuple[str, ...] = ()
        if len(value) > MAX_VALUE:
            raise MalformedEvent(
                "too_long", f"record is {len(value)} bytes, expected at most {MAX_VALUE}"
            )
        try:
            event = self._decode(value)
        except REFUSALS as error:
            event, unknown = _read_slowly(value, error)
        else:
            if len(value) > KEPT_BYTES:
                _keep_small(event, self._keys(value))
        if event.operation == "unknown":
            msgspec.structs.force_setattr(event, "operation", self.infer(event.tool))
        if event.volume is not None:
            _check_counts(event.volume)
        if b"\\u0000" in value:
            _check_names(event)
        return event, unknown


def _keep_small(event: Event, keys: Any) -> None:
    if keys.arguments is not UNSET and len(keys.arguments) > KEPT_BYTES and event.arguments:
        msgspec.structs.force_setattr(event, "arguments", fit(event.arguments))
    if keys.attributes is not UNSET and len(keys.attributes) > KEPT_BYTES and event.attributes:
        msgspec.structs.force_setattr(event, "attributes", fit(event.attributes))


def _read_slowly(value: bytes, error: Exception) -> tuple[Event, tuple[str, ...]]:
    """Read a record that has unknown keys, or null where the contract allows none."""
    try:
        fields = msgspec.json.decode(value)
        if not isinstance(fields, dict):
            raise malformed(error, value)
        known, unknown = _known(fields)
        event: Event = msgspec.convert(known, _EVENT)
    except REFUSALS as second:
        raise malformed(second, value) from None
    if event.arguments:
        msgspec.structs.force_setattr(event, "arguments", fit(event.arguments))
    return event, names_of(unknown)


def _known(fields: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Separate unknown keys, and leave out nulls, which mean the same as a missing key.

    Returns
    -------
    tuple
        The known fields, and the fields with unknown keys.
    """
    known: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for key, value in fields.items():
        if key not in Event.__struct_fields__:
            unknown[key] = value
        elif key in _PARTS and isinstance(value, dict):
            names = _PARTS[key].__struct_fields__
            known[key] = {n: v for n, v in value.items() if n in names and v is not None}
            unknown |= {f"{key}.{n}": v for n, v in value.items() if n not in names}
        elif value is not None:
            known[key] = value
    given = known.get("attributes", {})
    if isinstance(given, dict) and (given or unknown):
        known["attributes"] = fit({**unknown, **given})
    return known, unknown


def _check_counts(volume: Volume) -> None:
    for name in volume.__struct_fields__:
        count = getattr(volume, name)
        if count is not None and count > _LARGEST_COUNT:
            raise MalformedEvent(
                "bad_value", f"expected `int` <= {_LARGEST_COUNT} at $.volume.{name}"
            )


def _check_names(event: Event) -> None:
    # PostgreSQL refuses NUL in text, so only SQLite could store such an id.
    for path, name in (("id", event.id), ("agent.id", event.agent.id), ("tool", event.tool)):
        if "\0" in name:
            raise MalformedEvent("bad_value", f"expected no NUL character at $.{path}")
