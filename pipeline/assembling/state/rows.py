"""The rows that open sessions are stored in: a head each, and one for each text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pipeline.assembling.native_events import digest_of
from pipeline.assembling.state.session_state import State
from pipeline.formats.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.assembling.state.corpus import Corpus

NAME = "assembly:"
"""Beginning of the names of stored state."""
HOOKED, ANCESTRY = f"{NAME}hooked", f"{NAME}ancestry"
"""Rows that are about all sessions."""
_encode = msgspec.msgpack.Encoder().encode
_encode_head = msgspec.json.Encoder().encode
"""JSON, as MessagePack has no integer of more than 64 bits, and arguments may have one."""
_read_head = msgspec.json.Decoder(tuple[str, State]).decode
_read_text = msgspec.msgpack.Decoder(tuple[str, bytes]).decode


class SessionRows:
    """Knows which rows of sessions are stored, so that each text is written once.

    Examples
    --------
    >>> from pipeline.assembling.state.corpus import Corpus
    >>> rows, corpus = SessionRows(), Corpus(7)
    >>> corpus.add("request", "Mail the report")
    >>> stored = dict(rows.changed("s", State("s"), corpus))
    >>> len(stored), list(rows.changed("s", State("s"), corpus)) == list(stored.items())[1:]
    (2, True)
    >>> [(name, state.name) for name, state, _ in SessionRows().load(stored)]
    [('s', 's')]
    """

    def __init__(self) -> None:
        self._stored: dict[str, set[int]] = {}
        self._gone: list[str] = []

    def changed(self, name: str, state: State, corpus: Corpus) -> Iterator[tuple[str, bytes]]:
        """Give the rows of a session that are new; those of texts that it dropped are gone."""
        stored = self._stored.setdefault(name, set())
        first = state.texts = corpus.dropped
        for at, text in enumerate(corpus.texts, first):
            if at not in stored:
                yield _row(name, at), _encode(text)
                stored.add(at)
        for at in [at for at in stored if at < first]:
            stored.discard(at)
            self._gone.append(_row(name, at))
        yield _row(name), _encode_head((name, state))

    def forget(self, name: str) -> None:
        """Note that a session has ended, so that its rows are gone."""
        if name in self._stored:
            self._gone += [_row(name), *(_row(name, at) for at in self._stored.pop(name))]

    def gone(self) -> list[str]:
        """Give the rows to delete since the last call."""
        gone, self._gone = self._gone, []
        return gone

    def load(
        self, shared: Mapping[str, bytes]
    ) -> Iterator[tuple[str, State, list[tuple[str, bytes]]]]:
        """Give the stored sessions with their texts; the one that was quiet for longest first."""
        texts: dict[str, dict[int, bytes]] = {}
        heads: list[tuple[str, State]] = []
        for key, blob in shared.items():
            digest, _, at = key.removeprefix(NAME).partition(":")
            if not key.startswith(NAME) or key in (HOOKED, ANCESTRY):
                continue
            if at:
                texts.setdefault(digest, {})[int(at)] = blob
            else:
                heads.append(_head(blob))
        for name, state in sorted(heads, key=lambda one: (one[1].order, one[0])):
            rows = texts.get(_row(name).removeprefix(NAME), {})
            self._stored[name] = set(rows)
            yield name, state, [_read_text(row) for _, row in sorted(rows.items())]


def _head(blob: bytes) -> tuple[str, State]:
    try:
        name, state = _read_head(blob)
    except msgspec.ValidationError:
        name, state = _read_head(_of_earlier_version(blob))
    state.held = [msgspec.convert(one, Part) for one in state.held]
    return name, state


def _of_earlier_version(blob: bytes) -> bytes:
    """Give a state that has but the end of a finished call in the form of this version."""
    name, state = msgspec.json.decode(blob)
    done = {call: [end_us] for call, end_us in state["done"].items()}
    return _encode_head((name, state | {"done": done}))


def _row(name: str, at: int | None = None) -> str:
    digest = f"{NAME}{digest_of(name):016x}"
    return digest if at is None else f"{digest}:{at}"
