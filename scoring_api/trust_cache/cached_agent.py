"""Cached data of an agent: its trust states, and its answers as messages to send."""

from __future__ import annotations

import sys
from typing import Final, NamedTuple

import msgspec

from models.trust.response import Answer, encode, etag
from models.trust.state import TrustState
from models.units import SECOND_US
from scoring_api.problems import Message

Question = tuple[str | None, str | None]
"""Requested mode and operation; None if not given."""

_PACK: Final = msgspec.msgpack.Encoder()
_UNPACK: Final = msgspec.msgpack.Decoder(TrustState)
_ANSWER: Final = msgspec.json.Decoder(Answer)


class Packed(NamedTuple):
    """A packed trust state.

    Attributes
    ----------
    mode, state
        Mode, and bytes of the state.
    shown
        Fingerprint, within this process, of the parts that an answer depends on. Most events only
        change counters and leave it unchanged.
    """

    mode: str
    state: bytes
    shown: int


def pack(state: TrustState) -> Packed:
    """Pack a state for `Known.put`."""
    shown = _PACK.encode((state.state, state.config_version, state.ledger, state.level_state))
    return Packed(sys.intern(state.mode), _PACK.encode(state), hash(shown))


class Entry:
    """One encoded answer with its headers, as messages to send."""

    __slots__ = (
        "_aged_us",
        "_start",
        "asked",
        "body",
        "body_message",
        "expires_us",
        "holds_until_us",
        "old",
        "stale",
        "tag",
    )

    def __init__(
        self, answer: Answer, expires_us: int, holds_until_us: int, *, stale: bool
    ) -> None:
        self.body = encode(answer)
        self.tag = etag(self.body).encode()
        self.expires_us = expires_us
        # Time until which it may be sent: its expiry, or later for stale ones, which are expired.
        self.holds_until_us = holds_until_us
        self.stale = stale
        # Whether it was requested since it was made.
        self.asked = True
        # Whether it was not requested within the refresh time.
        self.old = False
        self.body_message: Message = {"type": "http.response.body", "body": self.body}
        self._start: Message = {}
        # Time until which `max-age` in `_start` is correct.
        self._aged_us = -1

    @property
    def answer(self) -> Answer:
        """The decoded answer; caching it with the bytes would double the memory."""
        return _ANSWER.decode(self.body)

    def start_message(self, now_us: int) -> Message:
        """Give the first message of a 200; remade once a second, as ``max-age`` decreases."""
        if now_us > self._aged_us:
            age = max(0, (self.expires_us - now_us) // SECOND_US)
            self._start = {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(self.body)).encode()),
                    *self._headers(age),
                ],
            }
            # After the clock is set back, the sent age is too small, never too large.
            self._aged_us = self.expires_us - age * SECOND_US if age else now_us + SECOND_US
        return self._start

    def unchanged_message(self, now_us: int) -> Message:
        """Give the first message of a 304, without the headers of a body."""
        age = max(0, (self.expires_us - now_us) // SECOND_US)
        return {"type": "http.response.start", "status": 304, "headers": self._headers(age)}

    def headers(self, now_us: int) -> list[tuple[bytes, bytes]]:
        """Give the headers of a 200."""
        return list(self.start_message(now_us)["headers"])

    def _headers(self, age: int) -> list[tuple[bytes, bytes]]:
        control = "no-store" if self.stale else f"private, max-age={age}"
        return [
            (b"etag", self.tag),
            (b"cache-control", control.encode()),
            (b"vary", b"Authorization, X-API-Key"),
            (b"x-content-type-options", b"nosniff"),
        ]


class Known:
    """Cached data of one agent: packed states by mode, and encoded answers.

    A packed state takes a tenth of the memory, and the garbage collector skips it.
    """

    __slots__ = ("_packed", "agent_id", "entries")

    def __init__(self, agent_id: str) -> None:
        self.agent_id = agent_id
        self.entries: dict[Question, Entry] = {}
        self._packed: tuple[Packed, ...] = ()

    def put(self, packed: Packed) -> bool:
        """Store the state of a mode; return True if it invalidates the answers."""
        others = [one for one in self._packed if one.mode != packed.mode]
        changes = all(one.shown != packed.shown for one in self._packed if one.mode == packed.mode)
        if changes:
            self.entries.clear()
        self._packed = (*others, packed)
        return changes

    @property
    def has_states(self) -> bool:
        """Whether the agent is known."""
        return bool(self._packed)

    def states(self) -> list[TrustState]:
        """Give the states, one per mode."""
        return [_UNPACK.decode(packed.state) for packed in self._packed]
