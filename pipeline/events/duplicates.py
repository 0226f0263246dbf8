"""Find duplicate events: the same agent, the same id and the same content.

An event has a key, made of its agent and id, and a digest of its content. Other content under a
known key is a separate event (a conflict). It gets a second key, made of key and digest, so its own
repeats are found, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from models.codec.hashing import hasher_of, mix
from models.kernel import native_kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Mark: TypeAlias = tuple[int, int]
"""Key and digest of an event, 63 bits each."""

Reception: TypeAlias = Literal["accepted", "duplicate", "conflict"]
"""How an event relates to the known events."""


class Resolved(NamedTuple):
    """How an event was received, and the mark to store for it."""

    reception: Reception
    mark: Mark | None


def resolved(
    marks: Sequence[Mark | None], look_up: Callable[[list[int]], Mapping[int, int]]
) -> list[Resolved]:
    """Compare events with the known ones, and with each other in their order.

    Parameters
    ----------
    marks
        None is a record that cannot be an event. It is accepted here, and the engine rejects it
        later.
    look_up
        Returns the digests of known keys.

    Examples
    --------
    >>> marks = [(7, 1), (7, 1), (7, 2), (7, 2), (8, 1), None]
    >>> [one.reception for one in resolved(marks, lambda keys: {8: 1} if 8 in keys else {})]
    ['accepted', 'duplicate', 'conflict', 'duplicate', 'duplicate', 'accepted']
    """
    keys = [mark[0] for mark in marks if mark is not None]
    known = dict(look_up(sorted(keys)))  # sorted: a store finds neighbours twice as fast
    if not known and len(set(keys)) == len(keys):  # the common case: all are new
        return [Resolved("accepted", mark) for mark in marks]
    firsts = dict(known)
    seconds = {
        _second(key, digest)
        for key, digest in filter(None, marks)
        if firsts.setdefault(key, digest) != digest
    }
    if seconds:
        known |= look_up(sorted(seconds))
    found: list[Resolved] = []
    for mark in marks:
        if mark is None:
            found.append(Resolved("accepted", None))
            continue
        key, digest = mark
        reception: Reception = "accepted"
        if known.get(key, digest) != digest:
            key, reception = _second(key, digest), "conflict"
        if key in known:
            reception = "duplicate"
        known.setdefault(key, digest)
        found.append(Resolved(reception, (key, digest)))
    return found


def _second(key: int, digest: int) -> int:
    """Give the key of a conflict: other content under a known key."""
    return mix(key, digest) >> 1


class _Agent(Struct):
    id: str


class _Names(Struct):
    id: str
    agent: _Agent


class Marker:
    """Marks raw events of the native format.

    Parameters
    ----------
    secret
        Secret of the installation.

    Examples
    --------
    >>> marker = Marker(b"0123456789abcdef")
    >>> one, other, none = marker.of_all(
    ...     [b'{"id":"1","agent":{"id":"a"}}', b'{"agent": {"id": "a"}, "id": "1"}', b"{"]
    ... )
    >>> one == other, none
    (True, None)
    """

    def __init__(self, secret: bytes) -> None:
        self._hasher = hasher_of(secret, native_kernel("auto"))
        self._names = msgspec.json.Decoder(_Names).decode

    def of_all(self, values: Sequence[bytes]) -> list[Mark | None]:
        """Give the mark of each event; None for a record that cannot be an event."""
        return [self._of(value) for value in values]

    def key_of(self, value: bytes) -> int:
        """Give the key of a valid event."""
        names = self._names(value)
        (key,) = self._hasher.event_keys([(names.agent.id, names.id)])
        return key

    def _of(self, value: bytes) -> Mark | None:
        try:
            return self.key_of(value), self._hasher.content(value)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None


class LatestCalls:
    """Finds calls that were given before, where no store does.

    An assembler remembers only the latest calls of a session. A call that another file reports once
    more is the same event: it has the same agent and id.

    Parameters
    ----------
    most
        Most calls that are remembered; the oldest is forgotten first.

    Examples
    --------
    >>> calls = LatestCalls()
    >>> calls.is_new(b'{"id":"1","agent":{"id":"a"}}')
    True
    >>> calls.is_new(b'{"id":"1","agent":{"id":"a"},"outcome":"ok"}')
    False
    """

    def __init__(self, most: int = 1_000_000) -> None:
        self._most, self._key_of = most, Marker(bytes(16)).key_of
        self._keys: dict[int, None] = {}

    def is_new(self, event: bytes) -> bool:
        """Remember an event; return whether its call is not among the latest ones."""
        key = self._key_of(event)
        if key in self._keys:
            return False
        if len(self._keys) >= self._most:
            del self._keys[next(iter(self._keys))]
        self._keys[key] = None
        return True
