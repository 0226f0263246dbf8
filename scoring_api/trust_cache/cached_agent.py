"""What is in memory of an agent: its trust states, and its answers as the messages to send."""

from __future__ import annotations

import sys
from typing import Final, NamedTuple

import msgspec

from models.trust.response import Answer, encode, etag
from models.trust.state import TrustState
from models.units import SECOND_US
from scoring_api.problems import Message

Question = tuple[str | None, str | None]
"""Mode and operation asked for; None where the caller named none."""

_PACK: Final = msgspec.msgpack.Encoder()
_UNPACK: Final = msgspec.msgpack.Decoder(TrustState)
_ANSWER: Final = msgspec.json.Decoder(Answer)


class Packed(NamedTuple):
    """A trust state as it is kept.

    Attributes
    ----------
    mode, state
        Which one, and its bytes.
    shown
        Stands for all that an answer depends on, within this process: an event that only counts,
        as most do, leaves it as it was.
    """

    mode: str
    state: bytes
    shown: int


def pack(state: TrustState) -> Packed:
    """Pack a state as `Known.put` takes it."""
    shown = _PACK.encode((state.state, state.config_version, state.ledger, state.standing))
    return Packed(sys.intern(state.mode), _PACK.encode(state), hash(shown))


class Entry:
    """One encoded answer with its headers, as the messages that send it."""

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
        # Until when it may be sent: to its end, but for stale ones, which have ended already.
        self.holds_until_us = holds_until_us
        self.stale = stale
        # Whether somebody asked for it since it was made.
        self.asked = True
        # Whether nobody did for longer than an answer is refreshed.
        self.old = False
        self.body_message: Message = {"type": "http.response.body", "body": self.body}
        self._start: Message = {}
        # Until when `max-age` is what `_start` says.
        self._aged_us = -1

    @property
    def answer(self) -> Answer:
        """The answer itself, out of its bytes: kept beside them it would double their memory."""
        return _ANSWER.decode(self.body)

    def start_message(self, now_us: int) -> Message:
        """Give the first message of a 200; made anew once a second, as ``max-age`` runs down."""
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
            # With the clock set back the age that is told is too small, never too large.
            self._aged_us = self.expires_us - age * SECOND_US if age else now_us + SECOND_US
        return self._start

    def unchanged_message(self, now_us: int) -> Message:
        """Give the first message of a 304: the headers without those of a body."""
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
    """What is in memory of one agent: its states by mode, packed, and answers already encoded.

    A packed state takes a tenth of the memory, and the garbage collector does not look inside.
    """

    __slots__ = ("_packed", "agent_id", "entries")

    def __init__(self, agent_id: str) -> None:
        self.agent_id = agent_id
        self.entries: dict[Question, Entry] = {}
        self._packed: tuple[Packed, ...] = ()

    def put(self, packed: Packed) -> bool:
        """Take in the state of a mode; True when it changes answers, which then no longer hold."""
        others = [one for one in self._packed if one.mode != packed.mode]
        changes = all(one.shown != packed.shown for one in self._packed if one.mode == packed.mode)
        if changes:
            self.entries.clear()
        self._packed = (*others, packed)
        return changes

    @property
    def has_states(self) -> bool:
        """False for an agent that nobody has seen."""
        return bool(self._packed)

    def states(self) -> list[TrustState]:
        """Give the states, one a mode."""
        return [_UNPACK.decode(packed.state) for packed in self._packed]
