"""Ablation of event fields, to measure their effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.inspect import DictType, StructType, Type, UnionType, type_info

from models.errors import ConfigError
from models.event import Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.formats import Format


class FieldAblation:
    """A format that removes fields from events.

    Parameters
    ----------
    wire
        The format that reads the records.
    names
        Dotted fields of `Event`: ``volume.bytes_in``, ``arguments.to``.

    Raises
    ------
    ConfigError
        The field is unknown or required.

    Examples
    --------
    >>> from pipeline.formats import Native
    >>> line = (b'{"id":"1","time":"2026-01-05T08:00:00Z","agent":{"id":"a"},"tool":"t",'
    ...     b'"volume":{"bytes_in":9,"records":1}}')
    >>> volume = FieldAblation(Native(), ["volume.bytes_in"]).normalise(line).volume
    >>> volume.bytes_in, volume.records
    (None, 1)
    >>> FieldAblation(Native(), ["agent.id"])
    Traceback (most recent call last):
    models.errors.ConfigError: field 'agent.id' cannot be left out, every event needs it
    """

    def __init__(self, wire: Format, names: Sequence[str]) -> None:
        self._wire = wire
        self._paths = [name.split(".") for name in names]
        for name, path in zip(names, self._paths, strict=True):
            _check(name, type_info(Event), path)

    def normalise(self, value: bytes) -> Event:
        """Make an event from one record, without the fields."""
        event = self._wire.normalise(value)
        for path in self._paths:
            event = _dropped(event, path)
        return event


def _check(name: str, kind: Type, path: Sequence[str]) -> None:
    """Raise `ConfigError` unless a path leads to an optional field."""
    kinds = kind.types if isinstance(kind, UnionType) else (kind,)
    struct = next((k for k in kinds if isinstance(k, StructType)), None)
    if struct is None:
        if path and not any(isinstance(k, DictType) for k in kinds):
            raise ConfigError(f"unknown field {name!r}, nothing contains {path[0]!r}")
        return
    if not path:
        return
    known = {field.name: field for field in struct.fields}
    if path[0] not in known:
        raise ConfigError(
            f"unknown field {name!r}, expected one of {', '.join(known)} in place of {path[0]!r}"
        )
    field = known[path[0]]
    if len(path) == 1 and field.required:
        raise ConfigError(f"field {name!r} cannot be left out, every event needs it")
    _check(name, field.type, path[1:])


def _dropped(value: Any, path: Sequence[str]) -> Any:
    if isinstance(value, dict):
        gone = ".".join(path)
        return {key: one for key, one in value.items() if key != gone}
    name, rest = path[0], path[1:]
    inner = getattr(value, name)
    if inner is None:
        return value
    if rest:
        inner = _dropped(inner, rest)
    else:
        inner = next(f.default for f in msgspec.structs.fields(value) if f.name == name)
    return msgspec.structs.replace(value, **{name: inner})
