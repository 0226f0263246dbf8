"""What the sessions of agents have shown so far, until they are idle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, field

from models.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.codec.hashing import Hasher


class Subject(Struct, frozen=True, array_like=True):
    """The new thing that bits are about.

    Attributes
    ----------
    level
        How new it is, 1 to 3; 0 for a broken rule.
    name
        Name of its feature, counter or rule.
    mark
        Hash of the value.
    text
        The value in words.
    key
        Name of the argument that has the value; empty for none.
    """

    bits: float
    level: int
    name: str
    mark: int
    text: str
    key: str = ""


class SessionScores(Struct, array_like=True):
    """What one session has shown so far.

    Attributes
    ----------
    mark
        Hash of agent, mode and number of the session.
    day
        Day of its latest event since 1970.
    slots
        Key of a feature in a context -> highest level of novelty, and its bits; above 0 only.
    seen
        Such keys, of any level -> 1. Keys and values are the low 32 bits of marks.
    best
        Index of a feature -> its most bits.
    fresh
        New values of lasting features -> 1.
    touched
        Family -> events with such a value.
    amounts, distinct, repeats
        State of the counters: counter -> amount, value -> 1, call -> how often.
    bits
        Series -> most bits.
    subjects
        Series -> what the bits are about.
    rarities
        Family -> rarity in bits.
    combined, lead
        The combination of the families, and the family that leads it.
    """

    mark: int
    day: int = -1
    previous_tool: str = "START"
    slots: dict[int, tuple[int, float]] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    best: dict[int, float] = field(default_factory=dict)
    fresh: dict[int, int] = field(default_factory=dict)
    touched: dict[str, int] = field(default_factory=dict)
    amounts: dict[int, float] = field(default_factory=dict)
    distinct: dict[int, int] = field(default_factory=dict)
    repeats: dict[int, int] = field(default_factory=dict)
    bits: dict[int, float] = field(default_factory=dict)
    subjects: dict[int, Subject] = field(default_factory=dict)
    rarities: dict[str, float] = field(default_factory=dict)
    combined: float = 0.0
    lead: str | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(SessionScores).decode


class OpenScores:
    """The scores of all open sessions.

    A session is found by its agent, its mode and its number among the agent's sessions.
    """

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self._by_key: dict[int, SessionScores] = {}
        self._touched: set[int] = set()
        self._closed: set[int] = set()

    def _key(self, agent_id: str, mode: str, ordinal: int) -> int:
        return self._hasher.once(f"scores\x1f{agent_id}\x1f{mode}\x1f{ordinal}") >> 1

    def of(self, agent_id: str, mode: str, ordinal: int) -> SessionScores:
        """Give the scores of a session, to be changed; new ones for a new session."""
        key = self._key(agent_id, mode, ordinal)
        found = self._by_key.get(key)
        if found is None:
            found = self._by_key[key] = SessionScores(key)
        self._touched.add(key)
        return found

    def close(self, agent_id: str, mode: str, ordinal: int) -> None:
        """Drop the scores of a session that is over."""
        key = self._key(agent_id, mode, ordinal)
        if self._by_key.pop(key, None) is not None:
            self._touched.discard(key)
            self._closed.add(key)

    def dump(self) -> tuple[list[tuple[int, bytes]], list[int]]:
        """Give the bytes of changed sessions and the keys of closed ones, since the last call."""
        changed = [(key, _MARK + _encode(self._by_key[key])) for key in sorted(self._touched)]
        gone = sorted(self._closed)
        self._touched.clear()
        self._closed.clear()
        return changed, gone

    def load(self, stored: Iterable[tuple[int, bytes]]) -> None:
        """Read what `dump` wrote.

        Raises
        ------
        StateError
            The bytes are malformed.
        """
        for key, blob in stored:
            try:
                self._by_key[key] = _decode(blob[len(_MARK) :])
            except (msgspec.MsgspecError, ValueError) as error:
                raise StateError(f"scores of a session cannot be read: {error}") from error


_MARK = b"\xc1S"
"""First bytes of stored scores: no other stored session begins so."""


def is_scores(blob: bytes) -> bool:
    """Tell whether stored bytes are the scores of a session."""
    return blob.startswith(_MARK)
